"""Claims about a difference, or a ratio, between two sides: more or less, the same, not worse."""

from abc import abstractmethod
from typing import Literal

import numpy as np
from scipy import stats

from stages.ledger.claim import (
    CONTRADICTED,
    DOES_NOT_HOLD,
    HOLDS,
    UNDECIDED,
    Claim,
    Judged,
    Margin,
    Text,
)
from stages.ledger.estimate import Estimate, estimate
from stages.ledger.power import seeds_to_decide
from stages.results.statistics import FEW

SIGN_FLIPS = range(8, 17)  # seeds: fewer cannot reach .01, of more there are too many flips to try all


class Comparison(Claim):
    """Held against another side, or against 0; `minus` is taken off in the same run."""

    against: Text | None = None
    minus: Text | None = None
    ratio: bool = False
    margin: Margin

    @property
    def bound(self) -> float:
        """The margin on the scale of the values: of a ratio, 0.05 is a factor of 1.05."""
        return float(np.log1p(self.margin)) if self.ratio else self.margin

    @abstractmethod
    def p(self, found: Estimate) -> float:
        """Two-sided, that neither "holds" nor "contradicted" is so: below `ALPHA` where the interval leaves one."""

    @abstractmethod
    def undecided(self, reach: float, corrected: float) -> list[tuple[float, float]]:
        """Between which means `decided` has no verdict, given how far either way the interval reaches, and the one
        that is corrected for the family."""

    def judged(self, values: np.ndarray, influences: np.ndarray | None) -> Judged:
        n = len(values)
        found = estimate(values, influences) if n > 1 else None
        if n < FEW or found is None:
            return Judged(n, float(values.mean()), sd=found.sd if found else None, found=found)
        parts = "seeds" if influences is None else "seeds and images"
        return Judged(n, found.mean, *found.interval(), found.sd, self.p(found), parts=parts, found=found)

    def seeds_needed(self, seen: Judged, alpha: float) -> int | None:
        return None if seen.found is None else seeds_to_decide(seen.found, alpha, self.undecided)


class Superiority(Comparison):
    """Beyond 0 in the direction, by the margin or more."""

    kind: Literal["superiority"]
    direction: Literal["more", "less"]

    def p(self, found: Estimate) -> float:
        return found.differs()

    def judged(self, values: np.ndarray, influences: np.ndarray | None) -> Judged:
        seen = super().judged(values, influences)
        return seen._replace(p_signs=_sign_flips(values)) if len(values) in SIGN_FLIPS else seen

    def decided(self, seen: Judged, low: float, high: float, significant: bool) -> str:
        claimed, most = (seen.effect, high) if self.direction == "more" else (-seen.effect, -low)
        if significant and abs(claimed) >= self.bound:
            return HOLDS if claimed > 0 else CONTRADICTED
        return DOES_NOT_HOLD if most < self.bound else UNDECIDED

    def undecided(self, reach: float, corrected: float) -> list[tuple[float, float]]:
        least = max(self.bound, corrected)
        most = max(self.bound - reach, -least)
        return [(most, least) if self.direction == "more" else (-least, -most)]


class Equivalence(Comparison):
    """Within the margin either way: two one-sided tests, each at half of the level."""

    kind: Literal["equivalence"]
    against: Text

    def p(self, found: Estimate) -> float:
        inside = max(found.above(-self.bound), found.below(self.bound))
        return min(1.0, 2 * inside, 2 * found.above(self.bound), 2 * found.below(-self.bound))

    def decided(self, seen: Judged, low: float, high: float, significant: bool) -> str:
        if not significant:
            return UNDECIDED
        return HOLDS if abs(seen.effect) < self.bound else CONTRADICTED

    def undecided(self, reach: float, corrected: float) -> list[tuple[float, float]]:
        inside, outside = max(self.bound - corrected, 0), self.bound + corrected
        return [(-outside, -inside), (inside, outside)]


class Noninferiority(Comparison):
    """Not less ("more": or better) than by the margin, or not more."""

    kind: Literal["noninferiority"]
    direction: Literal["more", "less"]

    @property
    def worst(self) -> float:
        return -self.bound if self.direction == "more" else self.bound

    def p(self, found: Estimate) -> float:
        return found.differs(self.worst)

    def decided(self, seen: Judged, low: float, high: float, significant: bool) -> str:
        if not significant:
            return UNDECIDED
        return HOLDS if (seen.effect > self.worst) == (self.direction == "more") else CONTRADICTED

    def undecided(self, reach: float, corrected: float) -> list[tuple[float, float]]:
        return [(self.worst - corrected, self.worst + corrected)]


def _sign_flips(values: np.ndarray) -> float:
    """Two-sided exact p that the values lie around 0: it asks for no normal distribution."""
    test = stats.permutation_test(
        (values,), lambda flipped, axis: np.mean(flipped, axis=axis).round(9), permutation_type="samples",
        vectorized=True, n_resamples=np.inf,
    )  # fmt: skip
    return float(test.pvalue)
