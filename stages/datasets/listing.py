"""What lies in a folder, as every reader and the fingerprint see it: without litter, with links followed.

And where the pictures lie that a list names: as written, or as people's copies have them.
"""

import errno
import os
import re
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath

from stages.datasets.content import named_as_picture

# What systems, servers and tools leave in everybody's folders, at any depth; so are names with a leading dot
# (.DS_Store, ._x of macOS, .ipynb_checkpoints, .git).
_LITTER = {
    "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "__pycache__", "@eadir", "@recycle", "#recycle",
    "#snapshot", "$recycle.bin", "system volume information", "lost+found",
}  # fmt: skip

_DEEPEST = 100

OUTSIDE = "outside of the set's folder"  # where a list leads is not to be read unasked
NOT_A_PATH = "not the path of a picture"


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


class Finder:
    """Finds what a list names, below the root of a set.

    Lists are made on other machines: with backslashes, with absolute paths of the set's folder, with suffixes in other
    case or none at all, with names in the encoding of a Windows of 1998.
    """

    def __init__(self, root: Path, *bases: str):
        """bases are the folders, from the root, that the list's paths may start in, the likeliest first."""
        self.root, self.bases = root, bases or ("",)
        self._real = list(dict.fromkeys([os.path.abspath(root), os.path.realpath(root)]))
        self._listing = lru_cache(maxsize=256)(self._list)  # lists go folder by folder: memory stays bounded

    def find(self, name: str) -> tuple[str, str | None]:
        """(path from the root, problem): the problem is None, "missing", `OUTSIDE` or `NOT_A_PATH`."""
        if not name.strip() or "\0" in name or "://" in name:
            return name, NOT_A_PATH
        if "\\" not in name and os.path.normpath(name) == name and not name.startswith((os.sep, os.pardir)):
            for base in self.bases:  # a list may go over thousands of folders in no order: none of them is listed
                path = f"{base}/{name}" if base else name
                if base != os.pardir and os.path.isfile(f"{self._real[0]}/{path}"):
                    return path, None
        for spelling in dict.fromkeys([name, name.replace("\\", "/"), _redecoded(name.replace("\\", "/"))]):
            inside = [path for base in self.bases if (path := self._below_root(base, spelling)) is not None]
            for path in inside:
                if found := self._existing(path):
                    return found, None
            best = (inside[0], "missing") if inside else (self._outside(spelling), OUTSIDE)
        if best[1] == OUTSIDE and (path := self._below_root("", spelling.lstrip("/"))) is not None:
            found = self._existing(path)  # "/train/1.jpg", counted from the set's folder
            best = (found, None) if found else best
        return best

    def _below_root(self, base: str, name: str) -> str | None:
        """The path from the root, None where it leaves the root."""
        if re.match(r"[A-Za-z]:[/\\]", name):
            return None
        path = os.path.normpath(os.path.join(self.root, base, name))
        for root in self._real:
            relative = os.path.relpath(os.path.abspath(path), root).replace(os.sep, "/")
            if relative != ".." and not relative.startswith("../"):
                return relative
        return None

    def _outside(self, name: str) -> str:
        paths = [os.path.normpath(os.path.join(base, name)) for base in self.bases if base != os.pardir]
        return next((path for path in paths if os.path.lexists(os.path.join(self.root, path))), paths[0])

    def _existing(self, path: str) -> str | None:
        """The path as it is on the disk: as written, else the only one that differs in case, in the Unicode form of its
        letters, in blanks around a name, or by the suffix of a picture.
        """
        folder, _, name = path.rpartition("/")
        names, folded = self._listing(folder)
        if name in names:
            return path
        if not names and folder:
            folder = self._existing(folder) or folder
            names, folded = self._listing(folder)
        alike = folded.get(_folded(name)) or ([] if named_as_picture(name) else folded.get(f"{_folded(name)}.*", []))
        return "/".join(filter(None, [folder, alike[0]])) if len(alike) == 1 else None

    def _list(self, folder: str) -> tuple[set[str], dict[str, list[str]]]:
        """The names in a folder, and the same by what they have in common with others, pictures without suffix too."""
        try:
            names = os.listdir(self.root / folder)
        except OSError:
            return set(), {}
        folded: dict[str, list[str]] = {}
        for name in names:
            folded.setdefault(_folded(name), []).append(name)
            if named_as_picture(name):
                folded.setdefault(f"{_folded(PurePosixPath(name).stem)}.*", []).append(name)
        return set(names), folded


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name.casefold()).strip()


def _redecoded(name: str) -> str:
    """A name whose bytes are no UTF-8, as Windows wrote it."""
    return name.encode("utf-8", "surrogateescape").decode("cp1252", "replace") if _has_bytes(name) else name


def _has_bytes(name: str) -> bool:
    return any("\udc80" <= letter <= "\udcff" for letter in name)


def is_regular(path: str | Path) -> bool:
    """Whether a path is a file that can be opened without waiting for anybody; links are followed."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return False


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
