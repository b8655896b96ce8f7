"""An .npy file that grows row by row and can be continued after an interruption."""

import io
import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from stages.crops.outcome import digest


class RowsFile:
    """The writer. The number of rows in the header is right only after close(): until then its log knows it."""

    def __init__(self, path: str | Path, row_shape: Sequence[int], dtype: DTypeLike = np.uint8, rows: int = 0):
        """Opens path, cut to its first rows. Raises ValueError when it holds fewer."""
        self.row_shape, self.dtype, self.rows = tuple(row_shape), np.dtype(dtype), rows
        self._file = open(path, "r+b" if rows else "w+b")
        start = self._file.write(_header(rows, self.row_shape, self.dtype))
        end = start + rows * self.dtype.itemsize * math.prod(self.row_shape)
        if rows and self._file.seek(0, os.SEEK_END) < end:
            self._file.close()
            raise ValueError(f"{path} holds fewer than {rows} rows")
        self._file.truncate(end)
        self._file.seek(end)

    def append(self, rows: np.ndarray) -> None:
        """Writes rows (n, *row_shape) and hands them to the operating system: killing this process loses none."""
        self._file.write(np.ascontiguousarray(rows, dtype=self.dtype).data)
        self._file.flush()
        self.rows += len(rows)

    def close(self) -> None:
        """Write the number of rows into the header and close the file."""
        with self._file:
            self._file.seek(0)
            self._file.write(_header(self.rows, self.row_shape, self.dtype))


def holds(path: str | Path, row_shape: Sequence[int], digests: Iterable[bytes], start: int = 0) -> bool:
    """Whether the uint8 rows of an unfinished file have these digests, from the row start on.

    After a loss of power the file may be shorter than its writer's log says, or hold zeros in the place of rows.
    """
    row = math.prod(row_shape)
    if not os.path.exists(path):
        return not list(digests)
    with open(path, "rb") as file:
        file.seek(len(_header(0, row_shape, np.dtype(np.uint8))) + start * row)
        return all(digest(file.read(row)) == expected for expected in digests)


def _header(rows: int, row_shape: Sequence[int], dtype: np.dtype) -> bytes:
    """NumPy pads it so that the number of rows can grow without moving the data."""
    described = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": (rows, *row_shape)}
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, described)
    return header.getvalue()
