"""What the runs of the circles study tell: means, and which differences are more than chance.

Differences are paired over repetitions, and corrected for how many were looked at.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from stages.results.statistics import LEVEL, paired_difference

# Each variant against none, and the two places in the hidden layer against each other.
PAIRS = [("input", "baseline"), ("before", "baseline"), ("after", "baseline"), ("after", "before")]
COMPARED = ["test_accuracy", "large_accuracy", "large_loss"]
ALPHA = round(1 - LEVEL, 9)  # without the last bit, which would show in the words
RESAMPLES = 9999


def summary(runs: pd.DataFrame, tutorial: pd.DataFrame) -> pd.DataFrame:
    """over, variant, measure, mean, std (of a sample), min, max, n; `tutorial`: what that printed for the same points.

    runs: a row for each model, as the stage `circles` writes it. tutorial: variant, train_accuracy, test_accuracy, as
    in data/paper/circles.csv.
    """
    long = runs.melt(["over", "variant", "seed", "random_state"], var_name="measure")
    values = long.groupby(["over", "variant", "measure"], sort=False).value
    table = values.agg(["mean", "std", "min", "max", "size"]).reset_index().rename(columns={"size": "n"})
    printed = tutorial.melt("variant", ["train_accuracy", "test_accuracy"], "measure", "tutorial").assign(over="seeds")
    return table.merge(printed, how="left", on=["over", "variant", "measure"])


def metrics(summary: pd.DataFrame, best_accuracy: float) -> dict[str, Any]:
    """{"best_accuracy", over: {variant: {measure: mean}}}, for `dvc metrics`."""
    nested: dict[str, Any] = {"best_accuracy": round(best_accuracy, 4)}
    for row in summary.itertuples():
        nested.setdefault(row.over, {}).setdefault(row.variant, {})[row.measure] = round(row.mean, 4)
    return nested


def differences(runs: pd.DataFrame) -> pd.DataFrame:
    """A table of every pair's mean paired difference, for each measure and each kind of repetition.

    runs: a row for each model: over ("seeds" or "draws"), variant, seed and the measures. Columns of the result: over,
    measure, variant, against, difference, low, high (t interval at `statistics.LEVEL`), p (two-sided, by flipping the
    signs of the differences), p_holm (corrected over the whole table), differs (p_holm < `ALPHA`).
    """
    rows = []
    for over, repetitions in runs.groupby("over", sort=False):
        for measure in COMPARED:
            values = repetitions.pivot(index="seed", columns="variant", values=measure)
            for variant, against in PAIRS:
                mean, low, high, _ = paired_difference(values[variant].to_dict(), values[against].to_dict())
                p = sign_flip_test(values[variant] - values[against])
                rows.append((over, measure, variant, against, mean, low, high, p))
    table = pd.DataFrame(rows, columns=["over", "measure", "variant", "against", "difference", "low", "high", "p"])
    table["p_holm"] = holm(table.p.to_numpy())
    table["differs"] = table.p_holm < ALPHA
    return table


def verdicts(differences: pd.DataFrame) -> pd.DataFrame:
    """What to make of each measure and pair of a table of `differences`.

    verdict: "survives" where it differs over seeds and over draws in the same direction, "seeds only", "draws only",
    "contradicts" itself, or "none". Columns measure, variant, against, seeds, draws, verdict; seeds and draws are the
    two mean differences.
    """
    key = ["measure", "variant", "against"]
    seeds, draws = (differences[differences.over == over].set_index(key) for over in ("seeds", "draws"))
    table = pd.DataFrame({"seeds": seeds.difference, "draws": draws.difference})
    both = np.where(np.sign(table.seeds) == np.sign(table.draws), "survives", "contradicts")
    alone = np.where(seeds.differs, "seeds only", np.where(draws.differs, "draws only", "none"))
    table["verdict"] = np.where(seeds.differs & draws.differs, both, alone)
    return table.reset_index()


def sign_flip_test(differences: ArrayLike) -> float:
    """Two-sided p of a mean of paired differences: were there none, each could as well have had the other sign.

    It asks for no normal distribution, which accuracies in steps of one of 70 points do not have. With few pairs all
    flips are tried, else `RESAMPLES` random ones, always the same. Flips that give the same mean but for rounding count
    as extreme as what was seen: in steps of one of 70 points, they are many.
    """
    test = stats.permutation_test(
        (np.asarray(differences, float),),
        _mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=RESAMPLES,
        rng=0,
    )
    return float(test.pvalue)


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    return np.mean(values, axis=axis).round(9)


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's corrected p values: with them below a level, so is the chance of even one false difference."""
    order = np.argsort(p)
    corrected = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)).clip(max=1)
    return corrected[np.argsort(order)]
