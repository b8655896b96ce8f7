"""AffectNet as distributed in 2017: CSV lists of face boxes in larger pictures.

Mollahosseini, Hasani, Mahoor: AffectNet, IEEE Transactions on Affective Computing 10(1), 2017. The lists are
Manually_Annotated_file_lists/{training,validation}.csv and
Automatically_annotated_file_list/automatically_annotated.csv; some copies lack the header.
"""

import csv
import math
from collections.abc import Iterator
from pathlib import Path

from stages.datasets.sample import EIGHT, EXPRESSIONS, DataSet, DataSetError, Sample, first_existing, number

COLUMNS = (
    "subDirectory_filePath",
    "face_x",
    "face_y",
    "face_width",
    "face_height",
    "facial_landmarks",
    "expression",
    "valence",
    "arousal",
)
CODES = (*EIGHT, "None", "Uncertain", "No-Face")


def read_manual(root: Path) -> Iterator[Sample]:
    """Yields the manual lists: training.csv is train, validation.csv is val; there is no published test list.

    Raises DataSetError when a list or the folder of pictures is missing.
    """
    lists = {
        split: _find_list(root, "Manually_Annotated_file_lists", f"{name}.csv")
        for split, name in (("train", "training"), ("val", "validation"))
    }
    for split, path in lists.items():
        if path is None:
            raise DataSetError(f"no {'training' if split == 'train' else 'validation'}.csv in {root}")
    yield from _read_list(root, lists["train"], "train", "Manually_Annotated_Images")
    yield from _read_list(root, lists["val"], "val", "Manually_Annotated_Images")


def read_automatic(root: Path) -> Iterator[Sample]:
    """Yields the automatic list as train, and the manual validation list as val where it is there.

    Raises DataSetError when the automatic list or a folder of pictures is missing.
    """
    automatic = _find_list(root, "Automatically_annotated_file_list", "automatically_annotated.csv")
    if automatic is None:
        raise DataSetError(f"no automatically_annotated.csv in {root}")
    validation = _find_list(root, "Manually_Annotated_file_lists", "validation.csv")
    yield from _read_list(root, automatic, "train", "Automatically_Annotated_Images")
    if validation:
        yield from _read_list(root, validation, "val", "Manually_Annotated_Images")


def _find_list(root, folder, name):
    return first_existing(root, name, f"{folder}/{name}", f"{folder.replace('annotated', 'Annotated')}/{name}")


def _read_list(root, path, split, images):
    pictures = first_existing(root, images)
    if pictures is None:
        raise DataSetError(f"no folder {images} in {root}")
    folder = pictures.relative_to(root).as_posix()
    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = csv.reader(file)
        columns = COLUMNS
        for number_of_row, row in enumerate(rows, 1):
            if number_of_row == 1 and COLUMNS[0] in map(str.strip, row):
                columns = [name.strip() for name in row]
                if missing := set(COLUMNS) - set(columns):
                    raise DataSetError(f"{path}: the header lacks {', '.join(sorted(missing))}")
            elif row:
                yield _sample(row, columns, folder, split, f"{path.name}#{number_of_row}")


def _sample(row, columns, folder, split, where):
    if len(row) < len(columns):
        return Sample(where, None, split, problem="row too short")
    cells = dict(zip(columns, row, strict=False))
    path = f"{folder}/{cells['subDirectory_filePath'].strip()}"
    code = number(cells["expression"])
    label = CODES[int(code)] if code in range(len(CODES)) else None
    if label is None:
        return Sample(path, None, split, problem="unknown label code")
    box = tuple(number(cells[name]) for name in ("face_x", "face_y", "face_width", "face_height"))
    affect = tuple(number(cells[name]) for name in ("valence", "arousal"))
    # -2 stands for "not annotated" in the published lists.
    affect = tuple(value if abs(value) <= 1 else math.nan for value in affect)
    # A picture may show several faces: without its box nobody knows which one the label is of.
    problem = "box is NULL" if any(math.isnan(value) for value in box) else None
    return Sample(path, label, split, box=None if problem else box, affect=affect, problem=problem)


LISTS = "training.csv and validation.csv (or in Manually_Annotated_file_lists/)"
MANUAL = f"Manually_Annotated_Images/<n>/<hash>.jpg with {LISTS}"
AUTOMATIC_LIST = "automatically_annotated.csv (or in Automatically_annotated_file_list/)"
AUTOMATIC = f"Automatically_Annotated_Images/<n>/<hash>.jpg with {AUTOMATIC_LIST}"
DATA_SETS = {
    "affectnet2017": DataSet(
        title="AffectNet (2017, manual)",
        read=read_manual,
        root="AFFECTNET_ROOT",
        layout=MANUAL,
        size=112,
        channels=3,
        flip=True,
        classes=EIGHT,
        subsets=EXPRESSIONS,
        place=10,
    ),
    "affectnet2017-automatic": DataSet(
        title="AffectNet (2017, automatic)",
        read=read_automatic,
        root="AFFECTNET_ROOT",
        layout=AUTOMATIC,
        size=112,
        channels=3,
        flip=True,
        classes=EIGHT,
        subsets=EXPRESSIONS,
        place=10,
    ),
}
