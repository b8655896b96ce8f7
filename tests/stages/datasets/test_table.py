"""Lists of pictures, as people have them: delimiters, encodings, names of columns, boxes, words."""

import csv
import math
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.datasets import DataSetError
from stages.datasets.division import divide
from stages.datasets.finder import NOT_A_PATH
from tests.stages.datasets.lists import LIST, read, write
from tests.stages.datasets.trees import plant


def test_every_column(tmp_path):
    plant(tmp_path, *[f"{name}.jpg" for name in "abcdefh"])
    (tmp_path / "my.csv").write_text(
        "Path, Label ,box,split,subject,valence,arousal,remark\n"
        "a.jpg,cat,1 2 30 40,train,p1,0.5,-1,x\n"
        'b.jpg,dog,"1,2,30.5,40",Validation,p2,,0,\n'
        "c.jpg,dog,,test,,NULL,1,\n"
        "d.jpg,dog,1 2 3,test,nan,0,0,\n"
        "e.jpg,dog,NULL,test,,0,0,\n"
        "f.jpg,,1 2 3 4,,,0,0,\n"
        "\n"
        ",cat,,,,,,\n"
        "g.jpg,cat,,,,,,\n"
        "h.jpg,cat,1 2 3 4,,,,,,one too many\n"
        "h.jpg\n"
    )
    (a, b, c, d, e, f, empty, g, long, short), notes = read(tmp_path)
    assert (a.path, a.label, a.box, a.split, a.subject, a.affect, a.problem) == (
        "a.jpg", "cat", (1, 2, 30, 40), "train", "p1", (0.5, -1), None,
    )  # fmt: skip
    assert (b.box, b.split) == ((1, 2, 30.5, 40), "val") and math.isnan(b.affect[0])
    assert (c.box, c.split, c.subject, c.problem) == (None, "test", None, None) and d.subject is None
    assert d.problem == e.problem == "box is not four numbers" and f.problem == "no label"
    assert (empty.problem, g.problem) == (NOT_A_PATH, "missing")
    assert (long.path, long.problem, short.path, short.problem) == (
        "my.csv#11",
        "row too long",
        "my.csv#12",
        "row too short",
    )
    assert notes == [
        "columns of my.csv that are not read: remark",
        "rows of my.csv that name no split, and count as train: 5",
    ]


NAMES = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=20)
FILES = NAMES.map(str.strip).filter(lambda name: name and not name.startswith("sep=") and "/" not in name)
PATHS = FILES.filter(lambda name: "\\" not in name and "://" not in name and len(name.encode()) < 200).map(
    lambda name: f"in/{name}.jpg"
)


LABELS = st.sampled_from(["cat", "0", "01", "True", "1e3", "a,b", 'say "x"', "ärger", "猫", "semi;colon", "pipe|d"])
HEADERS = {
    "path": ["path", "Image", "filename", "pth", "File_Path", "filepaths", " img "],
    "label": ["label", "Emotion", "class", "LABELS", "category"],
    "split": ["split", "Usage", "data set", "Subset"],
}


BOXES = {
    ("box",): lambda x, y, w, h, look: [look.format(x, y, w, h)],
    ("x", "y", "w", "h"): lambda x, y, w, h, _: [x, y, w, h],
    ("left", "top", "Width", "height"): lambda x, y, w, h, _: [x, y, w, h],
    ("face_x", "face_y", "face_width", "face_height"): lambda x, y, w, h, _: [x, y, w, h],
    ("xmin", "ymin", "xmax", "ymax"): lambda x, y, w, h, _: [x, y, x + w, y + h],
    ("x1", "y1", "x2", "y2"): lambda x, y, w, h, _: [x, y, x + w, y + h],
    ("width", "height", "xmin", "ymin", "xmax", "ymax"): lambda x, y, w, h, _: [640, 480, x, y, x + w, y + h],
    (): lambda *_: [],
}


LOOKS = ["[{}, {}, {}, {}]", "({},{},{},{})", "{} {} {} {}", "{};{};{};{}", "[{} {} {} {}]", "{}, {}, {}, {}"]
SPLITS = {"Training": "train", "train": "train", "PublicTest": "val", "valid_set": "val", "TEST": "test"}


@given(st.data())
@settings(deadline=None, max_examples=60, derandomize=True, database=None)
def test_any_dialect_says_the_same(data):
    """The rows are drawn first; then they are written in one of the ways of people, and what is read are the rows."""
    paths = data.draw(st.lists(PATHS, min_size=1, max_size=4, unique_by=lambda path: path.casefold()))
    numbers = st.integers(0, 50)
    columns = data.draw(st.sampled_from(sorted(BOXES)))
    names = [data.draw(st.sampled_from(HEADERS[field])) for field in ("path", "label", "split")]
    look = data.draw(st.sampled_from(LOOKS))
    rows, expected = [], []
    for path in paths:
        label, word = data.draw(LABELS), data.draw(st.sampled_from(sorted(SPLITS)))
        x, y, w, h = (data.draw(numbers) + least for least in (0, 0, 2, 2))
        rows.append([path, label, word, *BOXES[columns](x, y, w, h, look)])
        expected.append((path, label, SPLITS[word], (x, y, w, h) if columns else None, None))
    order = data.draw(st.permutations(range(3 + len(columns))))
    lines = [[row[place] for place in order] for row in ([*names, *columns], *rows)]
    with tempfile.TemporaryDirectory() as folder:
        root = plant(Path(folder), *paths)
        write(
            root / data.draw(st.sampled_from(["labels.csv", "any.CSV", "all.tsv"])),
            lines,
            encoding=data.draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])),
            delimiter=data.draw(st.sampled_from(",;\t|")),
            lineterminator=data.draw(st.sampled_from(["\n", "\r\n", "\n\n"])),
            quoting=data.draw(st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL])),
        )
        samples, notes = read(root)
    assert [(s.path, s.label, s.split, s.box, s.problem) for s in samples] == expected
    assert len(notes) == (columns[:1] == ("width",))


