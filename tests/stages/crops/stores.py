"""A store with every part that the format has, and whether one that was damaged is used."""

import json

import numpy as np

from stages.crops.description import describe
from stages.crops.store import CropsError, open_crops

SIZES = {"train": 12, "val": 5, "test": 6}
CLASSES = ["a", "b"]
FILES = ["summary.json"] + [f"{split}/{name}" for split in SIZES for name in ("images.npy", "labels.npy")]
FILES += ["train/soft.npy", "val/affect.npy", "test/manifest.csv"]


def write(folder, channels=3, size=4, seed=0):
    """A store with every part that the format has, of two classes."""
    generator = np.random.default_rng(seed)
    counts = {}
    for split, rows in SIZES.items():
        labels = np.arange(rows, dtype=np.int64) % 2
        (folder / split).mkdir(parents=True)
        np.save(folder / split / "labels.npy", labels)
        np.save(folder / split / "images.npy", generator.integers(1, 256, (rows, size, size, channels), dtype=np.uint8))
        np.save(folder / split / "soft.npy", np.eye(2, dtype=np.float32)[labels])
        np.save(folder / split / "affect.npy", np.full((rows, 2), np.nan, np.float32))
        table = [
            "path,label,box,subject,treatment",
            *(f"{row}.png,{CLASSES[label]},,," for row, label in enumerate(labels)),
        ]
        (folder / split / "manifest.csv").write_text("\n".join(table) + "\n")
        counts[split] = dict(zip(CLASSES, np.bincount(labels).tolist(), strict=True))
    summary = {
        "dataset": "made",
        "title": "Made",
        "size": size,
        "channels": channels,
        "flip": True,
        "classes": CLASSES,
        "mean": [0.5] * channels,
        "std": [0.25] * channels,
        "counts": counts,
        "left_out": {"missing": 2},
        "not_chosen": {},
        "treated": {"grey": 1},
        "duplicates": dict.fromkeys(("groups", "images", "across_splits", "conflicting", "dropped_from_train"), 0),
        "carved": {"test": 0.15},
        "notes": ["a note"],
        "digest": "0" * 32,
    }
    (folder / "summary.json").write_text(json.dumps(summary, indent=2))
    return folder


def use(folder):
    """What the stages after `prepare` do with a store, down to the numbers that a network would see."""
    crops = open_crops(folder)
    classes = len(crops.summary["classes"])
    assert isinstance(describe(crops.summary), str)
    for split in crops.splits:
        part = crops[split]
        assert len(part.manifest) == len(part) == len(part.images) > 0
        seen = (part.images / 255 - np.array(crops.summary["mean"])) / np.array(crops.summary["std"])
        assert seen.shape[-1] in (1, 3) and np.isfinite(seen).all()
        assert 0 <= part.labels.min() <= part.labels.max() < classes
        assert list(crops.summary["counts"][split].values()) == np.bincount(part.labels, minlength=classes).tolist()
        if part.soft is not None:
            np.testing.assert_allclose(part.soft.sum(1), 1, atol=1e-3)
    assert len(crops.examples()) == classes


def used_or_refused(folder):
    """Whether it is used; asserts that it is refused in one line otherwise."""
    try:
        use(folder)
    except CropsError as error:
        assert len(str(error).splitlines()) == 1 and str(folder) in str(error) and "dvc repro prepare" in str(error)
        return False
    return True
