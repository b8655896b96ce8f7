"""The store as documented, read by NumPy alone."""

import json

import numpy as np
import pytest

from stages.crops.store import RowsFile, open_crops


def write_store(folder, images=12, size=4, classes=("a", "b")):
    counts = {}
    for split in ("train", "val", "test"):
        (folder / split).mkdir(parents=True)
        labels = np.arange(images) % len(classes)
        np.save(folder / split / "labels.npy", labels)
        np.save(
            folder / split / "images.npy",
            np.arange(images * size * size, dtype=np.uint8).reshape(images, size, size, 1),
        )
        (folder / split / "manifest.csv").write_text(
            "path,label\n" + "".join(f"{i}.png,{classes[label]}\n" for i, label in enumerate(labels))
        )
        counts[split] = {name: int((labels == label).sum()) for label, name in enumerate(classes)}
    (folder / "summary.json").write_text(json.dumps({"classes": classes, "counts": counts}))
    return folder


def test_rows_appended_and_continued_equal_np_save(tmp_path):
    rows = np.random.default_rng(0).integers(0, 256, (23, 5, 5, 3), dtype=np.uint8)
    file = RowsFile(tmp_path / "a.npy", (5, 5, 3))
    file.append(rows[:7])
    file.append(rows[7:15])
    # Killed here: no close(), and the last rows are not in the writer's log.
    file = RowsFile(tmp_path / "a.npy", (5, 5, 3), rows=10)
    file.append(rows[10:])
    file.close()
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), rows)


def test_no_rows_at_all(tmp_path):
    RowsFile(tmp_path / "a.npy", (5, 5, 3)).close()
    assert np.load(tmp_path / "a.npy").shape == (0, 5, 5, 3)


def test_continuing_a_shorter_file_is_an_error(tmp_path):
    file = RowsFile(tmp_path / "a.npy", (2,))
    file.append(np.zeros((3, 2)))
    file.close()
    with pytest.raises(ValueError, match="fewer than 4 rows"):
        RowsFile(tmp_path / "a.npy", (2,), rows=4)


def test_opening_maps_and_selects(tmp_path):
    crops = open_crops(write_store(tmp_path / "crops"))
    assert crops.splits == ("train", "val", "test")
    assert isinstance(crops["val"].images, np.memmap)
    assert crops["val"].labels.dtype == np.int64 and len(crops["val"]) == 12
    assert crops["val"].soft is None and crops["val"].affect is None
    assert crops["val"].manifest[3] == {"path": "3.png", "label": "b"}
    with pytest.raises(FileNotFoundError):
        open_crops(tmp_path / "nowhere")


def test_examples(tmp_path):
    crops = open_crops(write_store(tmp_path / "crops"))
    rows = crops.examples("train", per_class=4, seed=1)
    assert [row.shape for row in rows] == [(4, 4, 4, 1)] * 2
    first_pixels = crops["train"].images[:, 0, 0, 0]
    for label, row in enumerate(rows):
        assert {int(np.flatnonzero(first_pixels == image[0, 0, 0])[0]) % 2 for image in row} == {label}
    assert len(crops.examples("train", per_class=100)[0]) == 6
