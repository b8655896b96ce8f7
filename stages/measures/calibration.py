"""How far the probabilities are from what happens: Brier's score and the expected calibration error."""

from collections.abc import Iterator

import numpy as np

BINS = 15  # of the confidence, of equal width over 0..1: as Guo et al. (2017, arXiv:1706.04599) have it


def measures(actual: np.ndarray, predicted: np.ndarray, probability: np.ndarray) -> Iterator[tuple[str, float]]:
    """Yield (name, value) of true and predicted classes, (N,) each, and probabilities (N, classes).

    brier  mean over the images of the squared distance to the true class, summed over all classes: 0 to 2
    ece    mean over the images, bin by bin of the confidence (the highest probability), of how far the mean confidence
           of a bin is from its share of right answers: 0 to 1
    """
    # float16 has three digits: its probabilities do not add up to 1.
    said = probability.astype(np.float64)
    said /= said.sum(axis=1, keepdims=True)
    true = np.eye(said.shape[1])[actual]
    yield "brier", float(np.square(said - true).sum(axis=1).mean())
    confidence = said.max(axis=1)
    too_sure, _ = np.histogram(confidence, BINS, (0, 1), weights=confidence - (predicted == actual))
    yield "ece", float(np.abs(too_sure).sum() / len(actual))
