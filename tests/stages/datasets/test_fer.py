"""FER2013 in its layouts, as published and as people have them."""

import csv
import io
import pickle
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.datasets import SETS
from tests.stages.datasets.trees import counts, problems, read, refusal, touch

# The competition's codes.
EMOTIONS = {0: "Anger", 1: "Disgust", 2: "Fear", 3: "Happiness", 4: "Sadness", 5: "Surprise", 6: "Neutral"}
USAGE = ("Training", "PublicTest", "PrivateTest")
SPLITS = {"Training": "train", "PublicTest": "val", "PrivateTest": "test"}
NAMES = {
    "angry": "Anger",
    "disgust": "Disgust",
    "fear": "Fear",
    "happy": "Happiness",
    "sad": "Sadness",
    "surprise": "Surprise",
    "neutral": "Neutral",
}
few = settings(deadline=None, max_examples=30, derandomize=True, database=None)


def pixels(seed):
    return np.random.default_rng(seed).integers(0, 256, 48 * 48)


def cells(i, rows):
    return {"emotion": str(i % 7), "pixels": " ".join(map(str, pixels(i))), "Usage": USAGE[i * 3 // rows]}


def write_csv(
    path, rows=14, header=("emotion", "pixels", "Usage"), encoding="utf-8", change=lambda i, row: row, **dialect
):
    table = [header, *(change(i, [cells(i, rows).get(name.strip(), "") for name in header]) for i in range(rows))]
    buffer = io.StringIO()
    csv.writer(buffer, **({"lineterminator": "\n"} | dialect)).writerows(table)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(buffer.getvalue().encode(encoding))
    return path.parent


def assert_whole(samples, rows=14, splits=True):
    assert [sample.label for sample in samples] == [EMOTIONS[i % 7] for i in range(rows)]
    assert [sample.split for sample in samples] == [
        SPLITS[USAGE[i * 3 // rows]] if splits else None for i in range(rows)
    ]
    assert problems(samples) == {}
    for i, sample in enumerate(samples):
        picture = picture_of(sample)
        assert picture.dtype == np.uint8 and picture.shape == (48, 48)
        np.testing.assert_array_equal(picture.ravel(), pixels(i))


def picture_of(sample):
    """As the crops get it: in another process, after it was pickled."""
    later = pickle.loads(pickle.dumps(sample.pixels))
    return later() if callable(later) else later


@pytest.mark.parametrize("header", [("emotion", "pixels", "Usage"), ("emotion", " Usage", " pixels")])
def test_csv(tmp_path, header):
    samples, notes = read("fer2013", write_csv(tmp_path / "fer2013.csv", header=header))
    assert samples[3].path == "fer2013.csv#4" and notes == []
    assert_whole(samples)


@given(
    delimiter=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    header=st.permutations(["emotion", "pixels", "Usage", "", "note"]),
    names=st.fixed_dictionaries({"emotion": st.sampled_from(["emotion", "Emotion ", "label"])}),
    spelled=st.sampled_from(["{}", "{}.0", "0{}", " {} "]),
    note=st.sampled_from(["", "déjà vu", "two\nlines", 'quoted "so"', "1 2 3"]),
)
@few
def test_csv_in_any_dialect(tmp_path_factory, delimiter, end, encoding, quoting, header, names, spelled, note):
    def change(i, row):
        named = dict(zip(header, row, strict=True)) | {"": str(i), "note": note}
        return [spelled.format(named[name]) if name == "emotion" else named[name] for name in header]

    root = tmp_path_factory.mktemp("fer")
    written = tuple(names.get(name, name) for name in header)
    rows = [written, *(change(i, [cells(i, 7).get(name, "") for name in header]) for i in range(7))]
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(rows)
    (root / "fer2013.csv").write_bytes(buffer.getvalue().encode(encoding))
    samples, _ = read("fer2013", root)
    assert_whole(samples, rows=7)
    plain = encoding != "utf-16"
    assert all(callable(sample.pixels) is plain for sample in samples), "the pictures stay in the file"


def test_emotions_by_name_and_cells_that_say_nothing(tmp_path):
    spelled = ["Angry", "disgust", "FEAR", "happy", "Sad", "suprise", "neutral", "7", "-1", "1.5", "nan", "", "hungry"]
    root = write_csv(tmp_path / "fer2013.csv", rows=13, change=lambda i, row: [spelled[i], *row[1:]])
    samples, _ = read("fer2013", root)
    assert [sample.label for sample in samples] == [*EMOTIONS.values(), *[None] * 6]
    assert problems(samples) == {"unknown label code": 6}


def test_csv_dirt(tmp_path):
    write_csv(tmp_path / "fer2013.csv", rows=1)
    whole = " ".join(map(str, pixels(0)))
    rows = [
        f"7,{whole},Training",
        f"0,{whole},Holdout",
        "0,1 2 3,Training",
        f"0,{whole[:-3]}999,Training",
        f"0,-{whole},Training",
        "0,a b,Training",
        "0,,Training",
        "0",
        f"0,[{whole}],Training",
    ]
    with open(tmp_path / "fer2013.csv", "a") as file:
        file.write("\n".join(rows) + "\n")
    samples, _ = read("fer2013", tmp_path)
    assert [sample.problem for sample in samples] == [
        None,
        "unknown label code",
        "unknown split",
        *["unreadable"] * 5,
        "row too short",
        None,
    ]
    np.testing.assert_array_equal(picture_of(samples[-1]).ravel(), pixels(0))


def test_csv_that_changes_before_the_crops_are_made(tmp_path):
    samples, _ = read("fer2013", write_csv(tmp_path / "fer2013.csv"))
    (tmp_path / "fer2013.csv").write_bytes(b"")
    with pytest.raises(ValueError, match="the file has changed"):
        picture_of(samples[3])


@pytest.mark.parametrize(
    "place",
    [
        "fer2013.csv",
        "FER2013.CSV",
        "icml_face_data.csv",
        "fer2013",
        "fer2013.csv/fer2013.csv",
        "archive/fer2013/fer2013.csv",
        "mine.csv",
    ],
)
def test_csv_wherever_it_lies(tmp_path, place):
    write_csv(tmp_path / place)
    touch(tmp_path / "__MACOSX/fer2013.csv")
    touch(tmp_path / "._fer2013.csv")
    samples, notes = read("fer2013", tmp_path)
    assert_whole(samples)
    assert samples[0].path == f"{place}#1" and notes == []


def test_csv_without_usage_is_divided_anew(tmp_path):
    samples, notes = read("fer2013", write_csv(tmp_path / "fer2013.csv", header=("emotion", "pixels")))
    assert_whole(samples, splits=False)
    assert notes == ["fer2013.csv has no column Usage: validation and test are taken out of all its rows"]


def test_the_competitions_train_csv_and_test_csv(tmp_path):
    write_csv(tmp_path / "train.csv", header=("emotion", "pixels"))
    write_csv(tmp_path / "test.csv", header=("pixels",))
    samples, notes = read("fer2013", tmp_path)
    assert {sample.split for sample in samples} == {"train"} and len(samples) == 14
    assert notes == ["test.csv is not read: it has no column emotion"]
    write_csv(tmp_path / "test.csv", rows=7, header=("emotion", "pixels"))
    samples, notes = read("fer2013", tmp_path)
    assert sum(sample.split == "test" for sample in samples) == 7 and len(samples) == 21 and notes == []
    # With the whole table beside them, as the competition's page has them.
    write_csv(tmp_path / "icml_face_data.csv", header=("emotion", " Usage", " pixels"))
    samples, notes = read("fer2013", tmp_path)
    assert_whole(samples)
    assert len(notes) == 1 and "read icml_face_data.csv, not" in notes[0]
    assert "train.csv" in notes[0] and "test.csv" in notes[0]


def test_two_tables(tmp_path):
    write_csv(tmp_path / "a/fer2013.csv")
    write_csv(tmp_path / "b/fer2013.csv")
    line = refusal("fer2013", tmp_path)
    assert "a/fer2013.csv and b/fer2013.csv fit equally" in line
    write_csv(tmp_path / "fer2013.csv")
    samples, notes = read("fer2013", tmp_path)
    assert samples[0].path == "fer2013.csv#1"
    assert notes == ["read fer2013.csv, not a/fer2013.csv, b/fer2013.csv"]


def test_a_table_beside_class_folders(tmp_path):
    write_csv(tmp_path / "fer2013.csv")
    write_folders(tmp_path / "faces", ["train", "test"])
    samples, notes = read("fer2013", tmp_path)
    assert_whole(samples)
    assert notes == ["read fer2013.csv, not the class folders in faces"]


def write_folders(base, splits, names=tuple(NAMES), files=("a.PNG", "b.jpg")):
    for split, name in product(splits, names):
        for file in (*files, ".ipynb_checkpoints/b-checkpoint.jpg", "._b.jpg"):
            touch(base / split / name / file)


@pytest.mark.parametrize(
    "splits",
    [
        {"train": "train", "public_test": "val", "private_test": "test"},
        {"Training": "train", "PublicTest": "val", "PrivateTest": "test"},
        {"TRAIN": "train", "Test": "test"},
        {"train": "train", "validation": "val"},
        {"training_set": "train", "valid_set": "val", "test_set": "test"},
        {"": None},
    ],
)
@pytest.mark.parametrize(
    ("below", "spelled"),
    [
        ("", str.lower),
        ("fer2013", str.upper),
        ("archive/FER 2013/images", lambda name: {"surprise": "suprise"}.get(name, f"1_{name}")),
    ],
)
def test_folders(tmp_path, splits, below, spelled):
    write_folders(tmp_path / below, splits, map(spelled, NAMES))
    samples, _ = read("fer2013", tmp_path)
    assert counts(samples) == {(split, label): 2 for split in splits.values() for label in NAMES.values()}
    assert all((tmp_path / sample.path).is_file() for sample in samples) and problems(samples) == {}


def test_folders_by_code_and_unknown_ones(tmp_path):
    write_folders(tmp_path, ["train"], map(str, range(8)), ["a.jpg"])
    samples, _ = read("fer2013", tmp_path)
    assert [sample.label for sample in samples] == [*EMOTIONS.values(), None]
    assert problems(samples) == {"unknown label code": 1}


def test_folders_by_code_that_begin_with_one_are_refused(tmp_path):
    write_folders(tmp_path, ["train", "test"], map(str, range(1, 8)))
    line = refusal("fer2013", tmp_path)
    assert "class folders 1, 2, 3, 4, 5, 6, 7 in" in line and "0 Anger" in line and "6 Neutral" in line


def test_contempt_is_not_among_the_classes_and_said_to_be_left_out(tmp_path):
    from stages.datasets.division import divide

    names = [*NAMES, "contempt"]
    write_folders(tmp_path, ["train", "val", "test"], names)
    division = divide(SETS["fer2013"], SETS["fer2013"].samples(tmp_path), tmp_path)
    assert sorted({reason for *_, reason in division.not_chosen}) == ["class Contempt"]
    assert len(division.not_chosen) == 6 and division.classes == tuple(EMOTIONS.values())


def test_wrong_places_are_named(tmp_path):
    assert "neither fer2013.csv nor a folder train in" in refusal("fer2013", tmp_path)
    (tmp_path / "fer2013.csv").write_text("label,file\n")
    assert "fer2013.csv: no column pixels in its first line, 'label,file'" in refusal("fer2013", tmp_path)
    (tmp_path / "fer2013.csv").write_text("")
    assert "fer2013.csv: the file is empty" in refusal("fer2013", tmp_path)
    (tmp_path / "fer2013.csv").write_text("pixels\n1 2\n")
    assert "fer2013.csv is not read: it has no column emotion" in refusal("fer2013", tmp_path)
    (tmp_path / "fer2013.csv").write_text("emotion,pixels,Usage\n\n")
    assert "fer2013.csv holds no picture" in refusal("fer2013", tmp_path)
    (tmp_path / "fer2013.csv").unlink()
    for name in ("cats", "dogs"):
        touch(tmp_path / "pets" / name / "1.jpg")
    assert f"dataset: folders with FOLDERS_ROOT={tmp_path / 'pets'}" in refusal("fer2013", tmp_path)
