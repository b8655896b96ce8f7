"""Scores of a classifier: macro F1, accuracy, F1 of each class, all from the confusion matrix.

Labels are class indices 0..n-1, arrays of shape (N,). A class of which a split holds no example and no prediction has no F1:
it is left out of the macro average and None among the scores per class, never a silent 0 or NaN. The definitions are
scikit-learn's, which the tests hold this to; importing it costs two seconds in each of the many short stages.
"""

from collections.abc import Sequence

import numpy as np


def confusion(actual, predicted, classes: int) -> np.ndarray:
    """Counts of shape (classes, classes): rows actual, columns predicted. Raises as `f1_per_class`."""
    actual, predicted = _checked(actual, predicted, classes)
    return np.bincount(actual * classes + predicted, minlength=classes**2).reshape(classes, classes)


def f1_per_class(actual, predicted, classes: int) -> np.ndarray:
    """F1 of each class, shape (classes,), in 0..1; NaN for a class that is neither among the labels nor predicted.

    Raises ValueError where the arrays are empty, differ in length or hold labels outside 0..classes-1.
    """
    counts = confusion(actual, predicted, classes)
    members = counts.sum(0) + counts.sum(1)
    return np.divide(2.0 * counts.diagonal(), members, out=np.full(classes, np.nan), where=members > 0)


def macro_f1(actual, predicted, classes: int) -> float:
    """Unweighted mean of the classes' F1, in 0..1: the paper's "F1 score" as this project reads it. Raises as `f1_per_class`."""
    return float(np.nanmean(f1_per_class(actual, predicted, classes)))


def scores(actual, predicted, names: Sequence[str]) -> dict:
    """`{"macro_f1", "accuracy", "per_class_f1": {name: F1 or None}}`, ready for JSON. Raises as `f1_per_class`."""
    each = f1_per_class(actual, predicted, len(names))
    return {
        "macro_f1": float(np.nanmean(each)),
        "accuracy": float(np.mean(np.asarray(actual) == np.asarray(predicted))),
        "per_class_f1": {name: None if np.isnan(f1) else float(f1) for name, f1 in zip(names, each)},
    }


def _checked(actual, predicted, classes):
    actual, predicted = np.asarray(actual), np.asarray(predicted)
    if actual.ndim != 1 or actual.shape != predicted.shape or not len(actual):
        raise ValueError(
            f"labels of shape {actual.shape} against predictions of shape {predicted.shape}: expected (N,) twice, N >= 1"
        )
    for name, labels in (("labels", actual), ("predictions", predicted)):
        if labels.min() < 0 or labels.max() >= classes:
            raise ValueError(f"{name} from {labels.min()} to {labels.max()}: expected 0 to {classes - 1}")
    return actual, predicted
