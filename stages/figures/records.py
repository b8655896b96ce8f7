"""The tables that DVC reads: `dvc plots` the curves and confusions, `dvc metrics` and `dvc exp show` the metrics."""

import json

import pandas as pd

from stages.figures.measures import MEASURES, by_seed
from stages.scoring.statistics import summary


def tables(runs):
    """Yield curves.csv, confusion/<variant>.csv and metrics.json as (file name, text); runs is `{variant: {seed: Run}}`.

    curves.csv is curves.csv of all runs with the columns variant and seed before them. confusion/<variant>.csv has a row
    actual,predicted for each test image and seed. metrics.json holds the mean over seeds, `{variant: {measure: number}}`.
    """
    every = [run for of in runs.values() for run in of.values()]
    yield "curves.csv", _csv(pd.concat([run.curves.assign(variant=run.variant, seed=run.seed) for run in every]), ["variant", "seed"])
    for variant, of in runs.items():
        tests = pd.concat([run.predictions.query("split == 'test'") for run in of.values()])
        yield f"confusion/{variant}.csv", _csv(tests[["actual", "predicted"]])
    means = {variant: {measure: round(summary(by_seed(of, measure).values()).mean, 6) for measure in MEASURES} for variant, of in runs.items()}
    yield "metrics.json", json.dumps(means, indent=2, allow_nan=False) + "\n"


def _csv(table, first=()):
    return table[[*first, *table.columns.drop(list(first))]].to_csv(index=False, float_format="%.6g", lineterminator="\n")
