"""What the charts are drawn of: the runs' curves and their means, thinned out, and the same as tables."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from stages.reporting.page.markdown import Table
from stages.reporting.runs import Run, Runs
from stages.reporting.signs import flipped_in_training, flipped_when_scored

POINTS = 200  # of a line, at most: whole epochs, evenly chosen
DIGITS = 5  # significant ones
MEASURES = ("train_loss", "train_eval_loss", "val_loss", "val_macro_f1")  # columns of curves.csv
# Which share of a variant's sites and steps was flipped in an epoch: while it trained, or when it was scored after it.
STATES: dict[str, Callable[[Run], np.ndarray]] = {"trained": flipped_in_training, "scored": flipped_when_scored}


def data(runs: Runs) -> dict[str, Any]:
    """Column by column: `seeds`, a line for each run, and `means` of the runs of a variant over its epochs."""
    return {
        "seeds": [_run(run) for seeds in runs.values() for run in seeds.values()],
        "means": [_mean(list(seeds.values())) for seeds in runs.values()],
    }


def _run(run: Run) -> dict[str, Any]:
    epochs = _epochs(run.epochs)
    columns = {name: _short(run.curves[name].to_numpy(float)[epochs]) for name in MEASURES}
    return {"variant": run.look.title, "seed": run.seed, "epoch": (epochs + 1).tolist(), **columns}


def _mean(runs: Sequence[Run]) -> dict[str, Any]:
    """Beyond the shortest run the mean would jump to those that go on."""
    shortest = min(run.epochs for run in runs)
    epochs, apart = _epochs(shortest), step(shortest)
    found: dict[str, Any] = {"variant": runs[0].look.title, "n": len(runs), "epoch": (epochs + 1).tolist()}
    for name in MEASURES:
        curves = np.array([run.curves[name].to_numpy(float)[epochs] for run in runs])
        found[name] = _short(curves.mean(axis=0))
        found[f"{name}_least"], found[f"{name}_most"] = _short(curves.min(axis=0)), _short(curves.max(axis=0))
    for state, flipped in STATES.items():
        found[state] = _short(np.mean([_share(flipped(run))[epochs] for run in runs], axis=0))
    return found | {"from": (epochs + 1 - apart / 2).tolist(), "to": (epochs + 1 + apart / 2).tolist()}


def _share(flipped: np.ndarray) -> np.ndarray:
    """Over the sites, of (sites, epochs); 0 where no site carries a sign."""
    return flipped.mean(axis=0) if len(flipped) else np.zeros(flipped.shape[1])


def numbers(runs: Runs, column: str) -> Table:
    """The means of a column, epoch by epoch."""
    means = [_mean(list(seeds.values())) for seeds in runs.values()]
    longest = max((mean["epoch"] for mean in means), key=len)
    head = ["epoch", *(mean["variant"] for mean in means)]
    rows = [
        [str(epoch), *(f"{mean[column][place]:.3f}" if place < len(mean["epoch"]) else "" for mean in means)]
        for place, epoch in enumerate(longest)
    ]
    right = [False] + [True] * len(means)
    return Table([Markup.escape(cell) for cell in head], right, [[*map(Markup.escape, row)] for row in rows])


def step(epochs: int) -> int:
    """One epoch in so many is drawn."""
    return -(-epochs // POINTS)


def _epochs(epochs: int) -> np.ndarray:
    return np.arange(0, epochs, step(epochs))


def _short(values: np.ndarray) -> list[float]:
    return [float(f"{value:.{DIGITS}g}") for value in values]
