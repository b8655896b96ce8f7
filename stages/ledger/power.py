"""How many seeds would decide, at the spread that was measured."""

from collections.abc import Callable

from statsmodels.stats.power import TTestPower

from stages.ledger.estimate import Estimate
from stages.results.statistics import FEW

POWER = 0.8
MOST = 10_000  # seeds; beyond that, none
FAR = 20  # standard errors, so many that SciPy's noncentral t has no digits left
_t_test = TTestPower()


def seeds_for_difference(found: Estimate, margin: float, alpha: float) -> int | None:
    """Seeds with which an effect of `margin` and none at all are told apart with `POWER`; None: no number would do.

    alpha: of the two-sided test. What the images add to the variance stays, however many seeds there are.
    """
    return least_seeds(lambda n: _power(found, margin, n, alpha, "two-sided") >= POWER)


def seeds_for_bound(found: Estimate, margin: float, alpha: float, sides: int) -> int | None:
    """Seeds with which no effect at all is found to lie inside of `margin`, on one side or on both.

    alpha: twice that of each one-sided test.
    """
    missed = (1 - POWER) / sides
    return least_seeds(lambda n: _power(found, margin, n, alpha / 2, "larger") >= 1 - missed)


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


def _power(found: Estimate, margin: float, n: int, alpha: float, alternative: str) -> float:
    seeds, images = found.sd**2 / n, found.images or 0.0
    if margin > FAR * (seeds + images) ** 0.5:
        return 1.0
    # Of the images' part, the degrees of freedom are so many that they do not count.
    df = (n - 1) * ((seeds + images) / seeds) ** 2 if seeds else 1e6
    effect = margin / ((seeds + images) * n) ** 0.5
    return float(_t_test.power(effect, n, alpha, df=min(df, 1e6), alternative=alternative))
