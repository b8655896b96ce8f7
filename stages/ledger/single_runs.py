"""Claims about the runs of one side: a level that one run gives, the share of runs that do something, their spread; and
that two sides are the same runs."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError
from scipy import stats

from stages.ledger.claim import ALPHA, CONTRADICTED, DOES_NOT_HOLD, HOLDS, UNDECIDED, Claim, Judged, Margin, Text
from stages.ledger.power import POWER, least_seeds
from stages.results.statistics import FEW, LEVEL


class _Plain(Claim):
    """Of numbers as they are."""

    @property
    def minus(self) -> None:
        return None

    @property
    def ratio(self) -> bool:
        return False


class _Single(_Plain):
    """Of one side alone."""

    @property
    def against(self) -> None:
        return None


class Level(_Single):
    """The printed number is one that a run can give: inside the prediction interval of a single run."""

    kind: Literal["level"]
    printed: float

    def judged(self, values: np.ndarray, influences: np.ndarray | None) -> Judged:
        n, mean = len(values), float(values.mean())
        sd = float(values.std(ddof=1)) if n > 1 else None
        if n < FEW or sd is None:
            return Judged(n, mean, sd=sd)
        error = sd * (1 + 1 / n) ** 0.5
        reach = float(stats.t.ppf((1 + LEVEL) / 2, n - 1)) * error
        away = abs(mean - self.printed)
        p = float(2 * stats.t.sf(away / error, n - 1)) if error else float(away == 0)
        return Judged(n, mean, mean - reach, mean + reach, sd, p, parts="one run")

    def decided(self, seen: Judged, low: float, high: float, significant: bool) -> str:
        return HOLDS if low <= self.printed <= high else DOES_NOT_HOLD

    def seeds_needed(self, seen: Judged, alpha: float) -> int | None:
        return FEW


class Share(_Single):
    """In more than this share of runs, the measure reaches `least`, or stays at `most`."""

    kind: Literal["share"]
    least: float | None = None
    most: float | None = None
    share: Annotated[float, Field(gt=0, lt=1)]

    @model_validator(mode="after")
    def _one_bound(self) -> "Share":
        if (self.least is None) == (self.most is None):
            raise PydanticCustomError("one_bound", "must have one of least and most")
        return self

    def judged(self, values: np.ndarray, influences: np.ndarray | None) -> Judged:
        reached = values <= self.most if self.most is not None else values >= self.least
        n, successes = len(values), int(reached.sum())
        if n < FEW:
            return Judged(n, successes / n)
        p = float(stats.binomtest(successes, n, self.share).pvalue)
        return Judged(n, successes / n, *self._interval(successes, n), p=p)

    def decided(self, seen: Judged, low: float, high: float, significant: bool) -> str:
        return _beyond(low, high, self.share)

    def seeds_needed(self, seen: Judged, alpha: float) -> int | None:
        def decided(n: int) -> bool:
            # As the binomial test has them, the fewest and the most runs that leave no verdict.
            fewest, most = stats.binom.ppf(ALPHA / 2, n, self.share), stats.binom.isf(ALPHA / 2, n, self.share)
            chance = stats.binom.cdf(fewest - 1, n, seen.effect) + stats.binom.sf(most, n, seen.effect)
            return bool(chance >= POWER)

        return least_seeds(decided)

    @staticmethod
    def _interval(successes: int, n: int) -> tuple[float, float]:
        """Clopper and Pearson's."""
        low, high = stats.binomtest(successes, n).proportion_ci(LEVEL, method="exact")
        return float(low), float(high)


class Spread(_Single):
    """The standard deviation over seeds is more than the margin."""

    kind: Literal["spread"]
    margin: Margin

    def judged(self, values: np.ndarray, influences: np.ndarray | None) -> Judged:
        n = len(values)
        sd = float(values.std(ddof=1)) if n > 1 else 0.0
        return Judged(n, sd, *self._interval(sd, n)) if n >= FEW else Judged(n, sd)

    def decided(self, seen: Judged, low: float, high: float, significant: bool) -> str:
        return _beyond(low, high, self.margin)

    def seeds_needed(self, seen: Judged, alpha: float) -> int | None:
        if not seen.effect:
            return FEW

        def decided(n: int) -> bool:
            # The sum of squares over the variance that was seen, where the interval ends at the margin.
            ends = stats.chi2.ppf([ALPHA / 2, 1 - ALPHA / 2], n - 1) * (self.margin / seen.effect) ** 2
            return bool(stats.chi2.cdf(ends[0], n - 1) + stats.chi2.sf(ends[1], n - 1) >= POWER)

        return least_seeds(decided)

    @staticmethod
    def _interval(sd: float, n: int) -> tuple[float, float]:
        """By chi squared."""
        high, low = (sd * ((n - 1) / stats.chi2.ppf(share, n - 1)) ** 0.5 for share in (ALPHA / 2, 1 - ALPHA / 2))
        return float(low), float(high)


class Identity(_Plain):
    """No cell of the curves differs between two sides: the values are how many do."""

    kind: Literal["identity"]
    against: Text
    measure: Literal["curves"]

    def judged(self, values: np.ndarray, influences: np.ndarray | None) -> Judged:
        n, differing = len(values), float(values.sum())
        known = differing if n >= FEW else None  # nothing here is left to chance
        return Judged(n, differing, known, known, parts="every cell")

    def decided(self, seen: Judged, low: float, high: float, significant: bool) -> str:
        return HOLDS if seen.effect == 0 else CONTRADICTED

    def seeds_needed(self, seen: Judged, alpha: float) -> int | None:
        return FEW


def _beyond(low: float, high: float, bound: float) -> str:
    return HOLDS if low > bound else DOES_NOT_HOLD if high < bound else UNDECIDED
