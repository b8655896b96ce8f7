import json

import numpy as np
import pytest
import torch

# Networks this small only lose by sharing their work among threads, and lose much where other work holds a core.
torch.set_num_threads(1)


def write_crops(folder, sizes, channels=1, side=16, classes=("calm", "glad", "sad"), seed=0):
    """A store in the documented format: each class a stripe pattern of its own under noise, to be learned.

    Splits that `sizes` leaves out are empty.
    """
    sizes = {"train": 0, "val": 0, "test": 0} | sizes
    rng = np.random.default_rng(seed)
    counts = {}
    for split, size in sizes.items():
        labels = np.arange(size) % len(classes)
        images = rng.integers(0, 150, (size, side, side, channels))
        for index, label in enumerate(labels):
            images[index, :: label + 2] += 100
        (folder / split).mkdir(parents=True)
        np.save(folder / split / "images.npy", images.astype(np.uint8))
        np.save(folder / split / "labels.npy", labels.astype(np.int64))
        (folder / split / "manifest.csv").write_text("path,label,box,subject,treatment\n")
        counts[split] = {name: int((labels == index).sum()) for index, name in enumerate(classes)}
    summary = {
        "dataset": "stripes",
        "title": "Stripes",
        "classes": list(classes),
        "size": side,
        "channels": channels,
        "mean": [0.4] * channels,
        "std": [0.2] * channels,
        "flip": True,
        "counts": counts,
        "digest": f"stripes-{seed}-{sizes}",
    }
    (folder / "summary.json").write_text(json.dumps(summary))


@pytest.fixture
def crops_folder(tmp_path):
    folder = tmp_path / "data" / "crops"
    write_crops(folder, {"train": 70, "val": 30, "test": 30})
    return folder


def relabel(folder, labels):
    """Give the training images of a store other labels, which its summary counts."""
    np.save(folder / "train" / "labels.npy", labels)
    summary = json.loads((folder / "summary.json").read_text())
    summary["counts"]["train"] = {name: int((labels == index).sum()) for index, name in enumerate(summary["classes"])}
    (folder / "summary.json").write_text(json.dumps(summary))


@pytest.fixture(scope="session")
def make_crops():
    return write_crops
