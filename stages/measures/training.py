"""What the curves of a run say of its end: how much it overfitted, and whether it still moved.

The end is the last quarter of the epochs, rounded up, and two at least; a trend is the rise of the least-squares line
over it (its slope times the epochs in it).
"""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

# A run has converged where training on for as long as its last quarter is not expected to change an answer: its
# validation macro F1 rises by less than the smallest difference of interest, and its validation loss falls by less than
# a twentieth. A baseline that overfits has converged: its loss rises, its score no longer does. The trend of one run
# over a few epochs is mostly noise: whether a variant has converged, the mean trend of its runs says. A run that still
# recovers from a turn of its signs moves, and rightly so: its last score is one on the way back.
F1_RISE, LOSS_FALL = 0.02, 0.05


def measures(curves: pd.DataFrame) -> Iterator[tuple[str, str, float]]:
    """Yield (split, name, value).

    train  loss            mean cross-entropy per image of the training passes of the last epoch
           eval_loss       the same of the watched training images, in evaluation mode, after the last epoch
    val    peak_to_last    highest macro F1 of all epochs minus that of the last
           loss_rise       loss of the last epoch minus the lowest of all
           macro_f1_trend  of the macro F1; no row for a run of one epoch, as of the next two
           loss_trend      of the loss
           converged       1 or 0: over the last quarter the macro F1 rises by less than `F1_RISE`, and the loss falls
                           by less than `LOSS_FALL` of its mean there
    """
    f1, loss = curves["val_macro_f1"].to_numpy(), curves["val_loss"].to_numpy()
    yield "train", "loss", float(curves["train_loss"].iloc[-1])
    yield "train", "eval_loss", float(curves["train_eval_loss"].iloc[-1])
    yield "val", "peak_to_last", float(f1.max() - f1[-1])
    yield "val", "loss_rise", float(loss[-1] - loss.min())
    if len(curves) > 1:
        quarter = last_quarter(len(curves))
        f1_trend, loss_trend = _trend(f1[-quarter:]), _trend(loss[-quarter:])
        yield "val", "macro_f1_trend", f1_trend
        yield "val", "loss_trend", loss_trend
        yield "val", "converged", float(f1_trend < F1_RISE and -loss_trend < LOSS_FALL * loss[-quarter:].mean())


def last_quarter(epochs: int) -> int:
    """How many epochs the end of a run is."""
    return max(2, math.ceil(epochs / 4))


def _trend(values: np.ndarray) -> float:
    return float(np.polyfit(np.arange(len(values)), values, 1)[0] * len(values))
