"""What an entry's kind makes of one number for each seed: an effect with its interval and p, and then a verdict."""

from typing import NamedTuple

import numpy as np
from scipy import stats

from stages.ledger.entries import Entry, Equivalence, Identity, Level, Noninferiority, Share, Spread, Superiority
from stages.ledger.estimate import Estimate, estimate
from stages.ledger.power import FEW, least_seeds, seeds_for_bound, seeds_for_difference
from stages.results.statistics import LEVEL

ALPHA = round(1 - LEVEL, 9)  # without the last bit
HOLDS, DOES_NOT_HOLD, CONTRADICTED, UNDECIDED, NOT_RUN = (
    "holds",
    "does not hold",
    "contradicted",
    "undecided",
    "not run",
)
SIGN_FLIPS = range(8, 17)  # seeds: fewer cannot reach .01, of more there are too many to try all


class Judged(NamedTuple):
    """n: seeds. effect, low, high: with the interval at `LEVEL`, as logarithms where the entry is of a ratio; sd: over
    the seeds. p: before the correction; None where the kind has none. p_signs: of the exact sign flips. parts: of what
    the interval consists."""

    n: int
    effect: float
    low: float | None = None
    high: float | None = None
    sd: float | None = None
    p: float | None = None
    p_signs: float | None = None
    parts: str = "seeds"
    found: Estimate | None = None


def judged(entry: Entry, values: np.ndarray, influences: np.ndarray | None) -> Judged:
    """Of one value for each seed, (n,), n >= 1, and the influences of the images, (n, N).

    Of fewer than `FEW` seeds there is an effect and a spread, and no interval.
    """
    n, effect = len(values), float(values.mean())
    sd = float(values.std(ddof=1)) if n > 1 else None
    if isinstance(entry, Identity):
        return Judged(n, float(values.sum()), parts="every cell")
    if isinstance(entry, Share):
        return _share(entry, values)
    if isinstance(entry, Spread):
        return _spread(entry, values)
    found = estimate(values, None if isinstance(entry, Level) else influences) if n > 1 else None
    if n < FEW or found is None:
        return Judged(n, effect, sd=sd, found=found)
    if isinstance(entry, Level):
        return _level(entry, found)
    low, high = found.interval()
    p, p_signs = _p(entry, found), _sign_flips(entry, values)
    parts = "seeds" if influences is None else "seeds and images"
    return Judged(n, effect, low, high, sd, p, p_signs, parts, found)


def verdict(entry: Entry, seen: Judged, p: float | None) -> str:
    """The verdict by the corrected p; "undecided" of fewer than `FEW` seeds, whatever they show."""
    if seen.n < FEW:
        return UNDECIDED
    if isinstance(entry, Identity):
        return HOLDS if seen.effect == 0 else CONTRADICTED
    if seen.low is None or seen.high is None:
        return UNDECIDED
    if isinstance(entry, Level):
        return HOLDS if seen.low <= entry.printed <= seen.high else DOES_NOT_HOLD
    if isinstance(entry, Share | Spread):
        bound = entry.share if isinstance(entry, Share) else entry.margin
        return HOLDS if seen.low > bound else DOES_NOT_HOLD if seen.high < bound else UNDECIDED
    margin = margin_of(entry)
    if isinstance(entry, Equivalence):
        low, high = -margin, margin
    elif entry.direction == "more":
        low, high = (margin, np.inf) if isinstance(entry, Superiority) else (-margin, np.inf)
    else:
        low, high = (-np.inf, -margin) if isinstance(entry, Superiority) else (-np.inf, margin)
    significant = p is not None and p < ALPHA
    if isinstance(entry, Superiority):
        if significant and abs(seen.effect) >= margin:
            return HOLDS if low <= seen.effect <= high else CONTRADICTED
        return DOES_NOT_HOLD if seen.high < low or seen.low > high else UNDECIDED
    if significant:
        return HOLDS
    return CONTRADICTED if seen.high < low or seen.low > high else UNDECIDED


def margin_of(entry: Superiority | Equivalence | Noninferiority) -> float:
    """The margin on the scale of the values: of a ratio, 0.05 is a factor of 1.05."""
    return float(np.log1p(entry.margin)) if entry.ratio else entry.margin


