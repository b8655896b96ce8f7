"""Whether the parts of a store can be what `prepare` left: cheap enough to be asked at every opening.

Labels are read, and of the images a few rows: zeros in the place of pictures are what a loss of power leaves.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

SAMPLE = 64  # or up to twice as many: rows of the images that are looked at
DUPLICATES = {"groups", "images", "across_splits", "conflicting", "dropped_from_train"}


def check_summary(summary: object) -> None:
    """Raises ValueError, which says what of the summary cannot be used."""
    if not isinstance(summary, dict):
        raise ValueError("not a JSON object")
    expected: dict[str, type | tuple[type, ...]] = {"dataset": str, "title": str, "digest": str, "flip": bool}
    expected |= {"classes": list, "size": int, "channels": int, "mean": list, "std": list, "counts": dict}
    for key, kind in expected.items():
        if key not in summary:
            raise ValueError(f"no {key}")
        if not isinstance(summary[key], kind) or (kind is int and isinstance(summary[key], bool)):
            raise ValueError(f"{key}: {summary[key]!r}")
    classes, channels = summary["classes"], summary["channels"]
    if not classes or not all(isinstance(name, str) for name in classes) or len(set(classes)) < len(classes):
        raise ValueError(f"classes: {classes}")
    if channels not in (1, 3) or summary["size"] < 1:
        raise ValueError(f"{channels} channels of {summary['size']} px")
    for key, least in (("mean", 0.0), ("std", np.nextafter(0, 1))):
        values = summary[key]
        if len(values) != channels or not all(_is_number(value) and least <= value <= 1 for value in values):
            raise ValueError(f"{key}: {values}")
    if set(summary["counts"]) != {"train", "val", "test"}:
        raise ValueError(f"counts of {', '.join(summary['counts'])}")
    for split, counts in summary["counts"].items():
        if not _are_counts(counts) or list(counts) != classes:
            raise ValueError(f"counts of {split}: {counts}")
    _check_story(summary)
    json.dumps(summary, ensure_ascii=False).encode()  # a ValueError for what is no text


def _check_story(summary: Mapping[str, Any]) -> None:
    """The part of a summary that is for people: a store does without, but it is not damaged."""
    for key in ("left_out", "not_chosen", "treated", "duplicates"):
        values = summary.get(key, {})
        if not _are_counts(values) or (key == "duplicates" and values and set(values) != DUPLICATES):
            raise ValueError(f"{key}: {values}")
    carved, notes = summary.get("carved", {}), summary.get("notes", [])
    if not isinstance(carved, dict) or not {"train", "val", "test"} >= set(carved):
        raise ValueError(f"carved: {carved}")
    if not isinstance(notes, list) or not all(isinstance(note, str) for note in notes):
        raise ValueError(f"notes: {notes}")


def check_array(
    name: str, array: object, others: Mapping[str, np.ndarray], summary: Mapping[str, Any], split: str
) -> None:
    """Raises ValueError, which says what of an array of a split cannot be used; others are those before it."""
    counts = list(summary["counts"][split].values())
    rows, classes = sum(counts), len(counts)
    size, channels = summary["size"], summary["channels"]
    expected = {
        "images": (np.uint8, (rows, size, size, channels)),
        "labels": (np.int64, (rows,)),
        "soft": (np.float32, (rows, classes)),
        "affect": (np.float32, (rows, 2)),
    }
    dtype, shape = expected[name]
    if not isinstance(array, np.ndarray) or (array.dtype, array.shape) != (dtype, shape):
        found = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
        raise ValueError(f"{found}, expected {np.dtype(dtype)} {shape}")
    if not array.flags.c_contiguous:
        raise ValueError("Fortran order")
    if isinstance(array, np.memmap):  # the images
        _check_images(array, summary)
    elif name == "labels":
        if rows and not 0 <= array.min() <= array.max() < classes:
            raise ValueError(f"labels from {array.min()} to {array.max()} of {classes} classes")
        if (found := np.bincount(array, minlength=classes).tolist()) != counts:
            raise ValueError(f"{found} labels of each class, expected {counts}")
    elif name == "soft":
        # Not so for NaN either.
        if not (array >= 0).all() or not (np.abs(array.sum(axis=1) - 1) < 1e-3).all():
            raise ValueError("rows that are no distributions")
    elif np.isinf(array).any():
        raise ValueError("infinite values")


def _check_images(images: np.memmap, summary: Mapping[str, Any]) -> None:
    """A row of zeros is a black picture, which was counted as flat, or it is lost.

    Read from the file: through the memory map, each row would bring its surroundings with it, a thousand times slower.
    """
    rows = range(len(images))
    looked_at = {*rows[:: max(1, len(rows) // SAMPLE)], *rows[-1:]}
    zeros, empty = bytes(images[:1].nbytes), 0
    with open(str(images.filename), "rb", buffering=0) as file:
        for row in looked_at:
            file.seek(images.offset + row * len(zeros))
            empty += file.read(len(zeros)) == zeros
    if empty > summary.get("treated", {}).get("flat", 0):
        raise ValueError(f"nothing but zeros in {empty} of {len(looked_at)} images looked at")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _are_counts(values: object) -> bool:
    return isinstance(values, dict) and all(
        isinstance(value, int) and not isinstance(value, bool) and value >= 0 for value in values.values()
    )
