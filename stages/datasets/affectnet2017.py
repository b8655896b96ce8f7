"""AffectNet as distributed in 2017: CSV lists of face boxes in larger pictures.

Mollahosseini, Hasani, Mahoor: AffectNet, IEEE Transactions on Affective Computing 10(1), 2017. The lists are
Manually_Annotated_file_lists/{training,validation}.csv and
Automatically_annotated_file_list/automatically_annotated.csv; some copies lack the header.
"""

import math
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from stages.datasets.finder import Finder
from stages.datasets.listing import Folder
from stages.datasets.lists import Row, Rows
from stages.datasets.places import choose, find, other_reader
from stages.datasets.sample import EIGHT, EXPRESSIONS, DataSet, DataSetError, Note, Sample, expression, number

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
BOX = COLUMNS[1:5]
CODES = (*EIGHT, "None", "Uncertain", "No-Face")
_FIELDS = {
    **dict.fromkeys(COLUMNS, ()),
    COLUMNS[0]: ("path", "pth", "filepath", "file_path", "image", "image_path", "filename"),
    "expression": ("label", "emotion", "exp"),
    "valence": ("val",),
    "arousal": ("aro",),
}
_NEEDED = (*COLUMNS[:5], "expression")
_IMAGES = ("Manually_Annotated_Images", "Automatically_Annotated_Images")


def read_manual(root: Path) -> Iterator[Sample | Note]:
    """Yields the manual lists: training.csv is train, validation.csv is val; there is no published test list.

    Raises DataSetError when a list or the folder of pictures is missing, or when two of them fit equally.
    """
    top = Folder(root)
    lists = {}
    for split, name in (("train", "training.csv"), ("val", "validation.csv")):
        found = _find_lists(top, name)
        if not found:
            raise DataSetError(f"no {name} in {root}{other_reader(root)}")
        lists[split], notes = choose(found, "Manually_Annotated_file_lists")
        yield from notes
    for split, path in lists.items():
        yield from _read_list(top, path, split, _IMAGES[0])


def read_automatic(root: Path) -> Iterator[Sample | Note]:
    """Yields the automatic list as train, and the manual validation list as val where it is there.

    Raises DataSetError when the automatic list or a folder of pictures is missing, or when two of them fit equally.
    """
    top = Folder(root)
    automatic = _find_lists(top, "automatically_annotated.csv")
    if not automatic:
        raise DataSetError(f"no automatically_annotated.csv in {root}{other_reader(root)}")
    path, notes = choose(automatic, "Automatically_annotated_file_list")
    yield from notes
    yield from _read_list(top, path, "train", _IMAGES[1])
    validation = _find_lists(top, "validation.csv")
    if validation and not find(top, _IMAGES[0], closed=_IMAGES):
        yield Note(f"{validation[0]} is not read: there is no folder {_IMAGES[0]} with its pictures")
    elif validation:
        path, notes = choose(validation, "Manually_Annotated_file_lists")
        yield from notes
        yield from _read_list(top, path, "val", _IMAGES[0])


def _find_lists(top: Folder, name: str) -> list[str]:
    return find(top, name, closed=_IMAGES)


def _read_list(top: Folder, path: str, split: str, images: str) -> Iterator[Sample | Note]:
    found = find(top, images, closed=_IMAGES)
    if not found:
        raise DataSetError(f"no folder {images} in {top.path}, in which the pictures of {path} are")
    folder, notes = choose(found)
    yield from notes
    around = str(PurePosixPath(folder).parent)
    finder = Finder(top.path, folder, "" if around == "." else around, "")
    rows = Rows(top.path / path, _FIELDS, _NEEDED, order=COLUMNS)
    if rows.unused:
        yield Note(f"the columns {', '.join(rows.unused)} of {path} are not read")
    empty = True
    for row in rows:
        empty = False
        yield _sample(row, finder, split, PurePosixPath(path).name)
    if empty:
        raise DataSetError(f"{top.path / path} lists no picture; get it anew")


def _sample(row: Row, finder: Finder, split: str, table: str) -> Sample:
    cells = row.cells
    if row.problem:
        return Sample(f"{table}#{row.line}", None, split, problem=row.problem)
    path, missing = finder.find(cells["subDirectory_filePath"])
    code = number(cells["expression"])
    label = CODES[int(code)] if code in range(len(CODES)) else expression(cells["expression"])
    if label is None:
        return Sample(path, None, split, problem="unknown label code")
    x, y, width, height = (number(cells[name]) for name in BOX)
    # -2 stands for "not annotated" in the published lists.
    valence, arousal = (_within_one(number(cells.get(name, ""))) for name in ("valence", "arousal"))
    # A picture may show several faces: without its box nobody knows which one the label is of.
    known = all(map(math.isfinite, (x, y, width, height)))
    problem = missing or (None if known else "box is NULL")
    return Sample(
        path, label, split, box=(x, y, width, height) if known else None, affect=(valence, arousal), problem=problem
    )


def _within_one(value: float) -> float:
    return value if abs(value) <= 1 else math.nan


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
