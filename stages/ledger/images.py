"""What single test images have to do with a score: how it changes when one of them is left out.

The jackknife: the sum of the products of two runs' influences is the covariance of their scores under resampled images,
as a bootstrap of the images approaches it; it has no random numbers, on which a verdict at the edge would hang.
"""

import numpy as np

SMALLEST = 2.0**-25  # half of the least float16 above 0, as which the probability of the true class is kept


def influences(measure: str, actual: np.ndarray, predicted: np.ndarray, truth: np.ndarray) -> np.ndarray | None:
    """Influence of each image on a measure of the test split, float (N,); None where the predictions do not tell.

    actual, predicted: classes, (N,). truth: probability given to the true class, (N,).
    """
    if measure in ("loss", "gap"):  # of the gap, the other part is of training images
        without = _mean_without(-np.log(np.maximum(truth.astype(float), SMALLEST)))
    elif measure == "accuracy":
        without = _mean_without((actual == predicted).astype(float))
    elif measure == "balanced_accuracy":
        without = _recall_without(actual, predicted)
    elif measure == "macro_f1":
        without = _macro_f1_without(actual, predicted)
    else:
        return None
    return (without - without.mean()) * ((len(without) - 1) / len(without)) ** 0.5


def _mean_without(values: np.ndarray) -> np.ndarray:
    return (values.sum() - values) / (len(values) - 1)


def _counts(actual: np.ndarray, predicted: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images of each class, predictions of each class, and those that are both."""
    classes = int(max(actual.max(), predicted.max())) + 1
    hits = np.bincount(actual[actual == predicted], minlength=classes)
    return np.bincount(actual, minlength=classes), np.bincount(predicted, minlength=classes), hits


def _recall_without(actual: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    members, _, hits = _counts(actual, predicted)
    hit = actual == predicted
    recall = hits / np.maximum(members, 1)
    changed = (hits[actual] - hit) / np.maximum(members[actual] - 1, 1)
    return (recall.sum() - recall[actual] + changed) / (members > 0).sum()


def _macro_f1_without(actual: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """F1 of a class is 2 hits / (members + predictions): an image is in that of its class and of the predicted one.

    A class of which nothing is left has then an F1 of 0.
    """
    members, predictions, hits = _counts(actual, predicted)
    size = members + predictions
    f1 = 2 * hits / np.maximum(size, 1)
    less = 2 * hits / np.maximum(size - 1, 1)
    hit = actual == predicted
    right = 2 * (hits - 1) / np.maximum(size - 2, 1) - f1
    wrong = less - f1
    change = np.where(hit, right[actual], wrong[actual] + wrong[predicted])
    return (f1.sum() + change) / (size > 0).sum()
