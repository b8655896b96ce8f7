"""The store built from samples: honest counts, resumption, replacement."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from stages.crops import build as building
from stages.crops.description import describe
from stages.crops.store import CropsError, open_crops
from stages.crops.summary import mean_std


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_store_holds_each_picture_in_order(tmp_path, tree, make):
    root = tree()
    summary = make(root, tmp_path / "crops")
    crops = open_crops(tmp_path / "crops")
    assert crops.summary == summary
    assert summary["counts"] == {split: {"cat": 4, "dog": 4} for split in ("train", "val", "test")}
    assert summary["left_out"] == summary["not_chosen"] == summary["carved"] == {}
    for split in crops.splits:
        paths = [row["path"] for row in crops[split].manifest]
        assert paths == [f"{split}/{name}/{i:03}.png" for name in ("cat", "dog") for i in range(4)]
        assert crops[split].labels.tolist() == [0] * 4 + [1] * 4
        for path, image in zip(paths, crops[split].images, strict=True):
            whole = Image.open(root / path).crop((1, 0, 11, 10)).resize((8, 8))
            np.testing.assert_array_equal(image, np.asarray(whole))
    train = np.asarray(crops["train"].images) / 255
    np.testing.assert_allclose(summary["mean"], train.mean(axis=(0, 1, 2)), atol=1e-6)
    np.testing.assert_allclose(summary["std"], train.std(axis=(0, 1, 2)), atol=1e-6)
    assert not list((tmp_path / ".scratch").iterdir())


def test_processes_and_tasks_change_nothing(tmp_path, monkeypatch, tree, make):
    root = tree(per_class=6)
    make(root, tmp_path / "one")
    monkeypatch.setattr(building, "TASK_BYTES", 3 * 8 * 8 * 3)
    make(root, tmp_path / "three", workers=3)
    for path in sorted((tmp_path / "one").rglob("*.*")):
        assert path.read_bytes() == (tmp_path / "three" / path.relative_to(tmp_path / "one")).read_bytes(), path


def test_what_cannot_be_used_is_listed_with_its_reason(tmp_path, tree, make):
    root = tree()
    (root / "train/cat/000.png").write_bytes(b"")
    whole = (root / "val/dog/001.png").read_bytes()
    (root / "val/dog/001.png").write_bytes(whole[:100])
    (root / "test/dog/notes.txt").write_text("hello")
    (root / "test/dog/Thumbs.db").write_text("litter")
    Image.new("L", (9, 9), 7).save(root / "test/cat/000.png")
    summary = make(root, tmp_path / "crops", max_failures=2 / 24)
    assert summary["left_out"] == {"truncated": 1, "empty file": 1}
    assert summary["not_chosen"] == {"not a picture file": 1}
    assert summary["treated"] == {"grey": 1, "flat": 1}
    assert {(row["split"], row["path"], row["reason"]) for row in rows(tmp_path / "crops/left_out.csv")} == {
        ("train", "train/cat/000.png", "empty file"),
        ("val", "val/dog/001.png", "truncated"),
        ("test", "test/dog/notes.txt", "not a picture file"),
    }
    crops = open_crops(tmp_path / "crops")
    assert crops["train"].images.shape == (7, 8, 8, 3) and len(crops["train"].manifest) == 7
    treated = {row["path"]: row["treatment"] for row in crops["test"].manifest if row["treatment"]}
    assert treated == {"test/cat/000.png": "grey; flat"}


def test_too_many_failures_stop_with_reasons_and_examples(tmp_path, tree, make):
    root = tree()
    for i in range(2):
        (root / f"train/cat/00{i}.png").write_bytes(b"")
    (root / "val/cat/000.png").write_bytes(b"not a picture")
    with pytest.raises(CropsError) as error:
        make(root, tmp_path / "crops", max_failures=0.1)
    message = str(error.value)
    assert "\n" not in message and "3 of 24 pictures" in message
    assert (
        "empty file (2, such as train/cat/000.png)" in message and "unreadable (1, such as val/cat/000.png)" in message
    )
    assert not (tmp_path / "crops").exists()
    assert make(root, tmp_path / "crops", max_failures=3 / 24)["left_out"] == {"empty file": 2, "unreadable": 1}


def test_class_without_a_usable_picture(tmp_path, tree, make):
    root = tree(per_class=1)
    (root / "val/dog/000.png").write_bytes(b"")
    with pytest.raises(CropsError, match="no usable picture of class dog is left in the val split"):
        make(root, tmp_path / "crops", max_failures=1)


def test_duplicates_are_reported_and_dropped_from_train(tmp_path, tree, make):
    root = tree()

    def copy(source, target):
        (root / target).write_bytes((root / source).read_bytes())

    copy("val/cat/000.png", "train/cat/001.png")  # across splits
    copy("test/dog/000.png", "train/cat/002.png")  # across splits with another label
    copy("train/dog/000.png", "train/dog/001.png")  # within train
    expected = {"groups": 3, "images": 6, "across_splits": 2, "conflicting": 1, "dropped_from_train": 0}
    assert make(root, tmp_path / "all")["duplicates"] == expected
    listed = rows(tmp_path / "all/duplicates.csv")
    groups = [sorted(row["path"] for row in listed if row["group"] == str(group)) for group in range(3)]
    assert sorted(groups) == [
        ["test/dog/000.png", "train/cat/002.png"],
        ["train/cat/001.png", "val/cat/000.png"],
        ["train/dog/000.png", "train/dog/001.png"],
    ]
    dropped = make(root, tmp_path / "dropped", drop_duplicates=True)
    assert dropped["duplicates"] == expected | {"dropped_from_train": 2}
    assert dropped["left_out"] == {"same pixels as a held-out image": 2}
    crops, everything = open_crops(tmp_path / "dropped"), open_crops(tmp_path / "all")
    stay = [row["path"] not in ("train/cat/001.png", "train/cat/002.png") for row in everything["train"].manifest]
    np.testing.assert_array_equal(crops["train"].images, everything["train"].images[stay])
    np.testing.assert_array_equal(crops["train"].labels, everything["train"].labels[stay])
    assert len(crops["val"]) == len(everything["val"])


def test_mean_std_in_blocks(tmp_path, monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (50, 6, 7, 3), dtype=np.uint8)
    monkeypatch.setattr("stages.crops.summary.BLOCK_BYTES", 7 * images[0].nbytes)
    np.save(tmp_path / "images.npy", images)
    mean, std = mean_std(tmp_path / "images.npy")
    np.testing.assert_allclose(mean, (images / 255).mean(axis=(0, 1, 2)), atol=1e-6)
    np.testing.assert_allclose(std, (images / 255).std(axis=(0, 1, 2)), atol=1e-6)


def test_description_names_every_number(tmp_path, tree, make):
    root = tree()
    (root / "train/cat/000.png").write_bytes(b"")
    text = describe(make(root, tmp_path / "crops", max_failures=0.1))
    table = [line.split() for line in text.splitlines()]
    (head,) = [row for row in table if row[:1] == ["train"]]
    train = {row[0]: row[1] for row in table if len(row) == 1 + len(head)}
    assert train["cat"] == "3" and train["dog"] == "4" and train["total"] == "7"
    assert "left out: empty file: 1" in text
    assert json.loads((tmp_path / "crops/summary.json").read_text())["counts"]["train"] == {"cat": 3, "dog": 4}
