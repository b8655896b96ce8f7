"""Class folders, as people have them: wrapped, with litter, with words for splits, with links."""

import os
import shutil
import tempfile
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from stages.datasets import SETS, DataSetError, Note, Sample
from stages.datasets.content import is_picture
from stages.datasets.division import divide
from stages.datasets.fingerprint import fingerprint
from stages.datasets.listing import is_litter
from stages.datasets.sample import split_of
from tests.stages.datasets.trees import plant

FOLDERS = SETS["folders"]


def grown(root, places, per=3):
    """Pictures in each of the places, which are written as the shell does: "{train,test}/{a,b}"."""
    heads = [""]
    for part in places.replace("}/", "}").split("}"):
        before, _, several = part.partition("{")
        heads = [head + before + each + "/" * bool(several) for head in heads for each in (several or "").split(",")]
    return plant(root, *[f"{head.rstrip('/')}/{i}.jpg" for head in heads for i in range(per)])


def read(root):
    """({(path, label, split)}, texts of the notes, {(path, problem)}) of what the reader yields."""
    items = list(FOLDERS.samples(root))
    samples = [item for item in items if isinstance(item, Sample)]
    usable = {(s.path, s.label, s.split) for s in samples if s.problem is None}
    return usable, [i.text for i in items if isinstance(i, Note)], {(s.path, s.problem) for s in samples if s.problem}


def counts(root):
    return Counter((split, label) for _, label, split in read(root)[0])


WORDS = {
    "train": ("train", "training", "trn"),
    "val": ("val", "valid", "validation", "validate", "dev", "devel", "development", "eval", "evaluation"),
    "test": ("test", "testing", "tst"),
}
WORD_OF = {word: split for split, words in WORDS.items() for word in words}
AFFIXES = st.sampled_from(["set", "sets", "images", "image", "imgs", "data", "dataset", "split", "2017", "2020"])
CASES = st.sampled_from([str.lower, str.upper, str.title])


@st.composite
def split_words(draw, split=None):
    word = draw(st.sampled_from(WORDS[split] if split else sorted(WORD_OF)))
    parts = [word]
    for affix in draw(st.lists(AFFIXES, max_size=2)):
        parts.insert(draw(st.sampled_from([0, len(parts)])), affix)
    return draw(CASES)(draw(st.sampled_from(["", "_", "-", " "])).join(parts)), WORD_OF[word]


@given(split_words())
@settings(deadline=None, max_examples=100, derandomize=True, database=None)
def test_words_for_splits(word):
    written, split = word
    assert split_of(written) == split


@pytest.mark.parametrize("name", ["cat", "holdout", "trainval", "train_val", "tests_ok", "attest", "1", "", "set", "x"])
def test_words_that_are_no_splits(name):
    assert split_of(name) is None


# Two names that differ by case alone would be one class; a word for a split may be a class, but not in this test.
NAMES = st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="/"), min_size=1, max_size=12)
NAMES = NAMES.map(lambda name: unicodedata.normalize("NFC", name.strip())).filter(
    lambda name: name and not name.startswith((".", "~$")) and split_of(name) is None
)
CLASSES = st.lists(NAMES, min_size=2, max_size=3, unique_by=lambda name: unicodedata.normalize("NFKC", name.casefold()))
BYTES = st.binary(min_size=1, max_size=9).map(os.fsdecode).filter(lambda name: not set("/\0") & set(name))
FILES = st.builds(str.__add__, st.one_of(NAMES, BYTES), st.sampled_from([".jpg", ".JPEG", ".jfif", ".webp"])).filter(
    lambda name: not is_litter(name)
)
LITTER = (
    ".DS_Store",
    "._1.jpg",
    ".ipynb_checkpoints/1-checkpoint.jpg",
    "@eaDir/1.jpg/SYNOFILE_THUMB_M.jpg",
    "Thumbs.db",
)


@given(st.data())
@settings(deadline=None, max_examples=25, derandomize=True, database=None)
def test_any_nesting_and_litter_gives_the_same_set(data):
    """The set is drawn first, as (class, split, name); then it is put on the disk in one of the ways of people."""
    classes = data.draw(CLASSES)
    splits = data.draw(st.sets(st.sampled_from(["train", "val", "test"]))) | {"train"}
    splits = splits if data.draw(st.booleans()) else {None}
    folders = {split: data.draw(split_words(split))[0] + "/" if split else "" for split in splits}
    wrapper = "".join(f"w{name}/" for name in data.draw(st.lists(NAMES, max_size=3)))
    inside = {name: data.draw(st.sampled_from(["", "", "images/", "a/b/"])) for name in classes}
    pictures = data.draw(st.lists(FILES, min_size=2, max_size=2, unique=True))
    expected = set()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for split in splits:
            for name in classes:
                for picture in pictures:
                    path = f"{wrapper}{folders[split]}{name}/{inside[name]}{picture}"
                    plant(root, path)
                    expected.add((path, name, split))
        before = fingerprint(root)
        for place in ("", wrapper, *(f"{wrapper}{each}" for each in folders.values()), path.rpartition("/")[0] + "/"):
            plant(root, place + data.draw(st.sampled_from(LITTER)))
        usable, notes, problems = read(root)
        assert fingerprint(root) == before
    assert usable == expected and problems == set()
    assert [note for note in notes if "only folder" in note] == (
        [f"read from {wrapper}, the only folder with pictures in the root"] if wrapper else []
    )


