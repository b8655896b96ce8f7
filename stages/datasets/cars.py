"""Stanford Cars, whole pictures. Krause, Stark, Deng, Fei-Fei: 3D object representations for fine-grained
categorization, 2013.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from stages.datasets.listing import Finder, Folder
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
    names = [str(name) for name in _table(top, meta, "class_names")]
    yield from _read_split(top, train, "train", names)
    labelled = find(top, "cars_test_annos_withlabels.mat", closed=_PICTURES)
    if labelled:
        path, notes = choose(labelled, "stanford_cars")
        yield from notes
        if "class" in (_table(top, path, "annotations").dtype.names or ()):
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
        raise DataSetError(f"no {name} in {top.path}{other_reader(top.path)}")
    return choose(found, "devkit")


def _read_split(top: Folder, table: str, split: str, names: list[str]) -> Iterator[Sample | Note]:
    annotations = _table(top, table, "annotations")
    if missing := {"class", "fname"} - set(annotations.dtype.names or ()):
        raise DataSetError(f"{top.path / table}: the annotations lack {', '.join(sorted(missing))}")
    places = find(top, f"cars_{split}")
    if not places:
        raise DataSetError(f"no folder cars_{split} in {top.path}")
    folder, notes = choose(places)
    yield from notes
    finder = Finder(top.path, folder)
    for fname, code in zip(annotations["fname"], annotations["class"], strict=True):
        path, problem = finder.find(PurePosixPath(str(fname).replace("\\", "/")).name)
        value = number(str(code))
        label = names[int(value) - 1] if value in range(1, len(names) + 1) else None
        yield Sample(path, label, split, problem="unknown label code" if label is None else problem)


def _table(top: Folder, path: str, name: str) -> np.ndarray:
    """The array of a name in a MATLAB file, of one dimension. Raises DataSetError where it cannot be read."""
    # Imported here because only this reader needs it.
    from scipy.io import loadmat

    file = top.path / path
    try:
        return np.atleast_1d(loadmat(file, squeeze_me=True)[name])
    except OSError:
        raise
    # On damaged bytes scipy raises what it pleases.
    except Exception as error:
        with open(file, "rb") as opened:
            start = opened.read(24)
        reason = f"it begins with {start!r}" if not start.startswith(b"MATLAB") else f"damaged: {error}"
        raise DataSetError(
            f"{file} is no MATLAB file that holds {name} ({reason}); get it anew".replace("\n", " ")
        ) from None


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
