"""Files and folders written whole or not at all: under errors, and killed at every step."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stages.ending import reason
from stages.files import new_folder, put_folder, recover, write_atomically, write_bytes, write_text


def content(folder):
    """{relative path: text} of everything below a folder, hidden files included; folders without files as None."""
    return {
        path.relative_to(folder).as_posix(): path.read_text() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if path.is_file() or not any(path.iterdir())
    }


def make(folder, **files):
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def run(script, *arguments):
    """Run a script as a process of its own, and return what became of it: its exit status."""
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    return subprocess.run([sys.executable, "-c", script, *map(str, arguments)], env=environment).returncode


# Files


def test_a_file_is_written_where_there_was_none_and_replaced(tmp_path):
    path = tmp_path / "deep" / "er" / "a.txt"
    write_text(path, "ä\r\n")
    assert path.read_bytes() == b"\xc3\xa4\r\n"
    write_bytes(path, memoryview(b"new"))
    write_atomically(str(tmp_path / "a.npy"), lambda file: np.save(file, np.arange(3)))
    assert content(tmp_path / "deep") == {"er/a.txt": "new"}
    assert np.load(tmp_path / "a.npy").tolist() == [0, 1, 2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npy", "deep"]


def test_a_link_is_replaced_and_what_it_leads_to_stays(tmp_path):
    """DVC links files into its cache, which must never be written."""
    (tmp_path / "cached").write_text("old")
    (tmp_path / "a").symlink_to(tmp_path / "cached")
    write_text(tmp_path / "a", "new")
    assert content(tmp_path) == {"a": "new", "cached": "old"}


def half(file, error):
    file.write(b"half")
    raise error


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "[Errno 28] No space left on device: '{path}'"),
        (OSError("1000 requested and 0 written"), "{path}: 1000 requested and 0 written"),
        (OSError(errno.ENOENT, "No such file or directory", "other"), "[Errno 2] No such file or directory: 'other'"),
        (ValueError("not to be written"), "not to be written"),
        (KeyboardInterrupt(), ""),
    ],
    ids=repr,
)
def test_a_failure_says_where_and_leaves_the_old_whole(tmp_path, error, message):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(type(error)) as raised:
        write_atomically(path, lambda file: half(file, error))
    assert str(raised.value) == message.format(path=path)
    assert content(tmp_path) == {"a.txt": "old"}


def test_a_place_where_nothing_can_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("old")
    with pytest.raises(OSError, match=r"file'$"):
        write_text(tmp_path / "file" / "a.txt", "new")
    make(tmp_path / "folder", a="old")
    with pytest.raises(IsADirectoryError, match=r"folder'$"):
        write_text(tmp_path / "folder", "new")
    assert content(tmp_path) == {"file": "old", "folder/a": "old"}


def test_killed_while_writing_the_old_is_whole_and_the_next_write_clears_up(tmp_path):
    path = tmp_path / "a[1].txt"
    path.write_text("old")
    script = "import os, sys; from stages.files import write_atomically\n"
    script += "write_atomically(sys.argv[1], lambda file: (file.write(b'half'), file.flush(), os._exit(9)))"
    assert run(script, path) == 9
    assert path.read_text() == "old" and len(list(tmp_path.iterdir())) == 2
    # Another process at work, another file's part, and a name that only looks alike are none of this file's business.
    others = {f"a[1].txt.{os.getppid()}.partial": "at work", "b.txt.999999999.partial": "", "a[1].txt.x.partial": ""}
    for name, text in others.items():
        (tmp_path / name).write_text(text)
    write_text(path, "new")
    assert content(tmp_path) == {"a[1].txt": "new"} | others


# Folders


def test_a_folder_is_put_where_there_was_none_and_replaced(tmp_path):
    target = tmp_path / "deep" / "crops"
    put_folder(make(tmp_path / "first", a="1", b="1"), target)
    assert content(tmp_path) == {"deep/crops/a": "1", "deep/crops/b": "1"}
    put_folder(make(tmp_path / "second", a="2"), str(target))
    assert content(tmp_path) == {"deep/crops/a": "2"}


def test_a_folder_on_another_disk_is_copied(tmp_path, monkeypatch):
    rename = Path.rename

    def across_disks(self, other):
        if self.name == "made":
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return rename(self, other)

    monkeypatch.setattr(Path, "rename", across_disks)
    make(tmp_path / "crops", a="old")
    put_folder(make(tmp_path / "made", a="new"), tmp_path / "crops")
    assert content(tmp_path) == {"crops/a": "new"}


@pytest.mark.parametrize("there", [True, False], ids=["replaced", "new"])
@pytest.mark.parametrize("failing", ["made", ".crops-new", "crops"])
def test_when_a_rename_fails_the_old_is_whole_and_the_new_is_not_lost(tmp_path, monkeypatch, there, failing):
    """`made` cannot be copied either; `crops` cannot be moved aside, `.crops-new` not into its place."""
    if there:
        make(tmp_path / "crops", a="old")
    make(tmp_path / "made", a="new")
    before, rename = content(tmp_path), Path.rename

    def refuse(self, other):
        if self.name == failing and not (failing == ".crops-new" and Path(other).name == "made"):
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return rename(self, other)

    def half(source, copy, **_):
        make(Path(copy), a="ha")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "rename", refuse)
    monkeypatch.setattr("shutil.copytree", half)
    if failing == "crops" and not there:
        put_folder(tmp_path / "made", tmp_path / "crops")
        assert content(tmp_path) == {"crops/a": "new"}
        return
    with pytest.raises(OSError):
        put_folder(tmp_path / "made", tmp_path / "crops")
    assert content(tmp_path) == before


KILLED_AT = """
import os, sys
from pathlib import Path
from stages.files import put_folder
rename, left = Path.rename, int(sys.argv[2])
def counted(self, other):
    global left
    if not left:
        os._exit(9)
    left -= 1
    return rename(self, other)
