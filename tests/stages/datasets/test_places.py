"""Where the parts of a set are found, on trees that copying makes."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.datasets import DataSetError
from stages.datasets.listing import Folder
from stages.datasets.places import choose, choose_base, class_bases, class_names, find, other_reader
from stages.datasets.sample import expression
from tests.stages.datasets.trees import touch

few = settings(deadline=None, max_examples=60, derandomize=True, database=None)
folders = st.sampled_from(["archive (3)", "set", "train", "DATA", "x.csv", "images", "é"])


@given(places=st.lists(st.lists(folders, max_size=4), min_size=1, max_size=4, unique_by=tuple))
@few
def test_the_nearest_is_taken_the_others_are_said_and_a_tie_is_refused(tmp_path_factory, places):
    root = tmp_path_factory.mktemp("set")
    paths = sorted({"/".join([*above, "list.txt"]) for above in places})
    for path in paths:
        touch(root / path)
    found = find(Folder(root), "LIST.txt")
    assert sorted(found) == paths
    depths = sorted(path.count("/") for path in paths)
    if depths[:1] == depths[1:2]:
        with pytest.raises(DataSetError, match="fit equally well"):
            choose(found)
        return
    chosen, notes = choose(found)
    assert chosen.count("/") == depths[0]
    assert len(notes) == (len(paths) > 1) and all(path in notes[0].text for path in paths if notes)


def test_the_root_comes_first_and_then_the_official_folder():
    assert choose(["mine/a.csv", "x/y/lists/a.csv"], "Lists")[0] == "x/y/lists/a.csv"
    assert choose(["x/lists/a.csv", "a.csv"], "lists")[0] == "a.csv"
    with pytest.raises(DataSetError, match="x/lists/a.csv and y/lists/a.csv fit equally well"):
        choose(["x/lists/a.csv", "y/lists/a.csv", "mine/a.csv"], "lists")


@pytest.mark.parametrize(
    ("made", "stands_for"),
    [
        ("images/images/1.jpg", "images/images"),
        ("images/images/images/1.jpg", "images/images/images"),
        ("a.csv/a.csv", "a.csv/a.csv"),
        ("Images/1.jpg", "Images"),
    ],
)
def test_a_folder_in_itself(tmp_path, made, stands_for):
    touch(tmp_path / made)
    assert find(Folder(tmp_path), "images", "a.csv") == [stands_for]


def test_litter_pipes_and_links_back_are_not_found(tmp_path):
    for path in ("__MACOSX/a.csv", ".git/a.csv", "x/._a.csv", "x/@eaDir/a.csv", "x/.ipynb_checkpoints/a.csv"):
        touch(tmp_path / path)
    (tmp_path / "x/back").symlink_to("..")
    os.mkfifo(tmp_path / "a.csv")
    (tmp_path / "x/a.csv").symlink_to("a.csv")
    assert find(Folder(tmp_path), "a.csv") == []


@pytest.mark.parametrize(
    ("paths", "bases"),
    [
        (["happy/1.jpg", "sad/1.jpg"], [""]),
        (["train/happy/1.jpg", "test/happy/1.jpg"], [""]),
        (["images/train/happy/1.jpg", "images/val2017/sad/1.jpg"], ["images"]),
        (["a/happy/1.jpg", "b/Train/sad/1.jpg"], ["a", "b"]),
        (["Train/happy/1.jpg", "copy/happy/1.jpg"], ["", "copy"]),
        (["happy/sad/1.jpg"], [""]),
        (["cats/1.jpg", "dogs/1.jpg"], []),
    ],
)
def test_class_folders_and_their_splits(tmp_path, paths, bases):
    for path in paths:
        touch(tmp_path / path)
    found = class_bases(Folder(tmp_path), expression)
    assert [base.relative for base in found] == bases
    if bases == ["a", "b"]:
        with pytest.raises(DataSetError, match="a and b fit equally"):
            choose_base(found)
    elif bases:
        base, notes = choose_base(found)
        assert base.relative == bases[0] and len(notes) == len(bases) - 1
        assert set(class_names(base, expression)) <= {"happy", "sad", "copy"}


def test_folders_of_pictures_that_another_reader_reads(tmp_path):
    assert other_reader(tmp_path) == ""
    touch(tmp_path / "wrapper/train/cats/1.jpg")
    touch(tmp_path / "wrapper/train/dogs/1.jpg")
    assert f"FOLDERS_ROOT={tmp_path}/wrapper reads them" in other_reader(tmp_path)


def test_what_is_packed_is_to_be_unpacked(tmp_path):
    touch(tmp_path / "data/fer2013.tar.gz")
    assert other_reader(tmp_path) == "; unpack data/fer2013.tar.gz first"
