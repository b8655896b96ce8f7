"""Tables as CSV files, cell by cell: every column has a kind, so that no reader has to guess one.

A class or a variant may be called 0, 01, True, nan or 1e3: a column of text gives back what was written.
"""

import csv
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from stages.files import write_text
from stages.results.inputs import BadInput


class Kind(NamedTuple):
    """What the cells of a column hold: in words, how one is read (ValueError: it is none), and pandas' type."""

    words: str
    parse: Callable[[str], object]
    dtype: object


def _finite(cell: str) -> float:
    value = float(cell)
    if not math.isfinite(value):
        raise ValueError(cell)
    return value


def _whole(cell: str) -> int:
    value = int(cell)
    if abs(value) >= 2**63:
        raise ValueError(cell)
    return value


TEXT = Kind("text", str, object)
INTEGER = Kind("a whole number", _whole, np.int64)
NUMBER = Kind("a finite number", _finite, np.float64)
OPTIONAL_INTEGER = Kind("a whole number or nothing", lambda cell: _whole(cell) if cell else pd.NA, "Int64")
OPTIONAL_NUMBER = Kind("a finite number or nothing", lambda cell: _finite(cell) if cell else math.nan, np.float64)
JSON = Kind("JSON", lambda cell: json.dumps(json.loads(cell), ensure_ascii=False), object)


def read_table(
    path: str | Path, fixed: Mapping[str, Kind], may_be_empty: bool = False, again: str = "the stage measure writes it"
) -> pd.DataFrame:
    """The table in a CSV file: the `fixed` columns by their kinds, any other as text, in the order of the file.

    Raises BadInput where the file is missing, is no such table, or a cell is not of its column's kind.
    """
    header, rows, lines = _read_rows(Path(path), again)
    absent = [column for column in fixed if column not in header]
    if absent or len(set(header)) < len(header):
        wrong = f"no column {', '.join(absent)}" if absent else "two columns of one name"
        raise BadInput(f"{path}: {wrong}; found {', '.join(header)}")
    if not rows and not may_be_empty:
        raise BadInput(f"{path}: no rows")
    columns = {}
    for place, name in enumerate(header):
        kind = fixed.get(name, TEXT)
        values = [_parsed(path, line, name, kind, row[place]) for line, row in zip(lines, rows)]
        columns[name] = pd.Series(values, dtype=kind.dtype)
    return pd.DataFrame(columns)


def write_table(path: str | Path, table: pd.DataFrame, columns: Sequence[str]) -> None:
    """Write these columns of the table, whole or not at all; what it holds alone decides the bytes.

    Floats have six significant digits. Nothing (None, NaN) becomes an empty cell, True and False are written as
    params.yaml has them, lists and dictionaries as JSON.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*([_written(value) for value in table[column]] for column in columns)))
    write_text(path, text.getvalue())


def _read_rows(path, again):
    try:
        with open(path, newline="", encoding="utf-8") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, None)
            rows, lines = [], []
            for row in reader:
                rows.append(row)
                lines.append(reader.line_num)
    except FileNotFoundError:
        raise BadInput(f"{path}: missing; {again}") from None
    except (OSError, ValueError, csv.Error) as error:
        raise BadInput(f"{path}: not a table: {str(error).splitlines()[0]}") from None
    if not header:
        raise BadInput(f"{path}: not a table: the file is empty")
    for line, row in zip(lines, rows):
        if len(row) != len(header):
            raise BadInput(f"{path}: line {line}: {len(row)} cells, expected {len(header)}")
    return header, rows, lines


def _parsed(path, line, name, kind, cell):
    try:
        return kind.parse(cell)
    except ValueError:
        raise BadInput(f"{path}: line {line}: {name} is {cell or 'empty'}, expected {kind.words}") from None


def _written(value):
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, ensure_ascii=False)
    if pd.isna(value):
        return ""
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, int | np.integer):
        return str(value)
    # pandas makes floats of whole numbers where one is missing: these keep all their digits.
    return str(int(value)) if value == int(value) and abs(value) < 2**53 else f"{value:.6g}"
