"""The tables that DVC reads: `dvc plots` the curves and confusions, `dvc metrics` and `dvc exp show` the metrics."""

import json

import pandas as pd

from stages.reporting.measures import by_seed
from stages.results.statistics import summary

COMPARED = ("val_macro_f1_max", "test_macro_f1", "train_loss")  # of the measures those that an experiment is judged by


def tables(runs):
    """Yield curves.csv, confusion/<variant>.csv and metrics.json as (file name, text); runs is `{variant: {seed: Run}}`.

    curves.csv is curves.csv of all runs with the columns variant and seed before them. confusion/<variant>.csv has a row
    actual,predicted for each test image and seed. metrics.json holds means over seeds, `{measure: {variant: number}}`: in this order
    DVC's tables put the variants side by side.
    """
    every = [run for of in runs.values() for run in of.values()]
    yield (
        "curves.csv",
        _csv(pd.concat([run.curves.assign(variant=run.variant, seed=run.seed) for run in every]), ["variant", "seed"]),
    )
    for variant, of in runs.items():
        tests = pd.concat([run.predictions.query("split == 'test'") for run in of.values()])
        yield f"confusion/{variant}.csv", _csv(tests[["actual", "predicted"]])
    means = {
        m: {variant: round(summary(by_seed(of, m).values()).mean, 6) for variant, of in runs.items()} for m in COMPARED
    }
    yield "metrics.json", json.dumps(means, indent=2, allow_nan=False) + "\n"


def _csv(table, first=()):
    return table[[*first, *table.columns.drop(list(first))]].to_csv(
        index=False, float_format="%.6g", lineterminator="\n"
    )
