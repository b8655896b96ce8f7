"""What every kind of claim has: the fields of its entry, and how one number for each seed becomes a verdict.

A kind is a class here or in a file beside, and a name in `stages.ledger.entries.Entry`.
"""

from abc import abstractmethod
from typing import Annotated, Literal, NamedTuple

import numpy as np
from pydantic import Field

from stages.ledger.estimate import Estimate
from stages.params import Section
from stages.results.statistics import FEW, LEVEL

ALPHA = round(1 - LEVEL, 9)  # without the last bit
HOLDS, DOES_NOT_HOLD, CONTRADICTED = "holds", "does not hold", "contradicted"
UNDECIDED, NOT_RUN = "undecided", "not run"

Text = Annotated[str, Field(min_length=1, max_length=500)]
Margin = Annotated[float, Field(gt=0, le=1e6)]


class Judged(NamedTuple):
    """What was seen of n seeds. effect, low, high: with the interval at `LEVEL`, as logarithms where the claim is of a
    ratio; None of fewer than `FEW` seeds. sd: over the seeds. p: before the correction, None where the kind has none.
    p_signs: of the exact sign flips. parts: of what the interval consists. found: the mean, of two seeds or more."""

    n: int
    effect: float
    low: float | None = None
    high: float | None = None
    sd: float | None = None
    p: float | None = None
    p_signs: float | None = None
    parts: str = "seeds"
    found: Estimate | None = None


class Claim(Section):
    """The fields of every entry; docs/claims.md says what they mean."""

    source: Literal["paper", "tutorial", "ours"]
    where: Text
    quote: Text | None = None
    words: Text
    rows: Annotated[list[Text], Field(min_length=1)]
    family: Text | None = None
    ours: Text
    measure: Text
    corruption: Text | None = None
    printed: float | None = None

    @abstractmethod
    def judged(self, values: np.ndarray, influences: np.ndarray | None) -> Judged:
        """Of one value for each seed, (n,), n >= 1, and the influences of the images, (n, N), None where unknown."""

    @abstractmethod
    def decided(self, seen: Judged, low: float, high: float, significant: bool) -> str:
        """The verdict of `FEW` seeds or more; significant: whether the corrected p is below `ALPHA`."""

    @abstractmethod
    def seeds_needed(self, seen: Judged, alpha: float) -> int | None:
        """Seeds that would decide at the measured spread, tested at `alpha`; None: no number, or no spread is known."""

    def verdict(self, seen: Judged, p: float | None) -> str:
        """By the corrected p; "undecided" of fewer than `FEW` seeds, whatever they show."""
        if seen.n < FEW or seen.low is None or seen.high is None:
            return UNDECIDED
        return self.decided(seen, seen.low, seen.high, p is not None and p < ALPHA)
