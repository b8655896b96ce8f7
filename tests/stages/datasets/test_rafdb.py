"""RAF-DB, on trees in the published layout and in the widely copied one, and as people have them."""

import csv
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.datasets import SETS
from stages.datasets.division import divide
from tests.stages.datasets.trees import counts, problems, read, refusal, touch

RAF = {1: "Surprise", 2: "Fear", 3: "Disgust", 4: "Happiness", 5: "Sadness", 6: "Anger", 7: "Neutral"}
EACH = {(split, label): 1 for split in ("train", "test") for label in RAF.values()}
few = settings(deadline=None, max_examples=30, derandomize=True, database=None)


def write_published(base, line="{name} {code}", codes=RAF, end="\n", more=(), encoding="utf-8"):
    lines = []
    for split in ("train", "test"):
        for code in codes:
            touch(base / f"Image/aligned/{split}_{code:05}_aligned.jpg")
            lines.append(line.format(name=f"{split}_{code:05}.jpg", code=code))
    (base / "EmoLabel").mkdir(parents=True, exist_ok=True)
    content = end.join([*lines, *more, ""]).encode(encoding)
    (base / "EmoLabel/list_patition_label.txt").write_bytes(content)
    return base


@pytest.mark.parametrize("below", ["", "basic", "RAF-DB", "archive/RAF-DB/basic"])
def test_as_published(tmp_path, below):
    write_published(
        tmp_path / below, more=["train_00008.jpg 8", "train_00009.jpg", "spare_1.jpg 1", "", "train_9.jpg 1"]
    )
    samples, notes = read("rafdb", tmp_path)
    prefix = f"{below}/" if below else ""
    assert [(s.path, s.label, s.split) for s in samples[:14]] == [
        (f"{prefix}Image/aligned/{split}_{code:05}_aligned.jpg", label, split)
        for split in ("train", "test")
        for code, label in RAF.items()
    ]
    expected = [None] * 14 + ["unknown label code", "row too short", "unknown split", "missing"]
    assert [s.problem for s in samples] == expected and notes == []


