"""FER2013, 48 x 48 grey: class folders, or the competition's CSV of emotion,pixels,Usage.

Goodfellow et al.: Challenges in representation learning, ICONIP 2013. Folders come as train/public_test/private_test,
as train/test (public and private together) and as train/validation; PublicTest is the validation split and
PrivateTest the test split.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from stages.datasets.folders import read_class_folders
from stages.datasets.sample import DataSet, DataSetError, Sample, expression, first_existing, split_of

CODES = ("Anger", "Disgust", "Fear", "Happiness", "Sadness", "Surprise", "Neutral")
SIDE = 48
LAYOUT = (
    "fer2013.csv, or {train,public_test,private_test}/<class>/<name>.jpg (or train and test, or train and validation)"
)


def read(root: Path) -> Iterator[Sample]:
    """Yields the rows of fer2013.csv where there is one, else the files of the class folders.

    Raises DataSetError when there is neither, or when the CSV lacks a column.
    """
    table = first_existing(root, "fer2013.csv", "icml_face_data.csv")
    if table:
        yield from read_table(root, table)
        return
    train = first_existing(root, "train", "Training", "images/train")
    if train is None:
        raise DataSetError(f"neither fer2013.csv nor a folder train in {root}")
    yield from read_class_folders(root, train.parent, class_of)


def class_of(folder: str) -> str | None:
    """The class of a folder: an expression by name, or an official code."""
    return CODES[int(folder)] if folder in {str(code) for code in range(len(CODES))} else expression(folder)


def read_table(root: Path, table: Path) -> Iterator[Sample]:
    """Yields a sample for each row after the header, in order: a row's place is its identity (FERPlus counts on it).

    Raises DataSetError for a header that lacks a column.
    """
    csv.field_size_limit(1 << 20)
    with open(table, newline="", encoding="utf-8-sig") as file:
        # One copy in circulation has "emotion, Usage, pixels".
        rows = csv.reader(file, skipinitialspace=True)
        columns = [name.strip().lower() for name in next(rows, [])]
        if missing := {"emotion", "pixels", "usage"} - set(columns):
            raise DataSetError(f"{table}: the header lacks {', '.join(sorted(missing))}")
        emotion, pixels, usage = (columns.index(name) for name in ("emotion", "pixels", "usage"))
        name = table.relative_to(root).as_posix()
        for number, row in enumerate(rows, 1):
            if not row:
                continue
            where = f"{name}#{number}"
            if len(row) < len(columns):
                yield Sample(where, None, None, problem="row too short")
                continue
            label = CODES[int(row[emotion])] if row[emotion] in {str(code) for code in range(len(CODES))} else None
            picture = _picture(row[pixels])
            split = split_of(row[usage])
            problem = None
            if label is None:
                problem = "unknown label code"
            elif split is None:
                problem = "unknown split"
            elif picture is None:
                problem = "unreadable"
            yield Sample(where, label, split, pixels=picture, problem=problem)


def _picture(cell):
    """The (48, 48) uint8 picture of a cell of 2,304 numbers, None when it is not that."""
    try:
        values = np.fromstring(cell, dtype=np.int64, sep=" ")
    except ValueError:
        return None
    if values.size != SIDE * SIDE or values.min() < 0 or values.max() > 255:
        return None
    return values.astype(np.uint8).reshape(SIDE, SIDE)


DATA_SETS = {
    "fer2013": DataSet(
        title="FER2013",
        read=read,
        root="FER2013_ROOT",
        layout=LAYOUT,
        size=48,
        channels=1,
        flip=True,
        classes=CODES,
        subsets={7: CODES},
        place=10,
    )
}
