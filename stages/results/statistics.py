"""What a handful of seeds can tell: mean, spread, and differences between variants that share their seeds, by SciPy."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from scipy import stats

LEVEL = 0.95
FEW = 5  # seeds below which nothing is decided: of so few, spread and mean are as often luck as not


class Summary(NamedTuple):
    """Mean and sample standard deviation (n - 1 in the denominator; None for a single value) of n values."""

    mean: float
    std: float | None
    n: int


class Interval(NamedTuple):
    """Mean of n values and its t interval from low to high at `LEVEL`; both None where n is 1."""

    mean: float
    low: float | None
    high: float | None
    n: int


def summary(values: Iterable[float]) -> Summary:
    """Summary of one number per seed. Raises ValueError without values or where one is not finite."""
    values = _finite(values)
    return Summary(float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else None, len(values))


def mean_interval(values: Iterable[float]) -> Interval:
    """Mean of one number per seed with Student's t interval. Raises ValueError as `summary`."""
    values = _finite(values)
    mean, n = float(values.mean()), len(values)
    if n == 1:
        return Interval(mean, None, None, n)
    error = stats.sem(values)
    if error == 0:  # runs that are the same bit for bit; SciPy's interval of zero width would be NaN
        return Interval(mean, mean, mean, n)
    low, high = stats.t.interval(LEVEL, n - 1, loc=mean, scale=error)
    return Interval(mean, float(low), float(high), n)


def paired_difference(ours: Mapping[int, float], baseline: Mapping[int, float]) -> Interval:
    """Mean of ours - baseline over the seeds that both have, with Student's t interval of the paired differences.

    Pairing is what the design is for: runs of one seed share initial weights, data order and augmentation, so that what
    the seed does to both cancels. Raises ValueError where no seed is shared or a value is not finite.
    """
    seeds = sorted(set(ours) & set(baseline))
    if not seeds:
        raise ValueError(f"no seed in common: {sorted(ours)} against {sorted(baseline)}")
    return mean_interval(ours[seed] - baseline[seed] for seed in seeds)


def reach(n: int) -> float:
    """How many standard deviations the t interval of a mean of n values reaches each way, n > 1."""
    return float(stats.t.ppf((1 + LEVEL) / 2, n - 1) / n**0.5)


def _finite(values):
    values = np.asarray(list(values), dtype=float)
    if not len(values):
        raise ValueError("no values")
    if not np.isfinite(values).all():
        raise ValueError(f"not finite: {values.tolist()}")
    return values
