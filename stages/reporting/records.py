"""The tables that DVC reads: `dvc plots` all but the metrics, which are for `dvc metrics` and `dvc exp show`."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.reporting.measures import PRIMARY, by_seed
from stages.reporting.parameters import deciding
from stages.reporting.runs import Run, Runs
from stages.results.statistics import mean_interval

HALF = "±"  # behind a variant's name: half of its interval
FOLDERS = ("figures", "pictures")  # whose pictures DVC compares


def tables(runs: Runs) -> Iterator[tuple[str, str]]:
    """Yield confusion.csv and metrics.json as (file name, text).

    confusion.csv has a row for each variant, actual and predicted class, in class order, also where there is none: how
    many test images of all seeds, by the last epoch's weights.
    metrics.json holds n, the number of seeds, and of each variant the mean of the score to judge by, with half of its t
    interval, which one seed does not have: `{"n": 6, "baseline": 0.3393, "baseline ±": 0.0314, ...}`.
    """
    yield "confusion.csv", _csv([row for variant, seeds in runs.items() for row in _confusion(variant, seeds)])
    yield "metrics.json", json.dumps(_metrics(runs), indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def of_files(reports: Path, params: Path) -> Iterator[tuple[str, str]]:
    """Yield parameters.csv and figures.csv as (file name, text): what `dvc plots diff` says of two revisions.

    parameters.csv has a row for each parameter that decides results, by its dotted name, figures.csv one for each
    figure below `reports`, with a hash of its content: equal figures need not be shown. Raises SystemExit and OSError.
    """
    yield "parameters.csv", _csv([{"parameter": name, "value": value} for name, value in deciding(params).items()])
    pictures = [file for folder in FOLDERS for file in sorted((reports / folder).glob("*.png"))]
    yield "figures.csv", _csv([{"figure": file.as_posix(), "value": _hash(file)} for file in pictures])


def _confusion(variant: str, seeds: dict[int, Run]) -> Iterator[dict[str, Any]]:
    classes = next(iter(seeds.values())).classes
    images = np.zeros((len(classes), len(classes)), int)
    for run in seeds.values():
        np.add.at(images, (run.actual, run.predicted), 1)
    for actual, row in zip(classes, images):
        for predicted, number in zip(classes, row):
            yield {"variant": variant, "actual": actual, "predicted": predicted, "images": number}


def _metrics(runs: Runs) -> dict[str, float]:
    found: dict[str, float] = {}
    for variant, seeds in runs.items():
        interval = mean_interval(by_seed(seeds, PRIMARY).values())
        found |= {"n": interval.n, variant: round(interval.mean, 4)}
        if interval.low is not None and interval.high is not None:
            found[f"{variant} {HALF}"] = round((interval.high - interval.low) / 2, 4)
    return found


def _hash(file: Path) -> str:
    return hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()[:12]


def _csv(rows: list[dict[str, Any]]) -> str:
    return pd.DataFrame(rows).to_csv(index=False, lineterminator="\n")
