"""A mean over seeds and how sure it is: what other seeds would change, and what other test images would.

The model is crossed: every seed is measured on the same images. A difference of one seed is the effect, plus what that
seed makes of it, plus what these images make of it in every seed, plus what is peculiar to both. The variance of the
mean over n seeds is

    seeds    s^2 / n, s the standard deviation over the seeds (it holds what is peculiar to seed and images)
    images   the mean covariance, over resampled images, of the differences of two different seeds

The variance of the mean with resampled images and fixed seeds, in place of that covariance, would count what is
peculiar to both a second time: intervals that cover 99 % where networks disagree much about single images. The
t distribution's degrees of freedom are Welch and Satterthwaite's.
"""

from typing import NamedTuple

import numpy as np
from scipy import stats

from stages.results.statistics import LEVEL


class Estimate(NamedTuple):
    """A mean of one number for each seed.

    n: seeds, 2 or more. sd: standard deviation over them. seeds, images: the two parts of the variance of the mean;
    images is None where nothing is known of it. df: degrees of freedom of the mean's t.
    """

    n: int
    mean: float
    sd: float
    seeds: float
    images: float | None
    df: float

    @property
    def error(self) -> float:
        """The standard error of the mean."""
        return (self.seeds + (self.images or 0)) ** 0.5

    def interval(self) -> tuple[float, float]:
        """The t interval at `LEVEL`."""
        reach = float(stats.t.ppf((1 + LEVEL) / 2, self.df)) * self.error
        return self.mean - reach, self.mean + reach

    def above(self, bound: float) -> float:
        """One-sided p of the hypothesis that the effect is not above the bound."""
        if self.error == 0:
            return float(self.mean <= bound)
        return float(stats.t.sf((self.mean - bound) / self.error, self.df))

    def differs(self, bound: float = 0.0) -> float:
        """Two-sided p of the hypothesis that it is the bound: below 1 - `LEVEL` where the interval leaves that out."""
        return min(1.0, 2 * min(self.above(bound), self.below(bound)))

    def below(self, bound: float) -> float:
        """One-sided p of the hypothesis that the effect is not below the bound."""
        return self._replace(mean=-self.mean).above(-bound)


def estimate(values: np.ndarray, influences: np.ndarray | None = None) -> Estimate:
    """Of one value for each seed, (n,), n > 1, and what each image has to do with it (`stages.ledger.images`), (n, N).

    Raises ValueError for fewer values or one that is not finite.
    """
    n = len(values)
    if n < 2 or not np.isfinite(values).all():
        raise ValueError(f"not two finite values or more: {values}")
    sd = float(values.std(ddof=1))
    seeds = sd**2 / n
    if influences is None:
        return Estimate(n, float(values.mean()), sd, seeds, None, n - 1)
    # The sum over all pairs of different seeds, without the pairs.
    covariance = (np.square(influences.sum(0)).sum() - np.square(influences).sum()) / (n * (n - 1))
    images = max(0.0, float(covariance))
    whole = seeds + images
    parts = seeds**2 / (n - 1) + images**2 / (influences.shape[1] - 1)
    return Estimate(n, float(values.mean()), sd, seeds, images, whole**2 / parts if whole else n - 1)
