"""What the runs of the circles study tell: means, paired differences, and how far models fell from their peak.

No verdict is made here: what counts as found is the ledger's to say.
"""

from typing import Any

import pandas as pd
from scipy import stats

from stages.reporting.circles.names import MEASURES, SCORES
from stages.results.statistics import LEVEL, mean_interval, paired_difference

# Each variant against none, and the two places in the hidden layer against each other.
PAIRS = [("input", "baseline"), ("before", "baseline"), ("after", "baseline"), ("after", "before")]
COMPARED = ["test_accuracy", "large_accuracy", "large_loss"]
# {measure: its value at the peak}, and which way a fall is.
FALLS = {
    "test_accuracy": ("peak_accuracy", -1),
    "large_accuracy": ("peak_large_accuracy", -1),
    "test_loss": ("peak_loss", 1),
    "large_loss": ("peak_large_loss", 1),
}


def summary(runs: pd.DataFrame, tutorial: pd.DataFrame) -> pd.DataFrame:
    """over, variant, measure, mean, std (of a sample), min, max, n; `tutorial`: what that printed for the same points.

    runs: a row for each model, as the stage `circles` writes it. tutorial: variant, train_accuracy, test_accuracy, as
    in data/paper/circles.csv.
    """
    long = runs.melt(["over", "variant"], SCORES, "measure")
    values = long.groupby(["over", "variant", "measure"], sort=False).value
    table = values.agg(["mean", "std", "min", "max", "size"]).reset_index().rename(columns={"size": "n"})
    printed = tutorial.melt("variant", ["train_accuracy", "test_accuracy"], "measure", "tutorial").assign(over="seeds")
    return table.merge(printed, how="left", on=["over", "variant", "measure"])


def metrics(summary: pd.DataFrame, best_accuracy: float) -> dict[str, Any]:
    """{"best_accuracy", over: {variant: {measure: mean}}} of the `MEASURES`, for `dvc metrics`."""
    nested: dict[str, Any] = {"best_accuracy": round(best_accuracy, 4)}
    for row in summary[summary.measure.isin(list(MEASURES))].itertuples():
        nested.setdefault(row.over, {}).setdefault(row.variant, {})[row.measure] = round(row.mean, 4)
    return nested


def differences(runs: pd.DataFrame) -> pd.DataFrame:
    """A table of every pair's mean paired difference, for each measure and each kind of repetition.

    runs: a row for each model: over ("seeds" or "draws"), variant, seed and the measures. Columns of the result: over,
    measure, variant, against, difference, low, high (t interval at `statistics.LEVEL`), n.
    """
    rows = []
    for over, repetitions in runs.groupby("over", sort=False):
        for measure in COMPARED:
            values = repetitions.pivot(index="seed", columns="variant", values=measure)
            for variant, against in PAIRS:
                found = paired_difference(values[variant].to_dict(), values[against].to_dict())
                rows.append((over, measure, variant, against, *found))
    return pd.DataFrame(rows, columns=["over", "measure", "variant", "against", "difference", "low", "high", "n"])


def simultaneous(differences: pd.DataFrame) -> pd.DataFrame:
    """The table of `differences` with intervals that hold together at `LEVEL`: Bonferroni's, over all its rows.

    One more column, `differs`: whether the interval leaves out zero.
    """
    half, rows = (differences["high"] - differences["low"]) / 2, len(differences)
    alone, together = (stats.t.ppf(1 - (1 - LEVEL) / 2 / share, differences["n"] - 1) for share in (1, rows))
    low, high = (differences["difference"] + sign * half * together / alone for sign in (-1, 1))
    return differences.assign(low=low, high=high, differs=(low > 0) | (high < 0))


def falls(runs: pd.DataFrame) -> pd.DataFrame:
    """A table of how much worse models are in the end than at their peak, 0 or so where none falls.

    Columns: over, variant, measure (of `FALLS`), fall (mean of peak - end of an accuracy, of end - peak of a loss, in
    nats), low, high (t interval at `statistics.LEVEL`), n.
    """
    rows = []
    for (over, variant), models in runs.groupby(["over", "variant"], sort=False):
        for measure, (peak, sign) in FALLS.items():
            rows.append((over, variant, measure, *mean_interval(sign * (models[measure] - models[peak]))))
    return pd.DataFrame(rows, columns=["over", "variant", "measure", "fall", "low", "high", "n"])
