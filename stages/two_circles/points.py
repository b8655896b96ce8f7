"""The two circles: points to train and test on, and how well any classifier can do on them."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.stats import rice
from sklearn.datasets import make_circles

# scikit-learn's default, which the tutorial keeps: the radius of the inner circle, the outer one's being 1.
INNER_RADIUS = 0.8


class Points(NamedTuple):
    """x: float32 (points, 2). y: float32 (points,), 0 on the outer and 1 on the inner circle."""

    x: np.ndarray
    y: np.ndarray


def draw_circles(samples: int, noise: float, random_state: int) -> Points:
    """`samples` shuffled points, half on each circle, each moved by Gaussian noise of standard deviation `noise`."""
    x, y = make_circles(n_samples=samples, noise=noise, random_state=random_state, factor=INNER_RADIUS)
    return Points(x.astype(np.float32), y.astype(np.float32))


def split(points: Points, train: int) -> tuple[Points, Points]:
    """The first `train` points and the rest, as the tutorial splits them: the rows come shuffled."""
    return Points(points.x[:train], points.y[:train]), Points(points.x[train:], points.y[train:])


def best_accuracy(noise: float) -> float:
    """The accuracy, over all points there could be, of the best classifier that there is.

    A point's angle says nothing of its circle, and its distance from the centre follows Rice's distribution, so the
    best classifier is a threshold on that distance.
    """
    if noise == 0:
        return 1.0
    inner, outer = (rice(radius / noise, scale=noise) for radius in (INNER_RADIUS, 1))
    mistakes = minimize_scalar(
        lambda radius: outer.cdf(radius) - inner.cdf(radius), bounds=(INNER_RADIUS, 1), method="bounded"
    )
    return float(0.5 - mistakes.fun / 2)
