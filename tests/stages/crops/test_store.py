"""The store as documented, read by NumPy alone."""

import json

import numpy as np
import pytest

from stages.crops.store import CropsError, open_crops


def write_store(folder, images=12, size=4, classes=("a", "b")):
    counts = {}
    for split in ("train", "val", "test"):
        (folder / split).mkdir(parents=True)
        labels = np.arange(images) % len(classes)
        np.save(folder / split / "labels.npy", labels)
        pixels = np.arange(1, images * size * size + 1).reshape(images, size, size, 1)
        np.save(folder / split / "images.npy", pixels.astype(np.uint8))
        (folder / split / "manifest.csv").write_text(
            "path,label\n" + "".join(f"{i}.png,{classes[label]}\n" for i, label in enumerate(labels))
        )
        counts[split] = {name: int((labels == label).sum()) for label, name in enumerate(classes)}
    about = {"dataset": "made", "title": "Made", "digest": "", "flip": True, "classes": classes, "counts": counts}
    numbers = {"size": size, "channels": 1, "mean": [0.5], "std": [0.2]}
    (folder / "summary.json").write_text(json.dumps(about | numbers))
    return folder


def test_opening_maps_and_selects(tmp_path):
    crops = open_crops(write_store(tmp_path / "crops"))
    assert crops.splits == ("train", "val", "test")
    assert isinstance(crops["val"].images, np.memmap)
    assert crops["val"].labels.dtype == np.int64 and len(crops["val"]) == 12
    assert crops["val"].soft is None and crops["val"].affect is None
    assert crops["val"].manifest[3] == {"path": "3.png", "label": "b"}
    with pytest.raises(CropsError, match="^no crops in .*nowhere; make them with"):
        open_crops(tmp_path / "nowhere")


def test_examples(tmp_path):
    crops = open_crops(write_store(tmp_path / "crops"))
    rows = crops.examples("train", per_class=4, seed=1)
    assert [row.shape for row in rows] == [(4, 4, 4, 1)] * 2
    first_pixels = crops["train"].images[:, 0, 0, 0]
    for label, row in enumerate(rows):
        assert {int(np.flatnonzero(first_pixels == image[0, 0, 0])[0]) % 2 for image in row} == {label}
    assert len(crops.examples("train", per_class=100)[0]) == 6
