"""Scores of what a network says of a split, as scikit-learn defines them."""

from collections.abc import Iterator

import numpy as np
from sklearn.metrics import accuracy_score, f1_score, recall_score


def measures(actual: np.ndarray, predicted: np.ndarray, loss: float, classes: list[str]) -> Iterator[tuple[str, float]]:
    """Yield (name, value) of true and predicted classes, (N,) each, and the mean cross-entropy per image.

    A class of which there is neither an example nor a prediction has no F1: NaN, and left out of the macro average. The
    recall of a class, NaN without an example of it, is the accuracy among its images.
    """
    labels = range(len(classes))
    each = f1_score(actual, predicted, labels=labels, average=None, zero_division=np.nan)
    recall = recall_score(actual, predicted, labels=labels, average=None, zero_division=np.nan)
    yield "loss", float(loss)
    yield "accuracy", float(accuracy_score(actual, predicted))
    yield "balanced_accuracy", float(np.nanmean(recall))
    yield "macro_f1", float(np.nanmean(each))
    for name, f1, found in zip(classes, each, recall):
        yield f"f1/{name}", float(f1)
        yield f"recall/{name}", float(found)
