"""The tables beside the arrays, and the summary.

summary.json: dataset, title, classes, size, channels, flip; mean and std of the values in 0..1 for each channel, as
training normalises by them (the set's published ones, or measured on train); counts {split: {class: n}}; left_out
{reason: n} of pictures that could not be used or were dropped; not_chosen {reason: n} of those that the parameters
exclude; treated {treatment: n}, see `stages.crops.decode`; duplicates: the numbers of groups of images with the same
pixels, of the images in them, of the groups that span splits or carry conflicting labels, and of the training images
dropped for it; carved {split: share of train} for splits that were not read; notes: lines on what was found and not
used, and on crops that training can learn nothing from.
"""

import csv
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from stages.crops.duplicates import find_duplicates
from stages.crops.outcome import Outcome
from stages.datasets.division import Division
from stages.datasets.sample import Sample

BLOCK_BYTES = 1 << 20  # counting them takes eight times that
GREY_LEVEL = round(1 / 255, 6)
DROPPED = "same pixels as a held-out image"


class Crop(NamedTuple):
    """A picture that became a crop; label is an index into the classes."""

    split: str
    sample: Sample
    label: int
    outcome: Outcome


def write_tables(
    division: Division, outcomes: dict[str, list[Outcome]], folder: Path, about: dict, drop_duplicates: bool
) -> dict:
    """Writes everything but the images, which lie in folder already, and returns the summary.

    outcomes are those of the journal, by split.
    """
    splits = list(division.samples)
    crops, left_out = [], list(division.unusable)
    for split, samples in division.samples.items():
        for sample, label, outcome in zip(samples, division.labels[split], outcomes[split], strict=True):
            if outcome.cropped:
                crops.append(Crop(split, sample, int(label), outcome))
            else:
                left_out.append((split, sample.path, outcome.reason))

    duplicates = find_duplicates(
        [crop.outcome.digest for crop in crops],
        np.array([splits.index(crop.split) for crop in crops]),
        np.array([crop.label for crop in crops]),
    )
    rows = [
        (number, crop.split, crop.sample.path, division.classes[crop.label])
        for number, group in enumerate(duplicates.groups)
        for crop in (crops[i] for i in group)
    ]
    _write(folder / "duplicates.csv", ("group", "split", "path", "label"), rows)

    held_out = {crop.outcome.digest for crop in crops if crop.split != "train"} if drop_duplicates else set()
    dropped = [crop for crop in crops if crop.split == "train" and crop.outcome.digest in held_out]
    left_out += [("train", crop.sample.path, DROPPED) for crop in dropped]
    crops = [crop for crop in crops if crop.split != "train" or crop.outcome.digest not in held_out]
    _write(folder / "left_out.csv", ("split", "path", "reason"), left_out + division.not_chosen)

    counts, notes = {}, list(map(legible, division.notes))
    for split in splits:
        part = [crop for crop in crops if crop.split == split]
        _write_split(part, division.classes, folder / split)
        tally = Counter(crop.label for crop in part)
        counts[split] = {name: tally[label] for label, name in enumerate(division.classes)}
        if part and all("flat" in crop.outcome.treatments for crop in part):
            notes.append(f"every crop of {split} is of a single colour")
    mean, std = about["mean_std"] or mean_std(folder / "train" / "images.npy")
    if min(std) <= GREY_LEVEL:
        notes.append("the crops of train differ by no more than a grey level" + " in a channel" * (len(std) > 1))
    summary = {key: value for key, value in about.items() if key != "mean_std"} | {
        "classes": list(division.classes),
        "mean": list(mean),
        "std": list(std),
        "counts": counts,
        "left_out": _tally(reason for *_, reason in left_out),
        "not_chosen": _tally(reason for *_, reason in division.not_chosen),
        "treated": _tally(treatment for crop in crops for treatment in crop.outcome.treatments),
        "duplicates": {
            "groups": len(duplicates.groups),
            "images": sum(map(len, duplicates.groups)),
            "across_splits": int(duplicates.across_splits.sum()),
            "conflicting": int(duplicates.conflicting.sum()),
            "dropped_from_train": len(dropped),
        },
        "carved": division.carved,
        "notes": notes,
        "digest": _digest(crops, mean, std),
    }
    (folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return summary


def mean_std(path: str | Path) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(mean, std) of the uint8 images (N, H, W, C) in an .npy file, scaled to 0..1, each with a value for each channel.

    The std is a grey level at least: values are divided by it, and a channel that is constant has none. Reads block by
    block, and not through a memory map, whose pages would count as this process's memory.
    """
    with open(path, "rb") as file:
        np.lib.format.read_magic(file)
        shape, *_ = np.lib.format.read_array_header_1_0(file)
        row = int(np.prod(shape[1:]))
        sums, squares = (np.zeros(shape[-1], np.int64) for _ in range(2))
        while len(block := np.fromfile(file, np.uint8, max(1, BLOCK_BYTES // row) * row)):
            # Counts of the 256 values are exact in integers, and cheaper than converting the block to floats.
            counts = np.stack([np.bincount(channel, minlength=256) for channel in block.reshape(-1, shape[-1]).T])
            sums, squares = sums + counts @ np.arange(256), squares + counts @ np.arange(256) ** 2
    count = max(1, shape[0] * shape[1] * shape[2])
    mean = sums / count
    std = np.sqrt(np.maximum(squares / count - mean**2, 1))
    return tuple(round(float(value) / 255, 6) for value in mean), tuple(round(float(value) / 255, 6) for value in std)


def legible(path: str) -> str:
    """The path, with bytes that are no UTF-8 spelled out: any program can read a table or a line that holds it."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _digest(crops: Iterable[Crop], mean: Sequence[float], std: Sequence[float]) -> str:
    """A hash of what a network sees: each crop's pixels, split and label in order, soft labels, the normalisation."""
    seen = hashlib.sha256(repr((mean, std)).encode())
    for crop in crops:
        seen.update(crop.outcome.digest + f"{crop.split} {crop.label} {crop.sample.soft}".encode())
    return seen.hexdigest()[:32]


def _write_split(crops: Sequence[Crop], classes: Sequence[str], folder: Path) -> None:
    """Writes labels, soft, affect and manifest of the crops of one split."""
    samples = [crop.sample for crop in crops]
    np.save(folder / "labels.npy", np.array([crop.label for crop in crops], dtype=np.int64))
    if samples and all(sample.soft is not None for sample in samples):
        np.save(folder / "soft.npy", np.array([sample.soft for sample in samples], dtype=np.float32))
    if any(sample.affect is not None for sample in samples):
        missing = (np.nan, np.nan)
        np.save(folder / "affect.npy", np.array([sample.affect or missing for sample in samples], dtype=np.float32))
    rows = (
        (
            crop.sample.path,
            classes[crop.label],
            "" if crop.sample.box is None else " ".join(f"{value:g}" for value in crop.sample.box),
            crop.sample.subject or "",
            "; ".join(crop.outcome.treatments),
        )
        for crop in crops
    )
    _write(folder / "manifest.csv", ("path", "label", "box", "subject", "treatment"), rows)


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([legible(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)


def _tally(reasons: Iterable[str]) -> dict[str, int]:
    return dict(Counter(reasons).most_common())
