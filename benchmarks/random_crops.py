"""Crops of random content, in the format of `stages.crops.store`: for time and memory, content does not matter."""

import json
from pathlib import Path

import numpy as np


def write_crops(folder: Path, sizes: dict[str, int], side: int, classes: int, channels: int = 3) -> None:
    """Write so many images of `side` pixels into each split."""
    rng = np.random.default_rng(0)
    names, counts = [f"class {label}" for label in range(classes)], {}
    for split, size in sizes.items():
        labels = rng.integers(0, classes, size)
        (folder / split).mkdir(parents=True)
        np.save(folder / split / "images.npy", rng.integers(0, 256, (size, side, side, channels), dtype=np.uint8))
        np.save(folder / split / "labels.npy", labels)
        counts[split] = dict(zip(names, np.bincount(labels, minlength=classes).tolist()))
    about = {"dataset": "random", "title": "Random", "classes": names, "size": side, "channels": channels}
    statistics = {"mean": [0.5] * channels, "std": [0.25] * channels, "flip": True}
    summary = about | statistics | {"counts": counts, "digest": f"random {sizes} {side} {classes} {channels}"}
    (folder / "summary.json").write_text(json.dumps(summary))