def test_a_class_may_be_called_train(tmp_path):
    assert counts(grown(tmp_path, "{train,bus,test}")) == {(None, name): 3 for name in ("train", "bus", "test")}


@pytest.mark.parametrize(
    "places, what",
    [
        (["{a,b}{male,female}"], "a/ holds folders of pictures (female/, male/) and cannot be one class"),
        (
            ["{one,two}{train,test}{a,b}"],
            "one/ holds splits (test/, train/): a set of its own, and no class; name the folder with",
        ),
        (["{a,b}", "a/more"], "a/ holds pictures and folders of pictures (more/) and cannot be one class"),
        (["{train,test}{a,b}", "holdout/{a,b}"], "holdout/ holds pictures and is no split (train, val or test"),
        (["{train,test}{a,b}", "docs"], "docs/ holds pictures and is no split"),
        (["{train,test}{a,b}", "Train_Set/{a,b}"], "Train_Set/ and train/ are both train"),
        (["{train,val,valid}{a,b}"], "val/ and valid/ are both val"),
        (["train/{a,b}", "test"], "test/ holds pictures, but no class folders"),
        (["{train,test}"], "test/, train/: no class folders in these splits, but pictures alone"),
        (["{train,valid,test}images"], "test/, train/, valid/: no class folders in these splits, but images/ alone"),
        (["a"], "one class only, 'a'"),
        (["archive/a"], "one class only, 'archive'"),
        (["  ", "a"], "the name of class folder '  ' is blank or not UTF-8"),
    ],
)
def test_what_is_not_clear_is_refused_with_what_was_found(tmp_path, places, what):
    for place in places:
        grown(tmp_path, place)
    with pytest.raises(DataSetError) as error:
        read(tmp_path)
    line = str(error.value)
    assert line.startswith("Class folders: ") and what in line and "\n" not in line
    assert line.endswith("; expected <split>/<class>/<name>.jpg, or <class>/<name>.jpg")
    assert "blank" in what or f"found {tmp_path}/{{" in line


@pytest.mark.parametrize(
    "files, found",
    [
        ([], "found (empty)"),
        (["readme.md", "notes/a.txt"], "found {notes/ (a.txt), readme.md}"),
        (["a.jpg", "b.jpg", "c.jpg"], "pictures, but no class folders"),
        (["down/archive.zip"], "unpack down/archive.zip first"),
        (["train.tar.gz", "test.7z"], "unpack test.7z, train.tar.gz first"),
    ],
)
def test_where_there_is_no_class_folder(tmp_path, files, found):
    with pytest.raises(
        DataSetError,
        match=f"Class folders: .*{found}.*; expected".replace("{", r"\{").replace("(", r"\(").replace(")", r"\)"),
    ):
        read(plant(tmp_path, *files))


def test_what_lies_beside_is_said(tmp_path):
    grown(tmp_path, "set/{train,test}{a,b}")
    plant(tmp_path, "cover.jpg", "set/labels/a.txt", "set/train/c/readme.txt", "set/train/x.jpg", "set/val.zip")
    grown(tmp_path, "set/old/{train,test}{a,b}")
    usable, notes, problems = read(tmp_path)
    assert Counter((split, label) for _, label, split in usable) == dict.fromkeys(
        [(split, label) for split in ("train", "test") for label in "ab"], 3
    )
    assert problems == set() and sorted(notes) == [
        "no pictures in set/labels/",
        "no pictures in set/train/c/",
        "not in a class folder, and not read: cover.jpg",
        "not in a class folder, and not read: set/train/x.jpg",
        "packed, and not read: set/val.zip",
        "read from set/, the only folder with pictures in the root",
        "set/old/ holds splits of its own and is not read beside set/test/",
    ]


def test_lists_beside_the_folders_are_said(tmp_path):
    plant(grown(tmp_path, "{a,b}"), "labels.csv", "more.TSV")
    assert read(tmp_path)[1] == ["not read beside the folders: labels.csv, more.TSV (`dataset: csv` reads lists)"]


