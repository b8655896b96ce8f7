"""Macro F1, by which an epoch is chosen while training. (What is reported, scikit-learn computes: `stages.measures`.)

scikit-learn takes 1.6 s to import, in every training; the tests hold this to it.
"""

import numpy as np


def macro_f1(actual: np.ndarray, predicted: np.ndarray, classes: int) -> float:
    """The unweighted mean of the classes' F1, in 0..1, of class indices (N,): the paper's "F1 score" as read here.

    A class of which there is no example and no prediction has no F1 and is left out of the mean. Raises ValueError
    where the arrays are empty, differ in length or hold labels outside 0..classes-1.
    """
    actual, predicted = np.asarray(actual), np.asarray(predicted)
    if actual.ndim != 1 or actual.shape != predicted.shape or not len(actual):
        shapes = f"labels of shape {actual.shape} against predictions of shape {predicted.shape}"
        raise ValueError(f"{shapes}: expected (N,) twice, N >= 1")
    for name, labels in (("labels", actual), ("predictions", predicted)):
        if labels.min() < 0 or labels.max() >= classes:
            raise ValueError(f"{name} from {labels.min()} to {labels.max()}: expected 0 to {classes - 1}")
    counts = np.bincount(actual * classes + predicted, minlength=classes**2).reshape(classes, classes)
    members = counts.sum(0) + counts.sum(1)
    f1 = np.divide(2.0 * counts.diagonal(), members, out=np.full(classes, np.nan), where=members > 0)
    return float(np.nanmean(f1))
