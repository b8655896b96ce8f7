import numpy as np
import pytest
from sklearn.datasets import make_circles

from stages.two_circles.points import best_accuracy, draw_circles, split


def test_the_tutorials_points():
    x, y = make_circles(n_samples=100, noise=0.1, random_state=1)  # the tutorial's own call
    train, test = split(draw_circles(100, 0.1, 1), 30)
    np.testing.assert_allclose(train.x, x[:30], rtol=1e-6)
    np.testing.assert_allclose(test.x, x[30:], rtol=1e-6)
    np.testing.assert_array_equal(np.concatenate([train.y, test.y]), y)
    assert train.x.dtype == train.y.dtype == np.float32


@pytest.mark.parametrize("noise", [0.05, 0.1, 0.3])
def test_best_accuracy_is_that_of_the_likelier_circle(noise):
    """The likelihood of a circle, summed over points all along it, tells a point's circle as well as anything can."""
    points = draw_circles(20000, noise, 0)
    angles = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    unit = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    radius = np.linalg.norm(points.x, axis=1).astype(float)
    grid = np.linspace(0, radius.max(), 400)  # by symmetry the likelihood is one of the distance alone
    likelihood = [
        np.exp(-(((grid[:, None, None] * [1, 0] - r * unit) ** 2).sum(-1)) / (2 * noise**2)).sum(1) for r in (1, 0.8)
    ]
    inner = np.interp(radius, grid, likelihood[1]) > np.interp(radius, grid, likelihood[0])
    assert best_accuracy(noise) == pytest.approx(np.mean(inner == points.y), abs=0.01)


def test_without_noise_the_circles_are_apart():
    assert best_accuracy(0.0) == 1.0
    assert best_accuracy(1e-3) == pytest.approx(1.0)
