"""Stanford Cars, whole pictures. Krause, Stark, Deng, Fei-Fei: 3D object representations for fine-grained
categorization, 2013.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from stages.datasets.finder import Finder
from stages.datasets.listing import Folder
from stages.datasets.matlab import read_matlab
from stages.datasets.places import choose, find, other_reader
from stages.datasets.sample import DataSet, DataSetError, Note, Sample, number

LAYOUT = (
    "stanford_cars/{cars_train/, cars_test/, cars_test_annos_withlabels.mat, "
    "devkit/cars_train_annos.mat, devkit/cars_meta.mat}"
)
_PICTURES = ("cars_train", "cars_test")


def read(root: Path) -> Iterator[Sample | Note]:
    """Yields the 8,144 training and 8,041 test pictures of 196 models; there is no published validation split.

    Without labels of the test pictures there is no test split either. Raises DataSetError for what is not complete.
    """
    top = Folder(root)
    meta, notes = _place(top, "cars_meta.mat")
    train, more = _place(top, "cars_train_annos.mat")
    yield from [*notes, *more]
    names = read_matlab(top.path / meta, "class_names")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DataSetError(f"{top.path / meta}: its class_names are no list of names")
    yield from _read_split(top, train, "train", names)
    labelled = find(top, "cars_test_annos_withlabels.mat", closed=_PICTURES)
    if labelled:
        path, notes = choose(labelled, "stanford_cars")
        yield from notes
        if all("class" in row for row in _annotations(top, path)):
            yield from _read_split(top, path, "test", names)
            return
    unlabelled = [*labelled, *find(top, "cars_test_annos.mat", closed=_PICTURES)]
    seen = f"{unlabelled[0]} has no column class" if unlabelled else "no cars_test_annos_withlabels.mat"
    if find(top, "cars_test"):
        seen += ", and cars_test is not read"
    yield Note(f"{seen}: the test split is taken out of the training pictures")


def _place(top: Folder, name: str) -> tuple[str, list[Note]]:
    found = find(top, name, closed=_PICTURES)
    if not found:
        whole = find(top, "cars_annos.mat", closed=_PICTURES)
        seen = f" ({whole[0]} is of the pictures under other names)" if whole else ""
        raise DataSetError(f"no {name}, of the devkit, in {top.path}{seen}{other_reader(top.path)}")
    return choose(found, "devkit")


def _read_split(top: Folder, table: str, split: str, names: list[str]) -> Iterator[Sample | Note]:
    annotations = _annotations(top, table)
    if not all("class" in row for row in annotations):
        raise DataSetError(f"{top.path / table}: its annotations lack the class")
    places = find(top, f"cars_{split}")
    if not places:
        raise DataSetError(f"no folder cars_{split} in {top.path}")
    folder, notes = choose(places)
    yield from notes
    finder = Finder(top.path, folder)
    for row in annotations:
        path, problem = finder.find(PurePosixPath(str(row["fname"]).replace("\\", "/")).name)
        code = number(str(row["class"]))
        label = names[int(code) - 1] if code in range(1, len(names) + 1) else None
        yield Sample(path, label, split, problem="unknown label code" if label is None else problem)


def _annotations(top: Folder, path: str) -> list[dict]:
    rows = read_matlab(top.path / path, "annotations")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) and "fname" in row for row in rows):
        raise DataSetError(f"{top.path / path}: its annotations name no pictures (fname)")
    return rows


DATA_SETS = {
    "cars": DataSet(
        title="Stanford Cars",
        read=read,
        root="CARS_ROOT",
        layout=LAYOUT,
        size=224,
        channels=3,
        flip=True,
        place=40,
    )
}
