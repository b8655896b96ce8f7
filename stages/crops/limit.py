"""At most so many training crops, counted after the duplicates of held-out pictures are dropped.

Which pictures those are shows only when they are cropped. So train is put into an order whose beginnings all have the
shares of its classes, and is cropped from the beginning on until there are enough.
"""

from dataclasses import replace

import numpy as np

from stages.datasets.carving import SEED
from stages.datasets.division import Division
from stages.stratified import even_order

BEYOND = "beyond the limit"


def spread(division: Division) -> Division:
    """The division with train in an order in which any first n pictures are stratified (`even_order`)."""
    return _of_train(division, even_order(division.labels["train"], SEED))


def first(division: Division, count: int) -> Division:
    """The division with the first pictures of train; the others are listed among those not chosen."""
    beyond = [("train", sample.path, BEYOND) for sample in division.samples["train"][count:]]
    return replace(_of_train(division, np.arange(count)), not_chosen=division.not_chosen + beyond)


def _of_train(division: Division, rows: np.ndarray) -> Division:
    samples, labels = division.samples["train"], division.labels["train"]
    return replace(
        division,
        samples=division.samples | {"train": [samples[row] for row in rows]},
        labels=division.labels | {"train": labels[rows]},
    )
