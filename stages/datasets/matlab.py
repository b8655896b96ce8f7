"""MATLAB's files of level 5, as far as lists of pictures need them.

SciPy reads more of them, and ends the whole process where a byte is damaged. The format is that of "MAT-File Format"
(The MathWorks): a header of 128 bytes, then elements of a type, a number of bytes, and as many bytes.
"""

import math
import struct
import zlib
from pathlib import Path
from typing import Any

from stages.datasets.sample import DataSetError

_MATRIX, _COMPRESSED = 14, 15
_NUMBERS = {1: "b", 2: "B", 3: "h", 4: "H", 5: "i", 6: "I", 7: "f", 9: "d", 12: "q", 13: "Q"}  # as `struct` names them
_TEXTS = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
_CELL, _STRUCT, _CHAR = 1, 2, 4
_DEEPEST = 8
_LARGEST = 1 << 28  # bytes of an element that is unpacked


def read_matlab(path: Path, name: str) -> Any:
    """The array of a name: struct arrays as lists of {field: value}, cell arrays as lists, text as str, numbers as a
    number or a list of them.

    Raises DataSetError for a file that is none, is damaged, or does not have the name.
    """
    content = path.read_bytes()
    try:
        order = {b"IM": "<", b"MI": ">"}[content[126:128]]
        if content[124:126] not in (b"\0\1", b"\1\0"):
            raise ValueError("of a version that is not read")
        file = _Elements(content[128:], order)
        while file:
            kind, data = file.take()
            if kind == _COMPRESSED:
                kind, data = _Elements(zlib.decompressobj().decompress(data, _LARGEST), order).take()
            if kind == _MATRIX and _name(_Elements(data, order)) == name:
                return _matrix(data, order)
        raise ValueError("other names are in it")
    except (KeyError, ValueError, struct.error, zlib.error) as error:
        seen = f"it begins with {content[:24]!r}" if isinstance(error, KeyError) else str(error)
        raise DataSetError(f"{path} is no MATLAB file that holds {name} ({seen}); get it anew") from None


class _Elements:
    """A run of elements; true while any are left."""

    def __init__(self, data: bytes, order: str):
        self.data, self.order, self.place = data, order, 0

    def __bool__(self) -> bool:
        return self.place < len(self.data)

    def take(self) -> tuple[int, bytes]:
        """(type, bytes) of the next one. Raises ValueError or struct.error where it is not whole."""
        kind, size = struct.unpack_from(f"{self.order}II", self.data, self.place)
        start, after = self.place + 8, self.place + 8 + size + (-size % 8 if kind != _COMPRESSED else 0)
        if kind >> 16:  # a small one: type and size share four bytes, and the next four hold it
            kind, size, start, after = kind & 0xFFFF, kind >> 16, self.place + 4, self.place + 8
        if start + size > len(self.data):
            raise ValueError("an element ends after the file does")
        self.place = after
        return kind, self.data[start : start + size]

    def numbers(self) -> list[int | float]:
        kind, data = self.take()
        code = _NUMBERS.get(kind, "x")
        if code == "x" or len(data) % struct.calcsize(code):
            raise ValueError(f"numbers of type {kind}")
        return list(struct.unpack(f"{self.order}{len(data) // struct.calcsize(code)}{code}", data))

    def whole_numbers(self) -> list[int]:
        return [value for value in self.numbers() if isinstance(value, int)]

    def text(self) -> str:
        kind, data = self.take()
        if kind not in _TEXTS:
            raise ValueError(f"text of type {kind}")
        ending = {"<": "-le", ">": "-be"}[self.order] if _TEXTS[kind] in ("utf-16", "utf-32") else ""
        return data.decode(_TEXTS[kind] + ending)


def _name(elements: _Elements) -> str:
    elements.take(), elements.take()  # flags and dimensions
    return elements.text()


def _matrix(data: bytes, order: str, depth: int = 0) -> Any:
    if not data:
        return []
    if depth > _DEEPEST:
        raise ValueError(f"more than {_DEEPEST} arrays in one another")
    elements = _Elements(data, order)
    flags, dimensions = elements.whole_numbers(), elements.whole_numbers()
    if not flags or min(dimensions, default=-1) < 0:
        raise ValueError("an array without dimensions")
    kind = flags[0] & 0xFF
    count = math.prod(dimensions)
    elements.text()  # its name
    if kind == _CHAR:
        return elements.text() if elements else ""
    if kind == _CELL:
        return [_inner(elements, depth) for _ in range(count)]
    if kind == _STRUCT:
        (longest,) = elements.whole_numbers()
        names = elements.text()
        fields = [names[i : i + longest].rstrip("\0") for i in range(0, len(names), max(1, longest))]
        return [{field: _inner(elements, depth) for field in fields} for _ in range(count if fields else 0)]
    values = elements.numbers()
    if len(values) != count:
        raise ValueError(f"{len(values)} numbers in an array of {count}")
    return values[0] if count == 1 else values


def _inner(elements: _Elements, depth: int) -> Any:
    kind, data = elements.take()
    if kind != _MATRIX:
        raise ValueError(f"an array of type {kind}")
    return _matrix(data, elements.order, depth + 1)
