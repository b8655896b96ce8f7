"""Where the pictures of a list are, and which list is meant: found, or asked for, never guessed."""

import pytest

from stages.datasets import DataSetError
from stages.datasets.division import divide
from stages.datasets.finder import OUTSIDE
from tests.stages.datasets.lists import LIST, read, write
from tests.stages.datasets.trees import plant


@pytest.mark.parametrize(
    "files, taken, notes",
    [
        (["labels.csv", "other.csv"], {"labels.csv": None}, ["not read beside labels.csv: other.csv"]),
        (["only.tsv"], {"only.tsv": None}, []),
        (["train.csv", "test.csv"], {"test.csv": "test", "train.csv": "train"}, []),
        (["train_labels.csv", "Valid.csv"], {"Valid.csv": "val", "train_labels.csv": "train"}, []),
        (["labels.csv", "labels.txt", "train.txt"], {"labels.csv": None}, []),
        (["train.txt", "val.txt"], {"train.txt": "train", "val.txt": "val"}, []),
        (["train.csv", "sample.csv", "val.csv"], {"train.csv": "train", "val.csv": "val"},
         ["not read beside train.csv, val.csv: sample.csv"]),
        (["deep/er/labels.csv"], {"deep/er/labels.csv": None}, ["read from the lists in deep/er/"]),
        (["labels.csv", "old/labels.csv"], {"labels.csv": None}, ["lists further down, and not read: old/labels.csv"]),
    ],
)  # fmt: skip
def test_which_list_is_read(tmp_path, files, taken, notes):
    for file in files:
        name = file.rpartition("/")[2]
        base = plant(tmp_path, f"{file.rpartition('/')[0] or '.'}/{name}.jpg")
        write(base / file, [("path", "label"), (f"{name}.jpg", "a")])
    samples, said = read(tmp_path)
    assert [(s.path.removesuffix(".jpg"), s.split) for s in samples] == list(taken.items()) and said == notes


@pytest.mark.parametrize(
    "files, what",
    [
        ([], r"no CSV in \S+: found \(empty\)"),
        (["labels.xlsx"], r"no CSV in \S+: found \(labels.xlsx\)"),
        (["a.csv", "b.csv"], "more than one list in .*: a.csv, b.csv; call the one to be read labels.csv"),
        (["train.csv", "training.csv"], "more than one list in"),
        (["a/labels.csv", "b/labels.csv"], "lists in several folders of .*: a/labels.csv, b/labels.csv"),
    ],
)
def test_where_it_is_not_clear_which_list_is_meant(tmp_path, files, what):
    for file in files:
        write(tmp_path / file, [("path", "label"), ("a.jpg", "a")])
    with pytest.raises(DataSetError, match=f"CSV of pictures: {what}.*; expected one CSV, or labels.csv among several"):
        read(tmp_path)


@pytest.mark.parametrize(
    "listed, found, base",
    [
        ("a.jpg", "a.jpg", ""),
        ("1.jpg", "images/1.jpg", "images/"),
        ("1", "train_images/1.png", "train_images/"),
        ("b/1", "pictures/pictures/b/1.png", "pictures/pictures/"),
        ("set/images/1.jpg", "images/1.jpg", ""),
        ("images\\1.jpg", "images/1.jpg", ""),
        ("/images/1.jpg", "images/1.jpg", ""),
        ("IMAGES/1.JPG", "images/1.jpg", ""),
    ],
)
def test_where_paths_start(tmp_path, listed, found, base):
    root = plant(tmp_path / "set", found)
    write(root / "labels.csv", [("path", "label"), (listed, "a")])
    samples, notes = read(root)
    assert [(s.path, s.problem) for s in samples] == [(found, None)]
    assert notes == ([f"the paths in labels.csv start in {base}"] if base else [])


def test_where_paths_start_is_seen_though_the_first_picture_is_missing(tmp_path):
    rows = [("path", "label"), ("gone.jpg", "a"), ("1.jpg", "a"), ("2.jpg", "a")]
    write(plant(tmp_path, "images/1.jpg", "images/2.jpg") / "labels.csv", rows)
    samples, notes = read(tmp_path)
    assert [s.path for s in samples] == ["gone.jpg", "images/1.jpg", "images/2.jpg"]
    assert samples[0].problem == "missing" and notes == ["the paths in labels.csv start in images/"]


def test_the_lists_of_splits_have_a_folder_each(tmp_path):
    for name in ("train", "test"):
        plant(tmp_path, f"{name}_images/0.jpg")
        write(tmp_path / f"{name}.csv", [("image_id", "label"), ("0", "a")])
    assert [(s.path, s.split) for s in read(tmp_path)[0]] == [
        ("test_images/0.jpg", "test"),
        ("train_images/0.jpg", "train"),
    ]


def test_of_two_folders_that_fit_none_is_guessed(tmp_path):
    write(plant(tmp_path, "x/1.jpg", "y/1.jpg") / "labels.csv", [("path", "label"), ("1.jpg", "a")])
    assert read(tmp_path)[0][0].problem == "missing"


def test_what_lies_outside_is_read_where_the_parameter_says_so(tmp_path):
    root = tmp_path / "set"
    plant(tmp_path, *[f"pictures/{name}{i}.jpg" for name in "ab" for i in range(9)], "elsewhere.jpg")
    rows = [
        (f"{start}/pictures/{name}{i}.jpg", name) for name, start in (("a", ".."), ("b", tmp_path)) for i in range(9)
    ]
    write(root / "labels.csv", [("path", "label"), *rows])
    with pytest.raises(DataSetError) as error:
        divide(LIST, LIST.samples(root), root)
    assert f"no usable picture in {root}: {OUTSIDE} (18, such as ../pictures/a0.jpg)" in str(error.value)
    assert "`data.outside: true` reads others too" in str(error.value)
    division = divide(LIST, LIST.samples(root), root, outside=True)
    every = [sample.path for samples in division.samples.values() for sample in samples]
    assert len(every) == 18 and all((root / path).is_file() for path in every)
