"""The tables that DVC reads: `dvc plots` the confusions, `dvc metrics` and `dvc exp show` the metrics."""

import json
from collections.abc import Iterator

import numpy as np
import pandas as pd

from stages.reporting.measures import LOSS, OVERFITTING, PAPERS, PRIMARY, by_seed
from stages.reporting.runs import Runs
from stages.results.statistics import summary


def tables(runs: Runs) -> Iterator[tuple[str, str]]:
    """Yield confusion/<variant>.csv and metrics.json as (file name, text).

    confusion/<variant>.csv has a row actual,predicted for each test image and seed, by the last epoch's weights.
    metrics.json holds means over seeds, `{measure: {variant: number}}`: in this order DVC's tables put the variants
    side by side.
    """
    for variant, seeds in runs.items():
        names = np.array(next(iter(seeds.values())).classes, dtype=object)
        pairs = [
            pd.DataFrame({"actual": names[run.actual], "predicted": names[run.predicted]}) for run in seeds.values()
        ]
        yield f"confusion/{variant}.csv", pd.concat(pairs).to_csv(index=False, lineterminator="\n")
    means = {
        measure: {variant: round(summary(by_seed(seeds, measure).values()).mean, 6) for variant, seeds in runs.items()}
        for measure in (PRIMARY, PAPERS, LOSS, *OVERFITTING)
    }
    yield "metrics.json", json.dumps(means, indent=2, allow_nan=False) + "\n"
