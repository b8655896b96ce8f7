"""The tables beside the arrays, and the summary.

summary.json: dataset, title, classes, size, channels, flip; mean and std of the values in 0..1 for each channel, as
training normalises by them (the set's published ones, or measured on train); counts {split: {class: n}}; left_out
{reason: n} of pictures that could not be used or were dropped; not_chosen {reason: n} of those that the parameters
exclude; treated {treatment: n}, see `stages.crops.decode`; duplicates: the numbers of groups of images with the same
pixels, of the images in them, of the groups that span splits or carry conflicting labels, and of the training images
dropped for it; carved {split: share of train} for splits that the set itself does not have.
"""

import csv
import hashlib
import json
from collections import Counter

import numpy as np

from stages.crops.duplicates import find_duplicates

BLOCK_BYTES = 16 << 20
DROPPED = "same pixels as a held-out image"


def write_tables(division, outcomes, folder, about, drop_duplicates):
    """Writes everything but the images, which lie in folder already, and returns the summary.

    outcomes are those of the journal, by split.
    """
    splits = list(division.samples)
    crops, left_out = [], list(division.unusable)
    for split, samples in division.samples.items():
        for sample, label, outcome in zip(samples, division.labels[split], outcomes[split], strict=True):
            if isinstance(outcome, str):
                left_out.append((split, sample.path, outcome))
            else:
                crops.append((split, sample, int(label), *outcome))

    where, labels = np.array([splits.index(crop[0]) for crop in crops]), np.array([crop[2] for crop in crops])
    duplicates = find_duplicates([crop[3] for crop in crops], where, labels)
    rows = [
        (number, split, sample.path, division.classes[label])
        for number, group in enumerate(duplicates.groups)
        for split, sample, label, *_ in (crops[i] for i in group)
    ]
    _write(folder / "duplicates.csv", ("group", "split", "path", "label"), rows)

    held_out = {digest for split, _, _, digest, _ in crops if split != "train"} if drop_duplicates else set()
    dropped = [crop for crop in crops if crop[0] == "train" and crop[3] in held_out]
    left_out += [("train", sample.path, DROPPED) for _, sample, *_ in dropped]
    crops = [crop for crop in crops if crop[0] != "train" or crop[3] not in held_out]
    _write(folder / "left_out.csv", ("split", "path", "reason"), left_out + division.not_chosen)

    counts = {}
    for split in splits:
        part = [crop for crop in crops if crop[0] == split]
        _write_split(part, division.classes, folder / split)
        tally = Counter(label for _, _, label, *_ in part)
        counts[split] = {name: tally[label] for label, name in enumerate(division.classes)}
    mean, std = about["mean_std"] or mean_std(folder / "train" / "images.npy")
    summary = {key: value for key, value in about.items() if key != "mean_std"} | {
        "classes": list(division.classes),
        "mean": list(mean),
        "std": list(std),
        "counts": counts,
        "left_out": _tally(reason for *_, reason in left_out),
        "not_chosen": _tally(reason for *_, reason in division.not_chosen),
        "treated": _tally(treatment for *_, treatments in crops for treatment in treatments),
        "duplicates": {
            "groups": len(duplicates.groups),
            "images": sum(map(len, duplicates.groups)),
            "across_splits": int(duplicates.across_splits.sum()),
            "conflicting": int(duplicates.conflicting.sum()),
            "dropped_from_train": len(dropped),
        },
        "carved": division.carved,
        "digest": _digest(crops, mean, std),
    }
    (folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return summary


def mean_std(path):
    """(mean, std) of the uint8 images (N, H, W, C) in an .npy file, scaled to 0..1: each a tuple with a value for each channel.

    Reads block by block, and not through a memory map, whose pages would count as this process's memory.
    """
    with open(path, "rb") as file:
        np.lib.format.read_magic(file)
        shape, *_ = np.lib.format.read_array_header_1_0(file)
        row = int(np.prod(shape[1:]))
        sums = squares = 0
        while len(block := np.fromfile(file, np.uint8, max(1, BLOCK_BYTES // row) * row)):
            # Counts of the 256 values are exact in integers, and cheaper than converting the block to floats.
            counts = np.stack([np.bincount(channel, minlength=256) for channel in block.reshape(-1, shape[-1]).T])
            sums, squares = sums + counts @ np.arange(256), squares + counts @ np.arange(256) ** 2
    count = shape[0] * shape[1] * shape[2]
    mean = sums / count
    std = np.sqrt(squares / count - mean**2)
    return tuple(round(float(value) / 255, 6) for value in mean), tuple(round(float(value) / 255, 6) for value in std)


def describe(summary):
    """The summary as lines of text: a table of split x class, then what was left out, treated and found."""
    names, counts = summary["classes"], summary["counts"]
    shown = names if len(names) <= 20 else []
    width = max([5, *map(len, shown)]) + 2
    lines = [
        f"{summary['title']}: {summary['size']} px, {'grey' if summary['channels'] == 1 else 'colour'}, {len(names)} classes",
        "split".ljust(8) + "".join(name.rjust(width) for name in shown) + "total".rjust(width),
    ]
    for split, row in counts.items():
        lines.append(
            split.ljust(8)
            + "".join(f"{row[name]:,}".rjust(width) for name in shown)
            + f"{sum(row.values()):,}".rjust(width)
        )
    lines.append(
        "mean "
        + " ".join(f"{v:.3f}" for v in summary["mean"])
        + ", std "
        + " ".join(f"{v:.3f}" for v in summary["std"])
    )
    for split, share in summary["carved"].items():
        lines.append(f"{split}: the set has none of its own; {share:.0%} of train, stratified")
    for title, key in (("left out", "left_out"), ("not chosen", "not_chosen"), ("treated", "treated")):
        lines += [f"{title}: {reason}: {count:,}" for reason, count in summary[key].items()]
    found = summary["duplicates"]
    lines.append(
        f"same pixels: {found['groups']:,} groups of {found['images']:,} images, {found['across_splits']:,} across splits, "
        f"{found['conflicting']:,} with conflicting labels; {found['dropped_from_train']:,} dropped from train"
    )
    return "\n".join(lines)


def _digest(crops, mean, std):
    """A hash of what a network sees: every crop's pixels, split and label in order, soft labels, and the normalisation."""
    seen = hashlib.sha256(repr((mean, std)).encode())
    for split, sample, label, digest, _ in crops:
        seen.update(digest + f"{split} {label} {sample.soft}".encode())
    return seen.hexdigest()[:32]


def _write_split(crops, classes, folder):
    """Writes labels, soft, affect and manifest for crops of (split, sample, label, digest, treatments)."""
    samples = [sample for _, sample, *_ in crops]
    np.save(folder / "labels.npy", np.array([label for _, _, label, *_ in crops], dtype=np.int64))
    if samples and all(sample.soft is not None for sample in samples):
        np.save(folder / "soft.npy", np.array([sample.soft for sample in samples], dtype=np.float32))
    if any(sample.affect is not None for sample in samples):
        missing = (np.nan, np.nan)
        np.save(folder / "affect.npy", np.array([sample.affect or missing for sample in samples], dtype=np.float32))
    rows = (
        (
            sample.path,
            classes[label],
            "" if sample.box is None else " ".join(f"{value:g}" for value in sample.box),
            sample.subject or "",
            "; ".join(treatments),
        )
        for _, sample, label, _, treatments in crops
    )
    _write(folder / "manifest.csv", ("path", "label", "box", "subject", "treatment"), rows)


def _write(path, header, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _tally(reasons):
    return dict(Counter(reasons).most_common())
