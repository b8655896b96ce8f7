"""Images with the same pixels: within a split, across splits, with conflicting labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Duplicates:
    """groups holds index arrays into the images; across_splits and conflicting are bool (groups,).

    They say whether a group spans splits, and labels.
    """

    groups: list[np.ndarray]
    across_splits: np.ndarray
    conflicting: np.ndarray


def find_duplicates(digests: Sequence[bytes], splits: np.ndarray, labels: np.ndarray) -> Duplicates:
    """Groups of equal digests, in the order of their first image.

    digests are n of 16 bytes each, splits and labels are integer arrays (n,).
    """
    keys = np.frombuffer(b"".join(digests), dtype=np.dtype((np.void, 16)))
    _, first, group, counts = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
    repeated = np.flatnonzero(counts > 1)
    repeated = repeated[np.argsort(first[repeated])]
    members = np.argsort(group, kind="stable")
    ends = np.cumsum(counts)
    groups = [members[ends[i] - counts[i] : ends[i]] for i in repeated]
    return Duplicates(
        groups,
        np.array([np.ptp(splits[images]) > 0 for images in groups], dtype=bool),
        np.array([np.ptp(labels[images]) > 0 for images in groups], dtype=bool),
    )
