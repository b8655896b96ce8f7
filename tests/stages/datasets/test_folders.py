"""Class folders, as people have them: wrapped, with litter, with words for splits, with links."""

import os
import tempfile
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.datasets import DataSetError
from stages.datasets.fingerprint import fingerprint
from stages.datasets.listing import is_litter
from stages.datasets.sample import split_of
from tests.stages.datasets.folders import counts, grown, read
from tests.stages.datasets.trees import plant

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
