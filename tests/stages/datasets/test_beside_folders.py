"""What lies in and beside class folders: lists, links, pipes, names without sense; and folders without end."""

import os
import shutil
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from stages.datasets import DataSetError
from stages.datasets.content import is_picture
from stages.datasets.division import divide
from stages.datasets.fingerprint import fingerprint
from tests.stages.datasets.folders import FOLDERS, counts, grown, read
from tests.stages.datasets.trees import plant


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
