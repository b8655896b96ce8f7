"""How far models fell from their best, and how unsteadily they learned: what the tutorial reads off its figures."""

from collections.abc import Sequence

import numpy as np

from stages.two_circles.network import PARTS, Perceptrons


def best_looks(curves: np.ndarray) -> np.ndarray:
    """For each model the look at which the mean curve of others is highest, the first of them: int (variants, n).

    curves: (variants, two repetitions or more, looks), the higher the better. A repetition's others are those of the
    other half, every second one. So no model has a say in where it is judged, and the expected fall from there is 0
    where nothing falls; of models that each fall from a peak at an epoch of their own, it tells too little.
    """
    # Shares that are equal but for rounding are equal.
    looks = [curves[:, 1 - half :: 2].mean(axis=1).round(9).argmax(axis=-1) for half in (0, 1)]
    return np.stack(looks, axis=1)[:, np.arange(curves.shape[1]) % 2]


def at_looks(kept: Sequence[Perceptrons], looks: np.ndarray) -> Perceptrons:
    """Each model as it was at a look of its own. kept: the models at every look. looks: int (variants, repetitions)."""
    models, _, hidden = kept[0].kernel.shape
    picked = Perceptrons(models, hidden)
    for name in PARTS:
        for model, look in enumerate(looks.flat):
            getattr(picked, name)[model].copy_(getattr(kept[look], name)[model])
    return picked


def roughness(curves: np.ndarray) -> np.ndarray:
    """Standard deviation of the steps from one look to the next, of the last axis; 0 where there is no step."""
    steps = np.diff(curves, axis=-1)
    return steps.std(axis=-1) if steps.shape[-1] else np.zeros(curves.shape[:-1])
