"""Lists of pictures: CSV files with whatever delimiter, encoding and column names their makers chose."""

import codecs
import csv
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from stages.datasets.sample import DataSetError

_DELIMITERS = (",", ";", "\t", "|")
_LONGEST_CELL = 1 << 20  # characters: a picture of FER2013 takes ten thousand


class Row(NamedTuple):
    """A row of a list: its line, its cells by field, stripped ("" where the list has none), and what is wrong with it.

    problem is None, "row too short" or "row too long" (more cells than the header: a comma that is not quoted).
    """

    line: int
    cells: dict[str, str]
    problem: str | None = None


class Rows:
    """The rows of a list by the fields that its reader knows; an empty line is none.

    columns: {field: name in the header}; unused: the header's other names; where the list has no header, both are
    empty. Bytes that are no UTF-8 stay in the cells as surrogates: `text` makes letters of them, a `Finder` file names.
    """

    def __init__(
        self,
        path: Path,
        fields: Mapping[str, Collection[str]],
        needed: Collection[str],
        order: Sequence[str] | None = None,
    ):
        """fields: {field: other names that a header may have for it, in lower case}; needed: those that must be there.

        order: the fields of a list without a header, as it has them in its columns; None where it needs a header.
        Raises DataSetError for a list that is empty or no text, and for a header that lacks a field or names it twice.
        """
        self.path, self.columns, self.unused, self._fields = path, {}, [], list(fields)
        with _opened(path) as file:
            first, self._skipped = _first_line(path, file)
            names, self._delimiter = _header(first, fields, needed)
            found = {field: _places(field, fields[field], names) for field in fields}
            if order is not None and not any(found[field] for field in needed):
                # A cell may itself be a list, of landmarks say, with many more of another delimiter.
                counts = {each: len(_cells(first, each)) for each in _DELIMITERS}
                self._delimiter = max(counts, key=lambda each: (counts[each] == len(order), counts[each]))
                self._width, self._places = len(order), {field: place for place, field in enumerate(order)}
                self.headed = False
                return
            self.headed, self._width = True, len(names)
            if missing := [field for field in needed if not found[field]]:
                wanted = f"expected a header with {', '.join(needed)}"
                raise DataSetError(
                    f"{path}: no column {', '.join(missing)} in its first line, {_short(first)}; {wanted}"
                )
            for field, places in found.items():
                if len(places) > 1:
                    several = " and ".join(names[place] for place in places)
                    raise DataSetError(
                        f"{path}: the columns {several} may all be the {field}; call one of them {field}"
                    )
            self._places = {field: places[0] for field, places in found.items() if places}
            self.columns = {field: names[place] for field, place in self._places.items()}
            used = set(self._places.values())
            self.unused = [name for place, name in enumerate(names) if place not in used and name]
        self._needed = needed

    def __iter__(self) -> Iterator[Row]:
        """Raises DataSetError for NUL bytes (the file is no text, or a disk has lost a part of it), and for a quotation
        mark that is not closed.
        """
        needed = [self._places[field] for field in (self._needed if self.headed else self._places)]
        with _opened(self.path) as file:
            for _ in range(self._skipped + self.headed):
                next(file)
            line = above = self._skipped + self.headed
            checked = _checked(self.path, file, above)
            # Strict: a quotation mark that is never closed would swallow all the rows after it.
            reader = csv.reader(checked, delimiter=self._delimiter, skipinitialspace=True, strict=True)
            try:
                for cells in reader:
                    line = above + reader.line_num
                    if any(cell.strip() for cell in cells):
                        yield self._row(line, cells, max(needed))
            except csv.Error as error:
                cure = "a quotation mark in a cell is doubled, and the cell stands in quotation marks"
                raise DataSetError(f"{self.path}, from line {line + 1} on: {error}; {cure}") from None

    def _row(self, line: int, cells: list[str], last: int) -> Row:
        named = dict.fromkeys(self._fields, "")
        named |= {field: cells[place].strip() for field, place in self._places.items() if place < len(cells)}
        problem = None
        if len(cells) <= last:
            problem = "row too short"
        elif any(cell.strip() for cell in cells[self._width :]):
            problem = "row too long"
        return Row(line, named, problem)


def text(cell: str) -> str:
    """A cell as letters: bytes that are no UTF-8 are read as Windows writes them."""
    if any("\udc80" <= letter <= "\udcff" for letter in cell):
        return cell.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
    return cell


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    csv.field_size_limit(_LONGEST_CELL)
    with open(path, "rb") as file:
        start = file.read(4)
    utf16 = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    encoding, errors = ("utf-16", "replace") if utf16 else ("utf-8-sig", "surrogateescape")
    with open(path, newline="", encoding=encoding, errors=errors) as opened:
        try:
            yield opened
        except csv.Error as error:
            raise DataSetError(f"{path}: not a list: {error}") from None


def _checked(path: Path, lines: Iterator[str], above: int = 0) -> Iterator[str]:
    for number, line in enumerate(lines, above + 1):
        if "\0" in line:
            raise DataSetError(f"{path}: NUL bytes near line {number}: no text, or a damaged copy; get the file anew")
        yield line


def _first_line(path: Path, file: IO[str]) -> tuple[str, int]:
    """The first line that holds anything, and how many lines come before it."""
    for number, line in enumerate(_checked(path, file)):
        excel = re.fullmatch(r'"?sep=.?"?\s*', line, re.IGNORECASE)  # how Excel is told the delimiter
        if line.strip() and not excel:
            return line.rstrip("\r\n"), number
    raise DataSetError(f"{path}: the file is empty")


def _header(line: str, fields: Mapping[str, Collection[str]], needed: Collection[str]) -> tuple[list[str], str]:
    """The names in a header, in lower case, and the delimiter with which it has most of the fields that are needed."""

    def score(delimiter):
        names = _names(line, delimiter)
        return sum(bool(_places(field, fields[field], names)) for field in needed), len(names)

    delimiter = max(_DELIMITERS, key=score)
    return _names(line, delimiter), delimiter


def _names(line: str, delimiter: str) -> list[str]:
    return [text(cell).strip().lower() for cell in _cells(line, delimiter)]


def _cells(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])


def _places(field: str, others: Collection[str], names: list[str]) -> list[int]:
    """Where a header has a field: under its own name, else under one of the others."""
    own = [place for place, name in enumerate(names) if name == field.lower()]
    return own or [place for place, name in enumerate(names) if name in others]


def _short(line: str, length: int = 60) -> str:
    line = text(line)
    return repr(line if len(line) <= length else f"{line[:length]}...")
