"""When signs were flipped, as shares over time: what the training curves shade."""

from collections.abc import Iterable

import numpy as np

from stages.reporting.runs import Run


def turn_together(runs: Iterable[Run]) -> bool:
    """Whether every site of every run has the same sign at every step, as far as the shortest run goes.

    Algorithm 1 does that.
    """
    rows = [row for run in runs for row in run.flipped]
    steps = min(map(len, rows), default=0)
    return all(np.array_equal(row[:steps], rows[0][:steps]) for row in rows)


def flipped_share(flipped: np.ndarray, columns: int) -> np.ndarray:
    """Share of flipped steps in each of `columns` equal stretches of a run.

    From bool (sites, steps) to (sites, columns) in 0..1. A step that spans the border of two stretches counts in both
    by its part.
    """
    sites, steps = flipped.shape
    until = np.concatenate([np.zeros((sites, 1)), np.cumsum(flipped, axis=1)], axis=1)
    edges = np.linspace(0, steps, columns + 1)
    return np.stack([np.diff(np.interp(edges, np.arange(steps + 1), row)) for row in until]) * columns / steps