Path.rename = counted
put_folder(Path(sys.argv[1]) / "made", Path(sys.argv[1]) / "crops")
"""


@pytest.mark.parametrize("renames", [0, 1, 2])
def test_killed_between_the_renames_the_old_is_taken_back(tmp_path, renames):
    make(tmp_path / "crops", a="old")
    make(tmp_path / "made", a="new")
    assert run(KILLED_AT, tmp_path, renames) == 9
    assert (tmp_path / "crops").exists() == (renames < 2)  # between the second and the third there is none
    recover(tmp_path / "crops")
    assert content(tmp_path) == {"crops/a": "old"} | ({"made/a": "new"} if renames == 0 else {})
    recover(tmp_path / "crops")  # and once more, where there is nothing to do
    put_folder(make(tmp_path / "again", a="newer"), tmp_path / "crops")
    assert content(tmp_path / "crops") == {"a": "newer"}


def test_killed_after_the_renames_the_new_stays(tmp_path):
    make(tmp_path / "crops", a="new")
    make(tmp_path / ".crops-old", a="old")
    recover(tmp_path / "crops")
    assert content(tmp_path) == {"crops/a": "new"}


def test_putting_recovers_first(tmp_path):
    """What is taken back is replaced, and what was left of another attempt does not end up inside the new."""
    make(tmp_path / ".crops-old", a="old")
    make(tmp_path / ".crops-new", b="half")
    put_folder(make(tmp_path / "made", a="new"), tmp_path / "crops")
    assert content(tmp_path) == {"crops/a": "new"}


def test_a_linked_folder_stays_linked(tmp_path):
    (tmp_path / "here").mkdir()
    make(tmp_path / "large" / "crops", a="old")
    (tmp_path / "here" / "crops").symlink_to(tmp_path / "large" / "crops")
    for text in ("new", "newer"):
        put_folder(make(tmp_path / "made", a=text), tmp_path / "here" / "crops")
        assert (tmp_path / "here" / "crops").is_symlink()
        assert content(tmp_path / "large") == {"crops/a": text}
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["crops"]


def test_a_new_folder_takes_its_place_when_it_is_done(tmp_path):
    target = tmp_path / "raw" / "faces"
    for text in ("1", "2"):
        with new_folder(target) as folder:
            assert folder.is_dir() and not list(folder.iterdir())
            (folder / text).write_text(text)
            assert not (target / text).exists()
        assert content(tmp_path) == {f"raw/faces/{text}": text}


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()], ids=repr)
def test_a_new_folder_that_fails_leaves_the_old(tmp_path, error):
    make(tmp_path / "faces", a="old")
    with pytest.raises(type(error)), new_folder(tmp_path / "faces") as folder:
        (folder / "a").write_text("half")
        raise error
    assert content(tmp_path) == {"faces/a": "old"}


def test_a_new_folder_whose_process_is_killed_is_cleared_by_the_next(tmp_path):
    make(tmp_path / "faces", a="old")
    script = "import os, sys; from stages.files import new_folder\n"
    script += "with new_folder(sys.argv[1]) as folder:\n    (folder / 'a').write_text('half'); os._exit(9)"
    assert run(script, tmp_path / "faces") == 9
    assert content(tmp_path / "faces") == {"a": "old"} and len(list(tmp_path.iterdir())) == 2
    with new_folder(tmp_path / "faces") as folder:
        (folder / "a").write_text("new")
    assert content(tmp_path) == {"faces/a": "new"}


def test_a_reason_names_the_file_where_the_error_does():
    assert reason(OSError(28, "No space left on device", "file")) == "file: No space left on device"
    assert reason(OSError("1000 requested and 0 written")) == "1000 requested and 0 written"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), OSError("1000 requested and 0 written")])
def test_what_fails_inside_of_a_new_folder_names_the_folder(tmp_path, monkeypatch, error):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OSError) as raised, new_folder("out/a"):
        raise error
    assert reason(raised.value) == f"out/a: {error.strerror or error}"
    with pytest.raises(OSError) as raised, new_folder("out/a") as folder:
        (folder / "none" / "file").write_text("")
    assert reason(raised.value) == "out/a: No such file or directory"
    with pytest.raises(OSError) as raised, new_folder("out/a"):
        open("input")
    assert reason(raised.value) == "input: No such file or directory", "another file keeps its name"
    assert not list((tmp_path / "out").iterdir())
