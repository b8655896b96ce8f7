"""Pictures as numbers in the rows of a table, as FER2013 was published: emotion,pixels,Usage."""

import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path, PurePosixPath

import numpy as np

from stages.datasets.listing import Folder
from stages.datasets.lists import Rows
from stages.datasets.places import choose, tables
from stages.datasets.sample import DataSetError, Note, Sample, expression, number, split_of

TABLES = ("fer2013.csv", "icml_face_data.csv", "fer2013")  # whole ones, in the order in which they are taken
SIDE = 48
FIELDS = {
    "emotion": ("emotions", "label", "labels", "class", "expression"),
    "pixels": ("pixel", "image", "picture"),
    "usage": ("split", "set", "subset", "partition"),
}


def class_of(name: str, codes: Sequence[str]) -> str | None:
    """The class of a folder or a cell: one of the official codes, however it is written, or an expression by name."""
    code = number(name)
    return codes[int(code)] if code in range(len(codes)) else expression(name)


def choose_tables(top: Folder) -> tuple[list[tuple[str, str | None]], list[Note]]:
    """([(path from the root, the split that all of it is of or None)], notes on what is not read).

    A whole table comes before those that are called by a split and have no column Usage. Raises DataSetError for two
    that fit equally, and for a damaged one where nothing else is there.
    """
    whole: dict[str, list[str]] = {}
    parts: dict[str, list[str]] = {}
    notes = []
    for path in tables(top, TABLES):
        name = PurePosixPath(path).name.lower()
        try:
            columns = Rows(top.path / path, FIELDS, ["pixels"]).columns
        except DataSetError as error:
            if name in TABLES:
                notes.append(Note(f"{path} is not read: {error}"))
            continue  # some other list
        split = None if "usage" in columns else split_of(PurePosixPath(name).stem)
        if "emotion" not in columns:
            notes.append(Note(f"{path} is not read: it has no column emotion"))
        elif split:
            parts.setdefault(split, []).append(path)
        else:
            whole.setdefault(name, []).append(path)
    if whole:
        known = next(([name] for name in TABLES if name in whole), list(whole))
        path, more = choose([path for name in known for path in whole[name]])
        left = [*(whole[name] for name in sorted(whole.keys() - set(known))), *parts.values()]
        others = [other for paths in left for other in paths]
        return [(path, None)], notes + more + ([Note(f"read {path}, not {', '.join(others)}")] if others else [])
    chosen: list[tuple[str, str | None]] = []
    for split, paths in parts.items():
        path, more = choose(paths)
        chosen.append((path, split))
        notes += more
    return chosen, notes


def read_table(root: Path, path: str, codes: Sequence[str], split: str | None = None) -> Iterator[Sample | Note]:
    """Yields a sample for each row after the header, in order: a row's place is its identity (FERPlus counts on it).

    path is the table's from the root; split is that of all rows where the table has no column Usage. The pictures stay
    in the file until they are cropped. Raises DataSetError for a header that lacks a column and for a table of nothing.
    """
    table = root / path
    rows = Rows(table, FIELDS, ["emotion", "pixels"])
    if "usage" not in rows.columns and split is None:
        yield Note(f"{path} has no column Usage: validation and test are taken out of all its rows")
    starts = _line_starts(table)
    end = place = 0
    for place, row in enumerate(rows, 1):
        begin, end = end, row.line
        if row.problem:
            yield Sample(f"{path}#{place}", None, None, problem=row.problem)
            continue
        label = class_of(row.cells["emotion"], codes)
        of_row = split_of(row.cells["usage"]) if "usage" in rows.columns else split
        picture: np.ndarray | PixelsOfRow | None = _picture(row.cells["pixels"])
        problem = None
        if label is None:
            problem = "unknown label code"
        elif of_row is None and "usage" in rows.columns:
            problem = "unknown split"
        elif picture is None:
            problem = "unreadable"
        elif starts and re.fullmatch("[0-9 ]+", row.cells["pixels"]):
            picture = PixelsOfRow(str(table), starts[begin], starts[end])
        yield Sample(f"{path}#{place}", label, of_row, pixels=picture, problem=problem)
    if not place:
        raise DataSetError(f"{table} holds no picture; get it anew")


@dataclass(frozen=True, slots=True)
class PixelsOfRow:
    """The picture in a row of a table, read when it is called; begin and end are bytes of the file at path."""

    path: str
    begin: int
    end: int

    def __call__(self) -> np.ndarray:
        """uint8 (48, 48). Raises ValueError where the file has changed since its rows were read."""
        with open(self.path, "rb") as file:
            file.seek(self.begin)
            line = file.read(self.end - self.begin)
        # The other cells are short.
        picture = _picture(max(re.findall(rb"[0-9 ]+", line), key=len, default=b"").decode())
        if picture is None:
            raise ValueError(f"no picture in {self.path} at byte {self.begin}: the file has changed")
        return picture


def _line_starts(path: Path) -> array | None:
    """Where each line begins, in bytes, and where the last one ends; None for UTF-16."""
    with open(path, newline="", encoding="latin-1") as file:  # a character for each byte; lines end as csv counts them
        if file.read(2) in ("\xff\xfe", "\xfe\xff"):
            return None
        file.seek(0)
        return array("q", accumulate(map(len, file), initial=0))


def _picture(cell: str) -> np.ndarray | None:
    """The uint8 (48, 48) of a cell of 2,304 numbers, with or without brackets; None when it is not that."""
    try:
        values = np.fromstring(cell.strip("[] "), dtype=np.int64, sep=" ")
    except ValueError:
        return None
    if values.size != SIDE * SIDE or values.min() < 0 or values.max() > 255:
        return None
    return values.astype(np.uint8).reshape(SIDE, SIDE)
