"""Class folders: <split>/<class>/<picture>, or <class>/<picture> without splits, at whatever depth they lie.

Copies come in wrappers (archive/Train/..., images/train/...), with folders that hold no pictures beside those that do.
What is unambiguous is read, and said in a note; anything else is refused with the tree that was found.
"""

import errno
import os
from collections.abc import Callable, Generator, Iterator
from functools import cached_property
from pathlib import Path

from stages.datasets.content import is_picture, named_as_picture
from stages.datasets.listing import PACKED, Folder, few, tree
from stages.datasets.sample import WORDS, DataSet, DataSetError, Note, Sample, split_of

_LISTS = (".csv", ".tsv")


def read(root: Path) -> Iterator[Sample | Note]:
    """Yields every file of every class folder; a folder's name is its class.

    Raises as `read_class_folders`.
    """
    yield from read_class_folders(root, root, lambda name: name)
    if lists := [name for name in Folder(root).files if name.lower().endswith(_LISTS)]:
        yield Note(f"not read beside the folders: {few(lists)} (`dataset: csv` reads lists)")


def read_class_folders(root: Path, base: Path, class_of: Callable[[str], str | None]) -> Iterator[Sample | Note]:
    """Yields the files of the class folders in base, or below it where they lie deeper; paths are relative to root.

    class_of(folder name) is a class name, or None for a folder whose name says nothing: its files are listed as of an
    unknown class. Files are ordered by name, so that the same tree always gives the same order. Raises DataSetError
    where it is not clear which folders are the splits and which the classes, naming the folder at fault.
    """
    relative = base.relative_to(root).as_posix()
    top = _Seen(Folder(base, "" if relative == "." else relative))
    where = yield from _descend(top, lambda inner: not split_of(inner.name) or bool(inner.splits))
    splits: list[tuple[str | None, _Seen]] = [(None, where)]
    if where.splits:
        splits = yield from _splits_of(where, top)
    elif not where.full:
        raise DataSetError(_nothing(where))
    elif all(split_of(inner.name) for inner in where.full):
        flat = few([f"{inner.relative}/" for inner in where.full])
        alone = few(sorted({f"{folder.name}/" for inner in where.full for folder in inner.full}))
        raise _refusal(f"{flat}: no class folders in these splits, but {alone or 'pictures'} alone", top)
    if len({inner.name for _, folder in splits for inner in folder.full}) == 1:
        raise _refusal(f"one class only, {splits[0][1].full[0].name!r}", top)
    for split, folder in splits:
        yield from _read_classes(folder, class_of, split, top)


class _Seen:
    """A folder, and what in it are pictures."""

    def __init__(self, folder: Folder):
        self.folder, self.name, self.relative = folder, folder.name, folder.relative

    @cached_property
    def inner(self) -> list["_Seen"]:
        return [_Seen(folder) for folder in self.folder.folders]

    @cached_property
    def pictures(self) -> bool:
        """Whether pictures lie in it, and not in a folder of it."""
        return any(is_picture(self.folder.path / name) for name in self.folder.files) or any(
            named_as_picture(name) for name in self.folder.others
        )

    @cached_property
    def full(self) -> list["_Seen"]:
        """The folders in it that hold pictures at any depth."""
        return [inner for inner in self.inner if inner.holds]

    @property
    def holds(self) -> bool:
        return self.pictures or bool(self.full)

    @cached_property
    def leaf(self) -> bool:
        """Whether its pictures lie in one folder: this one, or the only one in it, and so on."""
        return not self.full if self.pictures else len(self.full) == 1 and self.full[0].leaf

    @property
    def splits(self) -> list["_Seen"]:
        """The folders in it that are named as splits and hold folders of pictures: "train" may be a class."""
        return [inner for inner in self.full if split_of(inner.name) and not inner.leaf]


def _descend(seen: _Seen, goes_on: Callable[[_Seen], bool]) -> Generator[Note, None, _Seen]:
    """Goes through wrappers, folders in which one folder alone holds pictures; returns where they end."""
    start = seen
    while len(seen.full) == 1 and not seen.full[0].leaf and goes_on(seen.full[0]):
        yield from _beside(seen)
        seen = seen.full[0]
    if seen is not start:
        yield Note(f"read from {seen.relative}/, the only folder with pictures in {start.relative or 'the root'}")
    return seen


