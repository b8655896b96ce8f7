"""An interval as a bar of a figure, as far as a score can reach: few seeds make intervals that go beyond."""

from stages.results.statistics import Interval


def ends(interval: Interval, lowest: float = 0) -> tuple[float, float]:
    """Its ends from lowest, 0 of a score and -1 of a difference of scores, to 1; its mean where one run has none."""
    if interval.low is None or interval.high is None:
        return interval.mean, interval.mean
    return max(lowest, interval.low), min(1, interval.high)


def bar(interval: Interval, lowest: float = 0) -> tuple[float, float]:
    """How far it reaches down and up from its mean."""
    low, high = ends(interval, lowest)
    return interval.mean - low, high - interval.mean
