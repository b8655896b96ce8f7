"""What is left of a run's scores on pictures that are spoiled."""

from collections.abc import Iterator

import numpy as np

from stages.measures import classification
from stages.results.corrupted import MEAN, Corrupted

KEPT = ("macro_f1", "accuracy", "loss")


def measures(
    said: Corrupted, actual: np.ndarray, clean: np.ndarray, classes: list[str]
) -> Iterator[tuple[str, str, float]]:
    """Yield (corruption, measure, value) of what is said of each corruption, then of `MEAN`, their unweighted means.

    actual and clean are the true classes and those predicted of the pictures as they are, (N,). `macro_f1_lost` of the
    mean is how much higher macro F1 is on these: a run may have little to lose, so that both belong together.
    """
    each: dict[str, list[float]] = {name: [] for name in KEPT}
    for corruption, predicted, loss in zip(said.corruptions, said.predicted, said.loss):
        scores = dict(classification.measures(actual, predicted, float(loss), classes))
        for name in KEPT:
            each[name].append(scores[name])
            yield corruption, name, scores[name]
    means = {name: float(np.mean(values)) for name, values in each.items()}
    for name, value in means.items():
        yield MEAN, name, value
    unspoiled = dict(classification.measures(actual, clean, 0.0, classes))["macro_f1"]
    yield MEAN, "macro_f1_lost", unspoiled - means["macro_f1"]
