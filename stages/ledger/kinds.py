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
        return _spread(values)
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
    margin, significant = margin_of(entry), p is not None and p < ALPHA
    if isinstance(entry, Equivalence):
        return UNDECIDED if not significant else HOLDS if abs(seen.effect) < margin else CONTRADICTED
    sign = 1 if entry.direction == "more" else -1
    claimed, most = sign * seen.effect, seen.high if sign > 0 else -seen.low
    if isinstance(entry, Noninferiority):
        return UNDECIDED if not significant else HOLDS if claimed > -margin else CONTRADICTED
    if significant and abs(claimed) >= margin:
        return HOLDS if claimed > 0 else CONTRADICTED
    return DOES_NOT_HOLD if most < margin else UNDECIDED


def margin_of(entry: Superiority | Equivalence | Noninferiority) -> float:
    """The margin on the scale of the values: of a ratio, 0.05 is a factor of 1.05."""
    return float(np.log1p(entry.margin)) if entry.ratio else entry.margin


def seeds_needed(entry: Entry, seen: Judged, alpha: float) -> int | None:
    """Seeds that would decide at the measured spread; None: no number of seeds, or one seed shows no spread.

    They tell an effect of the size of the margin from none; where there are as many already, the effect that was seen
    from the bound beside it.
    """
    if isinstance(entry, Share):
        return least_seeds(lambda n: _leaves_out(_share_interval(round(seen.effect * n), n), entry.share))
    if isinstance(entry, Spread):
        return least_seeds(lambda n: _leaves_out(_spread_interval(seen.effect, n), entry.margin))
    if isinstance(entry, Level | Identity):
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
    """Two-sided, of the hypothesis that neither "holds" nor "contradicted" is true: below `ALPHA` where the whole
    interval lies on one side of the bound (of equivalence, between the bounds or beyond one)."""
    margin = margin_of(entry)
    if isinstance(entry, Superiority):
        return found.differs(0)
    if isinstance(entry, Noninferiority):
        return found.differs(-margin if entry.direction == "more" else margin)
    inside = max(found.above(-margin), found.below(margin))  # two one-sided tests, each at half of the level
    return min(1.0, 2 * inside, 2 * found.above(margin), 2 * found.below(-margin))


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
    """The share of runs that reach `least`, or stay at `most`."""
    reached = values >= entry.least if entry.least is not None else values <= (entry.most or 0)
    n, successes = len(values), int(reached.sum())
    if n < FEW:
        return Judged(n, successes / n)
    p = float(stats.binomtest(successes, n, entry.share).pvalue)
    return Judged(n, successes / n, *_share_interval(successes, n), p=p)


def _share_interval(successes: int, n: int) -> tuple[float, float]:
    """Clopper and Pearson's."""
    low, high = stats.binomtest(successes, n).proportion_ci(LEVEL, method="exact")
    return float(low), float(high)


def _spread(values: np.ndarray) -> Judged:
    """The standard deviation over seeds."""
    n = len(values)
    sd = float(values.std(ddof=1)) if n > 1 else 0.0
    return Judged(n, sd, *_spread_interval(sd, n)) if n >= FEW else Judged(n, sd)


def _spread_interval(sd: float, n: int) -> tuple[float, float]:
    """By chi squared."""
    high, low = (sd * ((n - 1) / stats.chi2.ppf(share, n - 1)) ** 0.5 for share in (ALPHA / 2, 1 - ALPHA / 2))
    return float(low), float(high)


def _leaves_out(interval: tuple[float, float], bound: float) -> bool:
    return not interval[0] <= bound <= interval[1]