def _splits_of(where: _Seen, top: _Seen) -> Generator[Note, None, list[tuple[str | None, _Seen]]]:
    """Returns (split, folder of its classes) for each split."""
    yield from _beside(where)
    found: dict[str, _Seen] = {}
    for inner in where.full:
        split = split_of(inner.name)
        if split is None and inner.splits:
            yield Note(f"{inner.relative}/ holds splits of its own and is not read beside {where.splits[0].relative}/")
        elif split is None:
            raise _refusal(
                f"{inner.relative}/ holds pictures and is no split ({WORDS}) as {where.splits[0].name}/ beside it is; "
                "rename it, or move it elsewhere",
                top,
            )
        elif split in found:
            raise _refusal(
                f"{found[split].relative}/ and {inner.relative}/ are both {split}; one of them must go elsewhere", top
            )
        elif not inner.full:
            raise _refusal(f"{inner.relative}/ holds pictures, but no class folders; elsewhere, it is no split", top)
        else:
            found[split] = inner
    splits: list[tuple[str | None, _Seen]] = []
    for split, inner in found.items():
        splits.append((split, (yield from _descend(inner, lambda _: True))))
    return splits


def _read_classes(
    seen: _Seen, class_of: Callable[[str], str | None], split: str | None, top: _Seen
) -> Iterator[Sample | Note]:
    yield from _beside(seen)
    for inner in seen.full:
        name = inner.name
        if not name.strip() or any("\udc80" <= letter <= "\udcff" for letter in name):
            raise DataSetError(f"the name of class folder {inner.relative!a} is blank or not UTF-8; rename it")
        if not inner.leaf:
            folders = few([f"{folder.name}/" for folder in inner.full])
            own = "pictures and " if inner.pictures else ""
            what = f"holds {own}folders of pictures ({folders}) and cannot be one class"
            if inner.splits:
                what = f"holds splits ({folders}): a set of its own, and no class"
            raise _refusal(f"{inner.relative}/ {what}; name the folder with the splits or classes of one set", top)
        label = class_of(name)
        for folder in inner.folder.walk():
            for file in sorted([*folder.files, *folder.others]):
                yield Sample(folder.below(file), label, split, problem=_problem(folder, file, label))


def _problem(folder: Folder, name: str, label: str | None) -> str | None:
    path = folder.path / name
    if name in folder.others:
        return "missing" if path.is_symlink() and named_as_picture(name) else "not a picture file"
    if not is_picture(path):
        return "not a picture file"
    return None if label else "unknown label code"


def _beside(seen: _Seen) -> Iterator[Note]:
    """What lies beside folders of pictures and is not read. Raises DataSetError for a folder that is out of reach."""
    place = seen.relative and f"{seen.relative}/"
    if empty := [f"{inner.relative}/" for inner in seen.inner if not inner.holds]:
        yield Note(f"no pictures in {few(empty)}")
    if seen.pictures:
        loose = [name for name in seen.folder.files if is_picture(seen.folder.path / name)]
        yield Note(f"not in a class folder, and not read: {few([place + name for name in loose])}")
    if packed := [place + name for name in seen.folder.files if name.lower().endswith(PACKED)]:
        yield Note(f"packed, and not read: {few(packed)}")
    for name in seen.folder.others:
        try:
            os.stat(seen.folder.path / name)
        except OSError as error:
            if error.errno != errno.ELOOP and not named_as_picture(name):
                raise DataSetError(f"{place}{name} is a link that cannot be followed: {error.strerror}") from None


def _nothing(where: _Seen) -> str:
    packed = [name for folder in where.folder.walk() for name in map(folder.below, folder.files)]
    packed = [name for name in packed if name.lower().endswith(PACKED)]
    found = tree(where.folder).strip()
    if where.pictures:
        return f"pictures, but no class folders in {where.folder.path}: found {found}"
    cure = f"; unpack {few(packed)} first" if packed else ""
    return f"no class folders with pictures in {where.folder.path}: found {found}{cure}"


def _refusal(what: str, top: _Seen) -> DataSetError:
    return DataSetError(f"{what}; found {top.folder.path}/{tree(top.folder)}")


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
