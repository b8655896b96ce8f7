"""What lies in a folder, as every reader and the fingerprint see it: without litter, with links followed."""

import errno
import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

# What systems, servers and tools leave in everybody's folders, at any depth; so are names with a leading dot
# (.DS_Store, ._x of macOS, .ipynb_checkpoints, .git).
_LITTER = {
    "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "__pycache__", "@eadir", "@recycle", "#recycle",
    "#snapshot", "$recycle.bin", "system volume information", "lost+found",
}  # fmt: skip

PACKED = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar")  # what must be unpacked first
_DEEPEST = 100


def is_litter(name: str) -> bool:
    """Whether a file or folder of this name is none of the data set's."""
    return name.startswith((".", "~$")) or name.lower() in _LITTER


class Folder:
    """A folder of a data set; nothing is listed before it is asked for.

    path: where it is; relative: its path from the set's root, "" for the root itself. Listing it raises OSError where
    it cannot be read.
    """

    def __init__(self, path: Path, relative: str = "", above: tuple[tuple[int, int], ...] = ()):
        self.path, self.relative = path, relative
        status = os.stat(path)
        self._line = (*above, (status.st_dev, status.st_ino))

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def folders(self) -> list["Folder"]:
        """The folders in it by name; a link that leads back to where one came from is not among them."""
        return self._listed[0]

    @property
    def files(self) -> list[str]:
        """The names of the files in it, sorted."""
        return self._listed[1]

    @property
    def others(self) -> list[str]:
        """The names of what is neither: links that lead nowhere, pipes, sockets, devices. Opening one may hang."""
        return self._listed[2]

    def below(self, name: str) -> str:
        """The path of what has this name in it, from the set's root."""
        return f"{self.relative}/{name}" if self.relative else name

    def walk(self) -> Iterator["Folder"]:
        """This folder and all below it, each before what is in it."""
        yield self
        for folder in self.folders:
            yield from folder.walk()

    @cached_property
    def _listed(self) -> tuple[list["Folder"], list[str], list[str]]:
        if len(self._line) > _DEEPEST:
            raise OSError(errno.ELOOP, f"more than {_DEEPEST} folders in one another", str(self.path))
        folders: list[Folder] = []
        files: list[str] = []
        others: list[str] = []
        with os.scandir(self.path) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if is_litter(entry.name):
                    continue
                kind = _kind(entry)
                if kind == "folder":
                    if entry.is_symlink() and self._leads_back(entry.path):
                        continue
                    folder = Folder(self.path / entry.name, self.below(entry.name), self._line)
                    # Only a link can lead back; there are disks on which all folders have the same number.
                    if not (entry.is_symlink() and folder._line[-1] in self._line):
                        folders.append(folder)
                else:
                    (files if kind == "file" else others).append(entry.name)
        return folders, files, others

    def _leads_back(self, link: str) -> bool:
        here, there = os.path.realpath(self.path), os.path.realpath(link)
        return os.path.commonpath([here, there]) == there


def _kind(entry: os.DirEntry) -> str:
    try:
        return "folder" if entry.is_dir() else "file" if entry.is_file() else "other"
    except OSError:  # a link to itself, or into a folder that may not be entered
        return "other"


def tree(folder: Folder, depth: int = 3, across: int = 4) -> str:
    """What lies in a folder, in a line: "archive/{Test/{0/ (8 files), 1/ (8 files)}, Train/{...}}"."""
    parts = [f"{inner.name}/{tree(inner, depth - 1, across)}" for inner in folder.folders[:across]] if depth else []
    if len(folder.folders) > across and depth:
        parts.append(f"{len(folder.folders) - across} more folders")
    if not depth and folder.folders:
        return "{...}"
    count = len(folder.files)
    files = f"{count} file{'s' * (count != 1)}" if count > 2 else ", ".join(folder.files)
    if not parts:
        return f" ({files or 'empty'})"
    return "{" + ", ".join([*parts, *filter(None, [files])]) + "}"


def few(names: Sequence[str], shown: int = 4) -> str:
    """The first of the names, and how many more there are."""
    more = [f"{len(names) - shown:,} more"] if len(names) > shown else []
    return ", ".join([*names[:shown], *more])