@given(
    between=st.sampled_from([" ", "\t", "   ", ",", ";", ", ", " \t"]),
    code=st.sampled_from(["{code}", "{code}.0", "0{code}"]),
    after=st.sampled_from(["", " ", "\t", " 1", " 0.5 7"]),
    end=st.sampled_from(["\n", "\r\n", "\r", "\n\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    name=st.sampled_from(["{name}", "{stem}_aligned.jpg", "{stem}.JPG"]),
)
@few
def test_the_list_in_any_spelling(tmp_path_factory, between, code, after, end, encoding, name):
    root = tmp_path_factory.mktemp("raf")
    write_published(root)
    lines = []
    for split in ("train", "test"):
        for number in RAF:
            stem = f"{split}_{number:05}"
            spelled = name.format(name=f"{stem}.jpg", stem=stem), code.format(code=number)
            lines.append(between.join(spelled) + after)
    (root / "EmoLabel/list_patition_label.txt").write_bytes(end.join(lines).encode(encoding))
    samples, notes = read("rafdb", root)
    assert counts(samples) == EACH and problems(samples) == {}
    assert all((root / sample.path).is_file() for sample in samples)
    assert len(notes) == bool(after.strip())


def test_the_compound_subset_is_refused(tmp_path):
    line = refusal("rafdb", write_published(tmp_path, codes=range(1, 12)))
    assert "has the codes 8, 9, 10, 11" in line and "compound" in line


def test_pictures_that_are_listed_twice_or_not_at_all(tmp_path):
    write_published(tmp_path, more=["train_00001.jpg 1", "train_00002.jpg 5"])
    touch(tmp_path / "Image/aligned/train_77777_aligned.jpg")
    samples, notes = read("rafdb", tmp_path)
    assert problems(samples) == {"listed twice": 1, "listed with different labels": 2}
    assert notes == [
        "1 pictures are not in EmoLabel/list_patition_label.txt, such as Image/aligned/train_77777_aligned.jpg"
    ]


def test_pictures_that_are_not_aligned_are_refused(tmp_path):
    write_published(tmp_path)
    (tmp_path / "Image/aligned").rename(tmp_path / "Image/original")
    line = refusal("rafdb", tmp_path)
    assert "no folder Image/aligned in" in line and "Image/original is there" in line


def write_folders(base, splits=("train", "test"), names=("1", "2", "3", "4", "5", "6", "7"), per=1):
    """Returns {split: [(picture, code)]}."""
    listed = {}
    for split in splits:
        listed[split] = []
        for code, name in zip(RAF, names, strict=False):
            for i in range(per):
                picture = f"{split}_{code}{i:04}_aligned.jpg"
                touch(base / split / name / picture)
                listed[split].append((picture, code))
        touch(base / split / names[0] / ".ipynb_checkpoints/x-checkpoint.jpg")
    return listed


def write_lists(folder, listed, header=("image", "label"), row=lambda i, name, code: (name, code), call="{}_labels.csv",
                encoding="utf-8", **dialect):  # fmt: skip
    for split, rows in listed.items():
        with open(folder / call.format(split), "w", newline="", encoding=encoding) as file:
            writer = csv.writer(file, **({"lineterminator": "\n"} | dialect))
            writer.writerows([*([header] if header else []), *(row(i, *each) for i, each in enumerate(rows))])


LISTS = {
    "none": None,
    "plain": {},
    "other header": {"header": ("name", "emotion")},
    "no header": {"header": None},
    "index, floats": {"header": ("", "image", "label"), "row": lambda i, name, code: (i, name, float(code))},
    "paths": {"row": lambda i, name, code: (f"DATASET\\{name.partition('_')[0]}\\{code}\\{name}", code)},
    "by name": {"row": lambda i, name, code: (name, RAF[code].lower())},
    "semicolons": {"delimiter": ";", "lineterminator": "\r\n", "encoding": "utf-8-sig"},
    "tabs, Utf-16": {"delimiter": "\t", "encoding": "utf-16"},
    "other case": {"row": lambda i, name, code: (name.upper(), code)},
    "other name": {"call": "labels_{}.csv"},
}


@pytest.mark.parametrize("lists", LISTS)
@pytest.mark.parametrize(("below", "beside"), [("", ""), ("DATASET", "DATASET"), ("archive/DATASET", "")])
def test_folders(tmp_path, below, beside, lists):
    listed = write_folders(tmp_path / below)
    if LISTS[lists] is not None:
        write_lists(tmp_path / beside, listed, **LISTS[lists])
    samples, notes = read("rafdb", tmp_path)
    assert counts(samples) == EACH and problems(samples) == {} and notes == []
    assert all((tmp_path / s.path).is_file() for s in samples)


@pytest.mark.parametrize("lists", [name for name in LISTS if name != "none"])
def test_every_list_is_held_against_the_folders(tmp_path, lists):
    listed = write_folders(tmp_path)
    (tmp_path / "train/1/train_10000_aligned.jpg").rename(tmp_path / "train/2/train_10000_aligned.jpg")
    touch(tmp_path / "train/3/new.jpg")
    (tmp_path / "test/7/test_70000_aligned.jpg").unlink()
    write_lists(tmp_path, listed, **LISTS[lists])
    samples, _ = read("rafdb", tmp_path)
    assert {s.path.lower(): s.problem for s in samples if s.problem} == {
        "train/2/train_10000_aligned.jpg": "folder and list disagree",
        "train/3/new.jpg": "not in the list",
        "test/test_70000_aligned.jpg": "missing",
    }


def test_rows_that_say_nothing_and_names_that_are_no_ascii(tmp_path):
    listed = write_folders(tmp_path, per=9)
    listed["train"].append(("é.jpg", 1))
    write_lists(tmp_path, listed, encoding="latin-1")
    with open(tmp_path / "train_labels.csv", "a") as file:
        file.write("train_99999_aligned.jpg\n")
    samples, _ = read("rafdb", tmp_path)
    assert {s.path: s.problem for s in samples if s.problem} == {
        "train/é.jpg": "missing",
        "train_labels.csv#66": "row too short",
    }
    assert len(samples) == 2 * 63 + 2


def test_lists_that_are_not_used_are_said(tmp_path):
    listed = write_folders(tmp_path)
    write_lists(tmp_path, {"train": listed["train"], "valid": listed["test"]})
    (tmp_path / "my_labels.csv").write_text("a,b\n")
    samples, notes = read("rafdb", tmp_path)
    assert counts(samples) == EACH and problems(samples) == {}
    assert notes == [
        "my_labels.csv not read: lists of RAF-DB's folders are called train_labels.csv, test_labels.csv",
        "the list of val is not used: there are no class folders of that split",
        "no list of labels for test: the folders alone say the class there",
    ]


def test_a_list_that_says_two_things_or_nothing(tmp_path):
    listed = write_folders(tmp_path)
    listed["train"].append((listed["train"][0][0], 2))
    write_lists(tmp_path, listed)
    samples, _ = read("rafdb", tmp_path)
    assert {s.path: s.problem for s in samples if s.problem} == {
        "train/1/train_10000_aligned.jpg": "folder and list disagree"
    }
    write_lists(tmp_path, {"train": []})
    assert "train_labels.csv lists no picture" in refusal("rafdb", tmp_path)


@pytest.mark.parametrize(
    "splits", [("Train", "Test"), ("train", "valid"), ("training_set", "val2017", "TEST"), ("train", "valid", "test")]
)
def test_words_for_splits(tmp_path, splits):
    write_folders(tmp_path, splits, per=12)
    division = divide(SETS["rafdb"], SETS["rafdb"].samples(tmp_path), tmp_path)
    assert len(splits) == 3 - len(division.carved) and all(map(len, division.samples.values()))
    assert division.unusable == []


@pytest.mark.parametrize(
    "names",
    [
        ["surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral"],
        ["Surprised", "FEARFUL", "disgusted", "Happy", "sad", "angry", "Neutral"],
        ["1_surprise", "2_fear", "3_disgust", "4_happy", "5_sad", "6_angry", "7_neutral"],
        ["01", "02", "03", "04", "05", "06", "07"],
    ],
)
def test_named_folders(tmp_path, names):
    write_folders(tmp_path, names=names)
    samples, _ = read("rafdb", tmp_path)
    assert counts(samples) == EACH and problems(samples) == {}


@pytest.mark.parametrize("names", [range(7), range(8), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]])
def test_folders_of_other_codes_are_refused(tmp_path, names):
    for name in names:
        touch(tmp_path / "train" / str(name) / "1.jpg")
    line = refusal("rafdb", tmp_path)
    assert "1 Surprise, 2 Fear" in line and "RAF-DB has no code" in line


def test_several_layouts_and_copies(tmp_path):
    write_folders(tmp_path / "b")
    write_folders(tmp_path / "a")
    assert "a and b fit equally" in refusal("rafdb", tmp_path)
    shutil.move(tmp_path / "b", tmp_path / "old/b")
    samples, notes = read("rafdb", tmp_path)
    assert counts(samples) == EACH and notes == ["read a, not old/b"]
    write_published(tmp_path / "set")
    samples, notes = read("rafdb", tmp_path)
    assert counts(samples) == EACH and samples[0].path.startswith("set/Image/aligned/")
    assert notes == ["read set/EmoLabel/list_patition_label.txt, not the class folders in a"]


def test_wrong_places_are_named(tmp_path):
    assert "neither EmoLabel/list_patition_label.txt nor a folder train/1 in" in refusal("rafdb", tmp_path)
    touch(tmp_path / "EmoLabel/list_patition_label.txt")
    assert "no folder Image/aligned in" in refusal("rafdb", tmp_path)
