"""A seeded order of labelled pictures, of which any beginning has every class in its share."""

import numpy as np


def even_order(labels: np.ndarray, seed: int) -> np.ndarray:
    """An order of N labels, int64 (N,), of which any first n are stratified.

    Every class comes once before any comes twice; after that each has its share of the n, to the nearest picture.
    """
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    before = np.empty(len(labels))  # how much of its class stands before a picture
    for label in np.unique(labels):
        members = shuffled[labels[shuffled] == label]
        before[members] = np.arange(len(members)) / len(members)
    return np.lexsort((labels, before))


def stratified(labels: np.ndarray, count: int | None, seed: int) -> np.ndarray:
    """The places of `count` of N labels, int64 (count,) and rising; of all where there are not so many, or for None."""
    return np.sort(even_order(labels, seed)[:count])