def test_content_decides_what_a_picture_is(tmp_path):
    pixels = Image.fromarray(np.random.default_rng(0).integers(0, 255, (16, 16, 3), dtype=np.uint8))
    for kind in ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM", "AVIF", "JPEG2000"):
        pixels.save(tmp_path / f"{kind}.download", format=kind)
        assert is_picture(tmp_path / f"{kind}.download"), kind
    for name, content in {
        "a.txt": b"BM is a beginning of texts", "b.eps": b"%!PS-Adobe-3.0 EPSF", "c": b"", "d.npy": b"\x93NUMPY\1\0",
        "e.zip": b"PK\3\4", "f.html": b"<!DOCTYPE html>", "g.csv": b"P1,label\n", "h.mp4": b"\0\0\0\x20ftypisom",
    }.items():  # fmt: skip
        (tmp_path / name).write_bytes(content)
        assert not is_picture(tmp_path / name), name
    # What is called a picture is meant as one: if it is none, that is a failure.
    assert is_picture(plant(tmp_path, "broken.JPE") / "broken.JPE")


def test_no_pictures_in_a_class_folder_are_listed_as_such(tmp_path):
    plant(grown(tmp_path, "{a,b}", per=1), "a/notes.txt", "a/annotations/1.xml", "b/0.txt")
    assert read(tmp_path)[2] == {
        (name, "not a picture file") for name in ("a/notes.txt", "a/annotations/1.xml", "b/0.txt")
    }


def test_links_are_followed_and_loops_are_not(tmp_path):
    root, store = grown(tmp_path / "set", "{train,test}a"), grown(tmp_path / "store", "b")
    for split in ("train", "test"):
        (root / split / "b").symlink_to(store / "b")
    expected = dict.fromkeys([(split, label) for split in ("train", "test") for label in "ab"], 3)
    assert counts(root) == expected
    (root / "latest").symlink_to(".")
    (root / "train/a/up").symlink_to("..")
    (root / "self").symlink_to("self")
    (root / "x").mkdir()
    (root / "y").mkdir()
    (root / "x/l").symlink_to("../y")
    (root / "y/l").symlink_to("../x")
    assert counts(root) == expected
    assert fingerprint(root)["files"] == 12


def test_links_that_lead_nowhere_and_pipes(tmp_path):
    grown(tmp_path, "{a,b}")
    (tmp_path / "a/broken.JPG").symlink_to("/nowhere/annex.jpg")
    os.mkfifo(tmp_path / "a/pipe.jpg")
    assert read(tmp_path)[2] == {("a/broken.JPG", "missing"), ("a/pipe.jpg", "not a picture file")}
    fingerprint(tmp_path)
    (tmp_path / "c").symlink_to("/nowhere/c")
    with pytest.raises(DataSetError, match="Class folders: c is a link that cannot be followed: No such file"):
        read(tmp_path)


def test_names_that_are_not_utf_8(tmp_path):
    grown(tmp_path, "{a,b}", per=1)
    os.rename(tmp_path / "a/0.jpg", os.fsencode(tmp_path / "a") + b"/Jos\xe9.jpg")
    assert ("a/Jos\udce9.jpg", "a", None) in read(tmp_path)[0]
    os.rename(tmp_path / "a", os.fsencode(tmp_path) + b"/Jos\xe9")
    with pytest.raises(DataSetError, match=r"the name of class folder 'Jos\\udce9' is blank or not UTF-8; rename it"):
        read(tmp_path)


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    grown(tmp_path, "{a,b}")
    scan = os.scandir

    def refuse(path):
        if str(path).endswith("b"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataSetError, match=f"Class folders: {tmp_path}/b: Permission denied; expected"):
        read(tmp_path)


def test_folders_without_end(tmp_path):
    deep = tmp_path / "/".join("d" * 150)
    deep.mkdir(parents=True)
    with pytest.raises(DataSetError, match="more than 100 folders in one another"):
        read(tmp_path)
    shutil.rmtree(tmp_path / "d")


def test_one_class_in_other_spellings_in_each_split(tmp_path):
    for split, names in (
        ("train", "{Angry,fröhlich }"),
        ("val", "{angry,FRÖHLICH}"),
        ("test", "{ANGRY,fro\u0308hlich}"),
    ):
        grown(tmp_path, f"{split}/{names}", per=4)
    division = divide(FOLDERS, FOLDERS.samples(tmp_path), tmp_path)
    assert division.classes == ("Angry", "fröhlich")
    assert all(np.bincount(labels).tolist() == [4, 4] for labels in division.labels.values())
    (note,) = division.notes
    assert note.startswith("spelt in several ways, and read as one class: ") and "'Angry' ('ANGRY' in test" in note
