"""Any CSV of path,label[,box][,split][,subject][,valence,arousal], with a header.

Paths are relative to the root; box is "x y width height" in pixels, or four columns x, y, width, height; split is
train, val or test in any usual spelling.
"""

import csv
import math
from collections.abc import Iterator
from pathlib import Path

from stages.datasets.sample import DataSet, DataSetError, Sample, number, split_of

_CORNERS = ("x", "y", "width", "height")
LAYOUT = (
    "one CSV, or labels.csv among several, with the columns path,label[,box][,split]; paths are relative to the folder"
)


def read(root: Path) -> Iterator[Sample]:
    """Yields the rows of labels.csv, or of the only CSV in the root.

    Raises DataSetError when there is no such file, or when it lacks a column.
    """
    tables = sorted(path for path in root.iterdir() if path.suffix.lower() == ".csv")
    tables = [path for path in tables if path.name == "labels.csv"] or tables
    if len(tables) != 1:
        raise DataSetError(f"{'more than one' if tables else 'no'} CSV in {root}")
    with open(tables[0], newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        rows.fieldnames = [name.strip().lower() for name in rows.fieldnames or []]
        if missing := {"path", "label"} - set(rows.fieldnames):
            raise DataSetError(f"{tables[0]}: the header lacks {', '.join(sorted(missing))}")
        for line, row in enumerate(rows, 2):
            yield _sample(row, f"{tables[0].name}#{line}")


def _sample(row, where):
    cells = {name: (cell or "").strip() for name, cell in row.items() if name}
    if not cells["path"]:
        return Sample(where, None, None, problem="row too short")
    split = split_of(cells.get("split", ""))
    box, problem = _box(cells)
    if not cells["label"]:
        problem = "unknown label code"
    elif cells.get("split") and split is None:
        problem = "unknown split"
    affect = None
    if "valence" in cells and "arousal" in cells:
        affect = number(cells["valence"]), number(cells["arousal"])
    return Sample(
        cells["path"],
        cells["label"] or None,
        split,
        box=box,
        subject=cells.get("subject") or None,
        affect=affect,
        problem=problem,
    )


def _box(cells):
    """(box, problem): an empty cell means the whole picture, as a missing column does."""
    if "box" in cells:
        values = cells["box"].replace(",", " ").replace(";", " ").split()
    else:
        values = [cells[name] for name in _CORNERS if cells.get(name)]
    if not values:
        return None, None
    box = tuple(number(value) for value in values)
    if len(box) != 4 or any(math.isnan(value) for value in box):
        return None, "box is NULL"
    return box, None


DATA_SETS = {
    "csv": DataSet(
        title="CSV of pictures",
        read=read,
        root="CSV_ROOT",
        layout=LAYOUT,
        size=112,
        channels=3,
        flip=True,
        place=90,
    )
}