@given(st.lists(st.floats(0, 1), min_size=4, max_size=4), st.sampled_from(sorted(LOOKS)))
@settings(deadline=None, max_examples=40, derandomize=True, database=None)
def test_boxes_in_shares_are_no_pixels(values, look):
    with tempfile.TemporaryDirectory() as folder:
        root = plant(Path(folder), "a.jpg")
        write(root / "labels.csv", [("path", "label", "bbox"), ("a.jpg", "a", look.format(*values))])
        (sample,) = read(root)[0]
    said = sample.problem == "box is no larger than a pixel: pixels are expected, not shares"
    assert said == (values[2] > 0 and values[3] > 0)  # one of no width is empty, which the crops say


@pytest.mark.parametrize("label", ["nan", "NaN", "NAN", "null", "NULL", "None", "N/A", "<NA>", "NA", "#N/A", ""])
def test_words_for_no_label(tmp_path, label):
    plant(tmp_path, *[f"{name}{i}.jpg" for name in "abc" for i in range(9)])
    rows = [(f"{name}{i}.jpg", label if name == "c" else name) for name in "abc" for i in range(9)]
    write(tmp_path / "labels.csv", [("path", "label"), *rows])
    division = divide(LIST, LIST.samples(tmp_path), tmp_path)
    assert division.classes == ("a", "b")
    assert {reason for *_, reason in division.unusable} == {f"no label ({label!r})" if label else "no label"}
    assert len(division.unusable) == 9
    if label:  # unless somebody says that it is one
        named = divide(LIST, LIST.samples(tmp_path), tmp_path, classes=["a", label])
        assert named.classes == ("a", label) and named.unusable == []


@pytest.mark.parametrize("label", ["none", "Nancy", "0", "na", "nil", "-", "False"])
def test_words_that_are_labels(tmp_path, label):
    write(plant(tmp_path, "a.jpg") / "labels.csv", [("path", "label"), ("a.jpg", label)])
    (sample,) = read(tmp_path)[0]
    assert (sample.label, sample.problem) == (label, None)


@pytest.mark.parametrize("word", ["0", "holdout", "fold1", "trainval"])
def test_a_word_that_is_no_split_stops_the_reading(tmp_path, word):
    plant(tmp_path, "a.jpg", "b.jpg")
    write(tmp_path / "labels.csv", [("path", "label", "split"), ("a.jpg", "a", "train"), ("b.jpg", "b", word)])
    with pytest.raises(DataSetError, match=f"labels.csv, line 3: the split '{word}' is none of train, val or test"):
        read(tmp_path)


def test_a_test_list_without_labels_is_said(tmp_path):
    plant(tmp_path, "1.jpg", "2.jpg")
    write(tmp_path / "train.csv", [("path", "label"), ("1.jpg", "a")])
    write(tmp_path / "test.csv", [("path",), ("2.jpg",)])
    samples, notes = read(tmp_path)
    assert [(s.path, s.split) for s in samples] == [("1.jpg", "train")]
    assert notes == ["test.csv has no labels: the test split cannot be read from it"]


def test_pictures_that_are_listed_again_are_said(tmp_path):
    plant(tmp_path, "a.jpg", "b (1)")
    rows = [("a.jpg", "a", "train", "1 1 9 9"), ("b (1)", "b", "train", ""), ("b (1)", "b", "train", "")]
    rows += [("a.jpg", "b", "test", "1 1 9 9"), ("a.jpg", "b", "train", "5 5 9 9")]  # the last is another face
    write(tmp_path / "labels.csv", [("path", "label", "split", "box"), *rows])
    samples, notes = read(tmp_path)
    assert len(samples) == 5
    assert notes == [
        "listed more than once: 2 pictures, 1 of them with different labels or splits, such as "
        "a.jpg ('a' in train and 'b' in test), b (1)"
    ]


def test_columns_that_are_found_and_not_read_are_said(tmp_path):
    plant(tmp_path, "a.jpg")
    write(
        tmp_path / "labels.csv",
        [("path", "label", "x", "y", "width", "valence", "fold"), ("a.jpg", "a", 1, 2, 3, 4, 5)],
    )
    samples, notes = read(tmp_path)
    assert (samples[0].box, samples[0].affect) == (None, None)
    assert sorted(notes[0].partition(": ")[2].split(", ")) == ["fold", "valence", "width", "x", "y"]
    write(tmp_path / "labels.csv", [("path", "label", "split"), ("a.jpg", "a", ""), ("a.jpg", "a", "nan")])
    assert "no row of labels.csv names a split, though it has a column for it" in read(tmp_path)[1]


def test_a_pipe_in_the_place_of_a_list_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "labels.csv")
    with pytest.raises(DataSetError, match="no CSV in"):
        read(tmp_path)
