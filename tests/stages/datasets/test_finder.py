"""Where the pictures lie that a list names."""

import os
import tempfile
import unicodedata
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from stages.datasets.finder import NOT_A_PATH, OUTSIDE, Finder
from tests.stages.datasets.test_listing import NAMES
from tests.stages.datasets.trees import plant

SHAPES = {
    "as written": lambda name: name,
    "upper": str.upper,
    "decomposed": lambda name: unicodedata.normalize("NFD", name),
    "composed": lambda name: unicodedata.normalize("NFC", name),
}


@given(st.lists(NAMES, min_size=1, max_size=3), st.sampled_from(sorted(SHAPES)), st.sampled_from("/\\"), st.data())
@settings(deadline=None, max_examples=60, derandomize=True, database=None)
def test_a_path_is_found_as_others_write_it(parts, shape, separator, data):
    assume(not any(":" in part for part in parts))
    path = "/".join(parts) + ".jpg"
    assume(all(len(os.fsencode(part)) < 200 for part in path.split("/")))
    written = separator.join(map(SHAPES[shape], path.split("/")))
    start = data.draw(st.sampled_from(["", "./", "/", "set/", ".//", "x/../"]))
    with tempfile.TemporaryDirectory() as where:
        root = Path(where) / "set"
        plant(root, path)
        assert Finder(root, "", "..").find(start + written) == (os.path.normpath(path), None)


@given(st.lists(st.sampled_from(["..", ".", "a", "in", "out", "...", "..a", "/"]), min_size=1, max_size=6))
@settings(deadline=None, max_examples=100, derandomize=True, database=None)
def test_no_path_leaves_the_root(parts):
    """What is found lies in the root; what lies outside is never found, whatever is there."""
    with tempfile.TemporaryDirectory() as where:
        where = Path(where)
        plant(where, "set/a", "out", "set/in/a", "a", "set/..a", "set/...")
        path, problem = Finder(where / "set", "in", "").find("/".join(parts))
        target = os.path.normpath(where / "set" / path)
        if problem is None:
            assert target.startswith(f"{where}/set/") and os.path.exists(target)
        elif problem == OUTSIDE:
            assert not target.startswith(f"{where}/set/") and target != f"{where}/set"
        else:
            assert problem in ("missing", NOT_A_PATH)


@pytest.mark.parametrize(
    "name, problem",
    [
        ("", NOT_A_PATH), ("  ", NOT_A_PATH), ("http://a.b/1.jpg", NOT_A_PATH), ("a\0.jpg", NOT_A_PATH),
        ("nothing.jpg", "missing"), ("no/such/1.jpg", "missing"), (".", "missing"),
        ("/etc/passwd", OUTSIDE), ("../../etc/passwd", OUTSIDE), ("C:\\pictures\\1.jpg", OUTSIDE), ("/../x", OUTSIDE),
    ],
)  # fmt: skip
def test_what_is_not_found(tmp_path, name, problem):
    assert Finder(plant(tmp_path, "a.jpg")).find(name)[1] == problem


def test_what_is_not_guessed(tmp_path):
    plant(tmp_path, "A.jpg", "a.JPG", "b.jpg", "b.png", "c.jpg", "c.txt", "d.jpg.bak", "e.txt", "f.x")
    finder = Finder(tmp_path)
    assert finder.find("a.jpg") == ("a.jpg", "missing")  # two that fit
    assert finder.find("b") == ("b", "missing")
    assert finder.find("c") == ("c.jpg", None)  # the only picture
    assert finder.find("d.jpg")[1] == finder.find("e")[1] == finder.find("f")[1] == "missing"


def test_a_folder_is_no_picture(tmp_path):
    plant(tmp_path, "a/b.jpg", "c.jpg/d.jpg")
    for name in ("a", "A", "c.jpg", "c", "./a/"):
        assert Finder(tmp_path).find(name)[1] == NOT_A_PATH


def test_names_in_the_bytes_of_others(tmp_path):
    plant(tmp_path, "é.jpg", os.fsdecode(b"raw\xe9.jpg"))
    finder = Finder(tmp_path)
    assert finder.find(os.fsdecode(b"\xe9.jpg")) == ("é.jpg", None)
    assert finder.find(os.fsdecode(b"raw\xe9.jpg")) == (os.fsdecode(b"raw\xe9.jpg"), None)


def test_absolute_paths_into_the_root(tmp_path):
    root = plant(tmp_path / "real", "a/1.jpg")
    (tmp_path / "link").symlink_to(root)
    for start in (root, tmp_path / "link"):
        assert Finder(tmp_path / "link").find(f"{start}/a/1.jpg") == ("a/1.jpg", None)
