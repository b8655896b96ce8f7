"""What lies in a folder."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.datasets.listing import Folder, few, is_litter, tree
from tests.stages.datasets.trees import plant

NAMES = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="/\0\\"), min_size=1, max_size=10)
NAMES = NAMES.filter(lambda name: name not in (".", "..") and name.strip())
BYTES = (
    st.binary(min_size=1, max_size=10)
    .map(os.fsdecode)
    .filter(lambda name: not set("/\0\\") & set(name) and name.strip() and name not in (".", "..") and ":" not in name)
)


@given(st.lists(st.one_of(NAMES, BYTES), min_size=1, max_size=8, unique=True))
@settings(deadline=None, max_examples=60, derandomize=True, database=None)
def test_a_folder_has_what_is_no_litter(names):
    with tempfile.TemporaryDirectory() as where:
        for name in names:
            plant(Path(where), name)
        folder = Folder(Path(where))
        assert folder.files == sorted(name for name in os.listdir(where) if not is_litter(name))
        assert folder.folders == folder.others == []


@pytest.mark.parametrize("name", [".DS_Store", "._a.jpg", "Thumbs.db", "DESKTOP.INI", "@eaDir", "__MACOSX", "~$a.xls"])
def test_litter(name):
    assert is_litter(name)


@pytest.mark.parametrize("name", ["a.jpg", "_a", "__a__", "thumbs.jpg", "trash", "a.b"])
def test_no_litter(name):
    assert not is_litter(name)


def test_links_are_followed_and_never_back(tmp_path):
    plant(tmp_path, "set/a/1.jpg", "set/b/2.jpg", "elsewhere/c/3.jpg")
    links = {"a/b": "../b", "b/a": "../a", "here": ".", "a/up": "..", "above": "../..", "a/self": "self"}
    for name, target in ({"far": "../elsewhere"} | links).items():
        (tmp_path / "set" / name).symlink_to(target)
    walked = {folder.relative: folder.files for folder in Folder(tmp_path / "set").walk()}
    assert walked == {
        "": [], "a": ["1.jpg"], "a/b": ["2.jpg"], "b": ["2.jpg"], "b/a": ["1.jpg"], "far": [], "far/c": ["3.jpg"],
    }  # fmt: skip


def test_a_disk_that_numbers_no_folders_loses_none(tmp_path, monkeypatch):
    plant(tmp_path, "a/b/1.jpg")
    status = os.stat

    class Unnumbered:
        def __init__(self, found):
            self.st_dev, self.st_ino, self.st_mode = 0, 0, found.st_mode

    monkeypatch.setattr(os, "stat", lambda *a, **k: Unnumbered(status(*a, **k)))
    assert [folder.relative for folder in Folder(tmp_path).walk()] == ["", "a", "a/b"]


def test_the_tree_in_a_line(tmp_path):
    plant(
        tmp_path,
        *[f"archive/{split}/{name}/{i}.jpg" for split in ("Test", "Train") for name in "012345" for i in "123"],
    )
    plant(tmp_path, "a.txt", "b.txt", "empty/.keep")
    few = ", ".join(f"{name}/ (3 files)" for name in "0123")
    assert tree(Folder(tmp_path)) == (
        f"{{archive/{{Test/{{{few}, 2 more folders}}, Train/{{{few}, 2 more folders}}}}, empty/ (empty), a.txt, b.txt}}"
    )
    assert "Test/{...}" in tree(Folder(tmp_path), depth=2)


def test_a_few_names():
    assert (few(list("abcd")), few(list("abcde")), few([])) == ("a, b, c, d", "a, b, c, d, 1 more", "")
