"""Where the pictures lie that a list names: as written, or as people's copies have them."""

import os
import re
import unicodedata
from functools import lru_cache
from pathlib import Path, PurePosixPath

from stages.datasets.content import named_as_picture

OUTSIDE = "outside of the set's folder"  # where a list leads is not to be read unasked
NOT_A_PATH = "not the path of a picture"


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
                    return found, NOT_A_PATH if os.path.isdir(self.root / found) else None
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
