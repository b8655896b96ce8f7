"""What a handful of seeds can tell: mean, spread, and differences between variants that share their seeds, by SciPy."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy import stats

LEVEL = 0.95


class Summary(NamedTuple):
    """Mean and sample standard deviation (n - 1 in the denominator; None for a single value) of n values."""

    mean: float
    std: float | None
    n: int


class Difference(NamedTuple):
    """Mean of n paired differences and its t interval from low to high at `LEVEL`; both None where n is 1."""

    mean: float
    low: float | None
    high: float | None
    n: int

    @property
    def beyond_chance(self) -> bool:
        """Whether the interval leaves out 0: the seeds alone do not explain the difference."""
        return self.low is not None and not self.low <= 0 <= self.high


def summary(values) -> Summary:
    """Summary of one number per seed. Raises ValueError without values or where one is not finite."""
    values = _finite(values)
    return Summary(float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else None, len(values))


def paired_difference(ours: Mapping[int, float], baseline: Mapping[int, float]) -> Difference:
    """Mean of ours - baseline over the seeds that both have, with Student's t interval of the paired differences.

    Pairing is what the design is for: runs of one seed share initial weights, data order and augmentation, so that what
    the seed does to both cancels. Raises ValueError where no seed is shared or a value is not finite.
    """
    seeds = sorted(set(ours) & set(baseline))
    if not seeds:
        raise ValueError(f"no seed in common: {sorted(ours)} against {sorted(baseline)}")
    differences = _finite([ours[seed] - baseline[seed] for seed in seeds])
    mean, n = float(differences.mean()), len(differences)
    if n == 1:
        return Difference(mean, None, None, n)
    error = stats.sem(differences)
    if error == 0:  # runs that are the baseline bit for bit; SciPy's interval of zero width would be NaN
        return Difference(mean, mean, mean, n)
    low, high = stats.t.interval(LEVEL, n - 1, loc=mean, scale=error)
    return Difference(mean, float(low), float(high), n)


def _finite(values):
    values = np.asarray(list(values), dtype=float)
    if not len(values):
        raise ValueError("no values")
    if not np.isfinite(values).all():
        raise ValueError(f"not finite: {values.tolist()}")
    return values
