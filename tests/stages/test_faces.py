"""The stage `faces`, run as DVC runs it on the fewest pictures that it allows, and what it leaves computed again."""

import csv
import hashlib
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages.datasets import SETS

ROOT = Path(__file__).parents[2]
NAMES = [
    "neutral",
    "happiness",
    "sadness",
    "surprise",
    "fear",
    "disgust",
    "anger",
    "contempt",
    "none",
    "uncertain",
    "no-face",
]
COLUMNS = [
    "subDirectory_filePath",
    "face_x",
    "face_y",
    "face_width",
    "face_height",
    "facial_landmarks",
    "expression",
    "valence",
    "arousal",
]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """(folder, what the stage printed)."""
    workspace = tmp_path_factory.mktemp("faces")
    text = (ROOT / "params.yaml").read_text()
    text, changed = re.subn(
        r"^faces:.*\n((?:  .*\n)+)", "faces: {train: 70, val: 70, wrong_labels: 0.2, seed: 5}\n", text, flags=re.M
    )
    assert changed == 1
    (workspace / "params.yaml").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "stages.faces"],
        cwd=workspace,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and done.stderr == "", "no bar where no terminal is"
    assert sorted(path.name for path in (workspace / "data/raw").iterdir()) == ["faces"]
    return workspace / "data/raw/faces", done.stdout


def rows(folder, name):
    with open(folder / f"{name}.csv", newline="") as file:
        table = list(csv.reader(file))
    if name == "training":
        assert table.pop(0) == COLUMNS
    return [dict(zip(COLUMNS, row, strict=True)) for row in table]


def test_lists_and_files_are_the_same_pictures(drawn):
    folder, _ = drawn
    listed = [row["subDirectory_filePath"] for name in ("training", "validation") for row in rows(folder, name)]
    assert len(rows(folder, "training")) == len(rows(folder, "validation")) == 70
    assert len(set(listed)) == len(listed)
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert there == {"training.csv", "validation.csv"} | {f"Manually_Annotated_Images/{name}" for name in listed}


def test_a_picture_is_named_after_its_content(drawn):
    folder, _ = drawn
    for path in folder.rglob("*.jpg"):
        assert path.stem == hashlib.sha224(path.read_bytes()).hexdigest()
        with Image.open(path) as picture:
            picture.load()
            assert picture.format == "JPEG" and picture.mode == "RGB" and min(picture.size) >= 96


def test_boxes_and_landmarks_are_of_the_face(drawn):
    """Boxes are square and around the landmarks, most within the picture, none with its middle outside."""
    folder, _ = drawn
    inside, faces = 0, [row for name in ("training", "validation") for row in rows(folder, name)]
    for row in faces:
        with Image.open(folder / "Manually_Annotated_Images" / row["subDirectory_filePath"]) as picture:
            width, height = picture.size
        x, y, box_width, box_height = (int(row[name]) for name in COLUMNS[1:5])
        assert box_width == box_height > 40
        assert 0 < x + box_width / 2 < width and 0 < y + box_height / 2 < height
        inside += x >= 0 and y >= 0 and x + box_width <= width and y + box_height <= height
        points = np.array(row["facial_landmarks"].split(";"), float).reshape(68, 2)
        low, high = points.min(axis=0), points.max(axis=0)
        assert (np.abs((low + high) / 2 - (x + box_width / 2, y + box_height / 2)) < 0.15 * box_width).all()
        assert 0.8 * box_width < (high - low).max() < box_width
    assert inside > 0.9 * len(faces)


def test_what_it_says_is_what_the_lists_hold(drawn):
    folder, said = drawn
    assert max(map(len, said.splitlines())) <= 80 and not re.search(r"\d\n", said), "a number stays with its name"
    for name in ("training", "validation"):
        (counts,) = re.findall(rf"{name}.csv: (\d+), (.+?)(?= \w+\.csv|$)", " ".join(said.split()))
        tally = Counter(NAMES[int(row["expression"])] for row in rows(folder, name))
        assert int(counts[0]) == tally.total() == 70
        assert dict(tuple(reversed(part.split(" "))) for part in counts[1].split(", ")) == {
            key: str(value) for key, value in tally.items()
        }


def test_the_reader_finds_nothing_wrong(drawn):
    folder, _ = drawn
    samples = list(SETS["faces"].samples(folder))
    assert Counter(sample.split for sample in samples) == {"train": 70, "val": 70}
    assert {sample.problem for sample in samples} == {None}
    assert all((folder / sample.path).exists() for sample in samples)


def test_for_another_data_set_no_face_is_drawn(tmp_path):
    text = (ROOT / "params.yaml").read_text()
    (tmp_path / "params.yaml").write_text(text.replace("dataset: faces", "dataset: folders", 1))
    (tmp_path / "data/raw/faces").mkdir(parents=True)
    (tmp_path / "data/raw/faces/training.csv").write_text("of before")
    done = subprocess.run(
        [sys.executable, "-m", "stages.faces"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and done.stdout.endswith("no faces are drawn, the data set is folders\n"), done.stderr
    assert [path.name for path in (tmp_path / "data/raw/faces").iterdir()] == ["none.txt"]
