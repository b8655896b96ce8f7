"""When signs were flipped, epoch by epoch: what the training curves shade."""

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


def flipped_in_training(run: Run) -> np.ndarray:
    """Share of each epoch's steps in which a site is flipped, (sites, epochs) in 0..1.

    The train loss of an epoch is the mean over these steps.
    """
    flipped, starts = run.flipped, [0, *run.curves["step"][:-1]]
    if not len(flipped):
        return np.zeros((0, run.epochs))
    return np.add.reduceat(flipped, starts, axis=1, dtype=float) / np.diff([*starts, flipped.shape[1]])


def flipped_when_scored(run: Run) -> np.ndarray:
    """Whether a site is flipped at the end of each epoch, when validation is scored: (sites, epochs), 0 or 1."""
    return run.flipped[:, run.curves["step"].to_numpy() - 1].astype(float)