def seeds_needed(entry: Entry, seen: Judged, alpha: float) -> int | None:
    """Seeds that would decide at the measured spread; None: no number of seeds, or one seed shows no spread.

    They tell an effect of the size of the margin from none; where there are as many already, the effect that was seen
    from the bound beside it.
    """
    if isinstance(entry, Share):
        limit = entry.share if seen.effect > entry.share else 1 - entry.share
        return least_seeds(lambda n: (ALPHA / 2) ** (1 / n) > limit)  # Clopper and Pearson, where all are alike
    if isinstance(entry, Level | Spread | Identity):
        return FEW
    if seen.found is None:
        return None
    margin = margin_of(entry)
    if isinstance(entry, Superiority):
        planned = seeds_for_difference(seen.found, margin, alpha)
    else:
        planned = seeds_for_bound(seen.found, margin, alpha, sides=2 if isinstance(entry, Equivalence) else 1)
    if planned is None or planned > seen.n:
        return planned
    return seeds_for_difference(seen.found, _distance(entry, seen.effect), alpha)


def _distance(entry: Superiority | Equivalence | Noninferiority, effect: float) -> float:
    """How far an effect lies from the bound on which its verdict hangs."""
    margin = margin_of(entry)
    if isinstance(entry, Equivalence):
        return abs(abs(effect) - margin)
    claimed = effect if entry.direction == "more" else -effect
    if isinstance(entry, Noninferiority):
        return abs(claimed + margin)
    return abs(claimed) if abs(claimed) >= margin else margin - claimed


def _p(entry: Superiority | Equivalence | Noninferiority, found: Estimate) -> float:
    margin = margin_of(entry)
    if isinstance(entry, Superiority):
        return found.differs()
    # Each one-sided test at half of the level: what holds is then what the whole interval shows.
    if isinstance(entry, Equivalence):
        return min(1.0, 2 * max(found.above(-margin), found.below(margin)))
    return min(1.0, 2 * (found.above(-margin) if entry.direction == "more" else found.below(margin)))


def _sign_flips(entry: Superiority | Equivalence | Noninferiority, values: np.ndarray) -> float | None:
    """Two-sided exact p that the values lie around 0, of superiority: it asks for no normal distribution."""
    if not isinstance(entry, Superiority) or len(values) not in SIGN_FLIPS:
        return None
    test = stats.permutation_test(
        (values,), lambda flipped, axis: np.mean(flipped, axis=axis).round(9), permutation_type="samples",
        vectorized=True, n_resamples=np.inf,
    )  # fmt: skip
    return float(test.pvalue)


def _level(entry: Level, found: Estimate) -> Judged:
    """The interval in which one further run lies, and the p of the printed number as such a run."""
    error = found.sd * (1 + 1 / found.n) ** 0.5
    reach = float(stats.t.ppf((1 + LEVEL) / 2, found.n - 1)) * error
    away = abs(found.mean - entry.printed)
    p = float(2 * stats.t.sf(away / error, found.n - 1)) if error else float(away == 0)
    return Judged(found.n, found.mean, found.mean - reach, found.mean + reach, found.sd, p, parts="one run")


def _share(entry: Share, values: np.ndarray) -> Judged:
    """The share of runs that reach `least`, or stay at `most`, with Clopper and Pearson's interval."""
    reached = values >= entry.least if entry.least is not None else values <= (entry.most or 0)
    test = stats.binomtest(int(reached.sum()), len(values), entry.share)
    if len(values) < FEW:
        return Judged(len(values), float(reached.mean()))
    low, high = test.proportion_ci(LEVEL, method="exact")
    return Judged(len(values), float(reached.mean()), float(low), float(high), None, float(test.pvalue))


def _spread(entry: Spread, values: np.ndarray) -> Judged:
    """The standard deviation over seeds, with its interval by chi squared."""
    n = len(values)
    sd = float(values.std(ddof=1)) if n > 1 else 0.0
    if n < FEW:
        return Judged(n, sd)
    high, low = (sd * ((n - 1) / stats.chi2.ppf(q, n - 1)) ** 0.5 for q in (ALPHA / 2, 1 - ALPHA / 2))
    return Judged(n, sd, float(low), float(high))
