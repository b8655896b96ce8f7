"""Class folders: <split>/<class>/<picture>, or <class>/<picture> without splits."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from stages.datasets.sample import DataSet, DataSetError, Sample, split_of

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".ppm", ".pgm")
_LITTER = {"thumbs.db", "desktop.ini"}  # what file browsers leave behind; so do names with a leading dot


def read(root: Path) -> Iterator[Sample]:
    """Yields every file of every class folder; a folder's name is its class.

    Raises as `read_class_folders`.
    """
    yield from read_class_folders(root, root, lambda name: name)


def read_class_folders(root: Path, base: Path, class_of: Callable[[str], str | None]) -> Iterator[Sample]:
    """Yields the files below base, with paths relative to root.

    class_of(folder name) is a class name, or None for a folder whose name says nothing: its files are listed as of an
    unknown class. Files are ordered by name, so that the same tree always gives the same order. Raises DataSetError
    when base or one of its splits holds no class folders.
    """
    folders = _folders(base)
    if not folders:
        raise DataSetError(f"no class folders in {base}")
    # "train" may be the name of a class: it is a split when class folders lie in it.
    if not any(split_of(folder.name) == "train" and _folders(folder) for folder in folders):
        for folder in folders:
            yield from _read_class(root, folder, class_of(folder.name), None)
        return
    for folder in folders:
        split = split_of(folder.name)
        if split is None:
            yield Sample(folder.relative_to(root).as_posix(), None, None, problem="not a split")
        elif not _folders(folder):
            raise DataSetError(f"no class folders in {folder}")
        else:
            for inner in _folders(folder):
                yield from _read_class(root, inner, class_of(inner.name), split)


def _folders(folder):
    return sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith((".", "__")))


def _read_class(root, folder, label, split):
    for where, inner, names in os.walk(folder):
        inner.sort()
        relative = os.path.relpath(where, root).replace(os.sep, "/")
        for name in sorted(names):
            if name.startswith(".") or name.lower() in _LITTER:
                continue
            if not name.lower().endswith(SUFFIXES):
                problem = "not a picture file"
            else:
                problem = None if label else "unknown label code"
            yield Sample(f"{relative}/{name}", label, split, problem=problem)


DATA_SETS = {
    "folders": DataSet(
        title="Class folders",
        read=read,
        root="FOLDERS_ROOT",
        layout="<split>/<class>/<name>.jpg, or <class>/<name>.jpg",
        size=112,
        channels=3,
        flip=True,
        place=90,
    )
}
