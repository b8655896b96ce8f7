"""At most so many training crops, counted after the duplicates of held-out pictures are dropped.

Which pictures those are shows only when they are cropped. So train is put into an order whose beginnings all have the
shares of its classes, and is cropped from the beginning on until there are enough.
"""

from dataclasses import replace

import numpy as np

from stages.datasets.division import Division

BEYOND = "beyond the limit"
SEED = 0  # of the order: which pictures are taken does not depend on the seeds of training


def spread(division: Division) -> Division:
    """The division with train in a seeded order in which any first n pictures are stratified.

    Every class comes once before any comes twice; after that each has its share of the pictures, to the nearest one.
    """
    labels = division.labels["train"]
    shuffled = np.random.default_rng(SEED).permutation(len(labels))
    share = np.empty(len(labels))  # how much of its class stands before a picture
    for label in range(len(division.classes)):
        members = shuffled[labels[shuffled] == label]
        share[members] = np.arange(len(members)) / len(members)
    return _of_train(division, np.lexsort((labels, share)))


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
