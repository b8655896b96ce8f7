import pytest

from stages.two_circles.points import draw_circles, split
from stages.two_circles.training import Noise, Repetition

VARIANTS = [Noise(), Noise("input", 0.05), Noise("before", 0.1), Noise("after", 0.1)]


@pytest.fixture(scope="session")
def repetitions():
    """Five: two groups and one more, on three draws of the points."""
    return [
        Repetition(seed, state, *split(draw_circles(100, 0.1, state), 30)) for seed, state in enumerate((1, 1, 2, 3, 3))
    ]
