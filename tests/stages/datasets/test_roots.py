"""Where a set lies, and whether it is still the same."""

import os

import pytest

from stages.datasets import SETS, DataSetError, find, root_of
from stages.datasets.fingerprint import fingerprint
from stages.datasets.sample import expression, split_of


def test_unknown_set():
    with pytest.raises(DataSetError, match="no data set 'fer2031'; did you mean fer2013?"):
        find("fer2031")
    with pytest.raises(DataSetError, match="no data set 'xyz'; there are faces, affectnet2017"):
        find("xyz")


def test_root_of_an_external_set(tmp_path, monkeypatch):
    monkeypatch.delenv("FER2013_ROOT", raising=False)
    assert root_of("fer2013") is None
    monkeypatch.setenv("FER2013_ROOT", str(tmp_path))
    assert root_of("fer2013") == tmp_path
    monkeypatch.setenv("FER2013_ROOT", str(tmp_path / "nowhere"))
    with pytest.raises(
        DataSetError, match="nowhere is no folder; FER2013_ROOT must name the folder that holds fer2013.csv, or"
    ):
        root_of("fer2013")


def test_a_root_that_is_still_packed(tmp_path, monkeypatch):
    (tmp_path / "archive.zip").write_bytes(b"PK")
    monkeypatch.setenv("FOLDERS_ROOT", str(tmp_path / "archive.zip"))
    with pytest.raises(DataSetError, match="archive.zip is no folder; unpack it first; FOLDERS_ROOT must name the fol"):
        root_of("folders")


def test_root_of_the_drawn_faces(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataSetError, match="data/raw/faces is no folder; run the stage `faces` first"):
        root_of("faces")


def test_the_table_is_complete():
    for name, dataset in SETS.items():
        assert dataset.external == (name != "faces")
        assert dataset.root.endswith("_ROOT") or not dataset.external
        assert dataset.channels in (1, 3) and dataset.size >= 8
        for names in dataset.subsets.values():
            assert set(names) <= set(dataset.classes)
        if dataset.mean_std:
            assert all(len(values) == dataset.channels for values in dataset.mean_std)


def test_spellings():
    assert [expression(name) for name in ("happy", "Happiness", " ANGRY ", "joy")] == [
        "Happiness",
        "Happiness",
        "Anger",
        None,
    ]
    assert [split_of(name) for name in ("Training", "public_test", "PrivateTest", "val_set", "cat")] == [
        "train",
        "val",
        "test",
        "val",
        None,
    ]


def test_fingerprint_sees_names_sizes_and_times(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b/x.jpg").write_bytes(b"12")
    (tmp_path / "a.jpg").write_bytes(b"1")
    os.utime(tmp_path / "a.jpg", (1000, 1000.7))
    first = fingerprint(tmp_path)
    assert (first["files"], first["bytes"]) == (2, 3)
    os.utime(tmp_path / "a.jpg", (1000, 1000.1))  # another copying tool's idea of the same second
    assert fingerprint(tmp_path) == first
    seen = {first["digest"]}
    for change in (
        lambda: os.utime(tmp_path / "a.jpg", (1000, 1001)),
        lambda: (tmp_path / "a.jpg").rename(tmp_path / "c.jpg"),
        lambda: (tmp_path / "b/x.jpg").write_bytes(b"123"),
        lambda: (tmp_path / "b/y.jpg").write_bytes(b""),
    ):
        change()
        seen.add(fingerprint(tmp_path)["digest"])
    assert len(seen) == 5
