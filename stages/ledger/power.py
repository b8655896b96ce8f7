"""How many seeds would decide, were the effect and the spread those that were seen."""

from collections.abc import Callable

import numpy as np
from scipy import stats

from stages.ledger.estimate import Estimate
from stages.results.statistics import FEW, LEVEL

POWER = 0.8
MOST = 10_000  # seeds; beyond that, none
# Given how far the interval and the one corrected for the family reach either way: between which means there is no
# verdict.
Undecided = Callable[[float, float], list[tuple[float, float]]]


def seeds_to_decide(found: Estimate, alpha: float, undecided: Undecided) -> int | None:
    """Seeds of which the verdict is another than "undecided" with `POWER`; None: no number would do.

    alpha: of the two-sided test, corrected for the family. Other seeds are measured on the same images: what these add
    to the variance widens every interval, however many seeds there are, and moves no mean.
    """
    return least_seeds(lambda n: 1 - _undecided(found, n, alpha, undecided) >= POWER)


def least_seeds(enough: Callable[[int], bool]) -> int | None:
    """The least number of seeds from `FEW` to `MOST` for which `enough` is true, as it stays for all larger ones."""
    high = FEW
    while not enough(high):
        if high == MOST:
            return None
        high = min(2 * high, MOST)
    low = FEW
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low


def _undecided(found: Estimate, n: int, alpha: float, undecided: Undecided) -> float:
    """The chance of no verdict: the mean of n other seeds lies around the one that was seen as its own t says."""
    seeds, images = found.sd**2 / n, found.images or 0.0
    # Of the images' part, the degrees of freedom are so many that they do not count.
    df = min((n - 1) * ((seeds + images) / seeds) ** 2, 1e6) if seeds else 1e6
    reach, corrected = (
        float(stats.t.ppf(share, df)) * (seeds + images) ** 0.5 for share in ((1 + LEVEL) / 2, 1 - alpha / 2)
    )
    ends = np.array(undecided(reach, corrected)) - found.mean
    if not seeds:
        return float(((ends[:, 0] < 0) & (ends[:, 1] > 0)).any())
    low, high = stats.t.cdf(ends / seeds**0.5, n - 1).T
    return float((high - low).sum())
