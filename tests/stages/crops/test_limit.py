"""data.limit counts what is left after duplicates of held-out pictures are dropped."""

import collections
import csv
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from stages.crops import build as building
from stages.crops.description import describe
from stages.crops.limit import BEYOND, spread
from stages.crops.store import CropsError, open_crops
from stages.datasets.division import Division
from stages.datasets.sample import Sample

TRAIN = {"cat": 24, "dog": 12, "owl": 4}


def write(root, copied=(), damaged=()):
    """A set whose train pictures are all different, but for those that are copies of a picture of val."""
    generator = np.random.default_rng(0)
    for split in ("train", "val", "test"):
        for name in TRAIN:
            folder = root / split / name
            folder.mkdir(parents=True)
            for i in range(TRAIN[name] if split == "train" else 2):
                Image.fromarray(generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(folder / f"{i:02}.png")
    for path in copied:
        (root / path).write_bytes((root / "val" / path.split("/")[1] / "00.png").read_bytes())
    for path in damaged:
        (root / path).write_bytes(b"")
    return root


COPIED = [f"train/cat/{i:02}.png" for i in range(0, 20, 2)] + ["train/dog/03.png", "train/owl/01.png"]
DAMAGED = ["train/cat/01.png", "train/dog/05.png"]


def outcome(target):
    """(paths of train in order, paths of held-out copies, paths beyond the limit)"""
    with open(target / "left_out.csv", newline="") as file:
        out = collections.defaultdict(list)
        for row in csv.DictReader(file):
            out[row["reason"]].append(row["path"])
    paths = [row["path"] for row in open_crops(target)["train"].manifest]
    return paths, out["same pixels as a held-out image"], out[BEYOND]


@pytest.mark.parametrize("limit", [10, 11, 12, 17, 25, 26, 27, 1000])
def test_train_has_as_many_as_there_are(tmp_path, make, limit):
    root = write(tmp_path / "set", COPIED, DAMAGED)
    summary = make(root, tmp_path / "crops", drop_duplicates=True, limit=limit, max_failures=1)
    usable = 40 - len(COPIED) - len(DAMAGED)
    counts = summary["counts"]["train"]
    assert sum(counts.values()) == min(limit, usable)
    paths, dropped, beyond = outcome(tmp_path / "crops")
    assert len(set(paths)) == len(paths) == min(limit, usable)
    assert not set(paths) & set(COPIED) and set(dropped) <= set(COPIED)
    assert len(paths) + len(dropped) + len(beyond) + summary["left_out"].get("empty file", 0) == 40
    assert min(counts.values()) >= 1
    if beyond:
        assert f"not chosen: {BEYOND}: {len(beyond)}" in describe(summary)
    # Every crop is that of its own row.
    for path, image in zip(paths, open_crops(tmp_path / "crops")["train"].images, strict=True):
        np.testing.assert_array_equal(image, np.asarray(Image.open(root / path)))


def test_tasks_processes_and_interruptions_change_nothing(tmp_path, monkeypatch, capsys, make):
    root = write(tmp_path / "set", COPIED, DAMAGED)
    options = {"drop_duplicates": True, "limit": 11, "max_failures": 1}
    make(root, tmp_path / "straight", **options)
    expected = {path.name: path.read_bytes() for path in (tmp_path / "straight/train").iterdir()}
    for size in (1, 2, 5):
        monkeypatch.setattr(building, "TASK_BYTES", size * 8 * 8 * 3)
        make(root, tmp_path / f"of {size}", workers=1 + size % 2, **options)
        assert {path.name: path.read_bytes() for path in (tmp_path / f"of {size}/train").iterdir()} == expected

    monkeypatch.setattr(building, "TASK_BYTES", 2 * 8 * 8 * 3)
    adding, left = building.Journal.add, [0]

    def stopping(journal, split, outcomes):
        adding(journal, split, outcomes)
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    monkeypatch.setattr(building.Journal, "add", stopping)
    for tasks in (3, 1, 2, 1, 1):
        left[0] = tasks
        with pytest.raises(KeyboardInterrupt):
            make(root, tmp_path / "stopped", **options)
    left[0] = 0
    make(root, tmp_path / "stopped", **options)
    assert "continuing after" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in (tmp_path / "stopped/train").iterdir()} == expected


def test_limits_too_small_for_the_classes_name_the_parameter(tmp_path, make):
    root = write(tmp_path / "set")
    with pytest.raises(
        CropsError, match=r"^no usable picture of class owl is left in the train split .*data\.limit: 2"
    ):
        make(root, tmp_path / "crops", drop_duplicates=True, limit=2)


@settings(deadline=None, max_examples=60, derandomize=True, database=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=6))
def test_every_beginning_is_stratified(sizes):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    samples = [Sample(str(row), str(label), "train") for row, label in enumerate(labels)]
    before = Division(tuple(map(str, range(len(sizes)))), {"train": samples}, {"train": labels}, [], [])
    after = spread(before)
    assert sorted(sample.path for sample in after.samples["train"]) == sorted(sample.path for sample in samples)
    assert [sample.label for sample in after.samples["train"]] == [str(label) for label in after.labels["train"]]
    for count in range(1, len(labels) + 1):
        found = np.bincount(after.labels["train"][:count], minlength=len(sizes))
        shares = np.array(sizes) * count / len(labels)
        assert (found > 0).all() or count < len(sizes)
        assert np.abs(found - shares).max() <= len(sizes)
    assert [s.path for s in spread(before).samples["train"]] == [s.path for s in after.samples["train"]]


def test_the_order_within_a_class_is_not_that_of_the_list(tmp_path, make):
    """Files by name are often in an order of their own: by person, by time."""
    root = write(tmp_path / "set")
    make(root, tmp_path / "crops", drop_duplicates=True, limit=10)
    paths = [path for path in outcome(tmp_path / "crops")[0] if "cat" in path]
    assert paths != sorted(paths) and json.loads((tmp_path / "crops/summary.json").read_text())["counts"]
