"""Where the parts of a published set lie: copies wrap them in folders of their own, and keep other lists beside."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from stages.datasets.content import named_as_picture
from stages.datasets.listing import PACKED, Folder
from stages.datasets.sample import DataSetError, Note, split_of

DEPTH = 4  # wrappers around a part: an archive's name twice, the set's name, the part's name twice

ClassOf = Callable[[str], str | None]


def find(root: Folder, *names: str, closed: Sequence[str] = ()) -> list[str]:
    """The paths from the root of all files and folders with one of the names, in any case; the nearest first.

    A folder with such a name is not entered, nor is one of those in closed: the pictures of a large set are not listed
    for a name that is not among them. A folder that holds one of its own name alone, or a file of its own name, stands
    for that one.
    """
    wanted, shut = {name.lower() for name in names}, {name.lower() for name in (*names, *closed)}
    found = []
    for folder in _nearest_first(root, lambda inner: inner.name.lower() not in shut):
        found += [folder.below(name) for name in folder.files if name.lower() in wanted]
        found += [innermost(inner) for inner in folder.folders if inner.name.lower() in wanted]
    return found


def tables(root: Folder, names: Sequence[str] = ()) -> list[str]:
    """The paths from the root of all CSV and TSV files, and of those with one of the names; the nearest first."""
    return [
        folder.below(name)
        for folder in _nearest_first(root, lambda inner: True)
        for name in folder.files
        if name.lower().endswith((".csv", ".tsv")) or name.lower() in names
    ]


def choose(found: Sequence[str], official: str = "") -> tuple[str, list[Note]]:
    """(the likeliest of one or more places of one thing, notes on the others).

    The root comes first, then the folder with the official name, then what is nearest to the root. Raises DataSetError
    for two that fit equally.
    """

    def rank(path: str) -> tuple[int, int]:
        *folders, _ = path.split("/")
        return (0 if not folders else 1 if folders[-1].lower() == official.lower() else 2), len(folders)

    return _first(sorted(found, key=rank), rank)


def class_bases(root: Folder, class_of: ClassOf) -> list[Folder]:
    """The folders that hold class folders, or splits which do; the nearest to the root first."""

    def holds(folder: Folder) -> bool:
        return any(class_of(inner.name) or _is_full_split(inner, class_of) for inner in folder.folders)

    def enters(inner: Folder) -> bool:  # below a base, what is neither a class nor a split may be another one
        return not class_of(inner.name) and not _is_full_split(inner, class_of)

    return [folder for folder in _nearest_first(root, enters) if holds(folder)]


def choose_base(bases: Sequence[Folder]) -> tuple[Folder, list[Note]]:
    """(the nearest to the root of one or more, notes on the others). Raises DataSetError for two equally near."""
    path, notes = _first([base.relative for base in bases], lambda path: path.count("/") + bool(path))
    return next(base for base in bases if base.relative == path), notes


def class_names(base: Folder, class_of: ClassOf) -> list[str]:
    """The names of the class folders in a base, of all its splits together, sorted."""
    inside = [folder for folder in base.folders if _is_full_split(folder, class_of)] or [base]
    return sorted({inner.name for folder in inside for inner in folder.folders})


def other_reader(root: Path) -> str:
    """What else a root holds than was looked for, and what is to be done about it; "" where there is nothing."""
    top = Folder(root)
    for folder in (top, *top.folders):
        if packed := [folder.below(name) for name in folder.files if name.lower().endswith(PACKED)]:
            return f"; unpack {', '.join(packed)} first"
    for folder in _nearest_first(top, lambda inner: True):
        for holder in (folder, *(inner for inner in folder.folders if split_of(inner.name))):
            full = [inner for inner in holder.folders if any(map(named_as_picture, inner.files))]
            if len(full) > 1:
                path = folder.path
                return f"; if the folders in {path} are classes, dataset: folders with FOLDERS_ROOT={path} reads them"
    return ""


def _is_full_split(folder: Folder, class_of: ClassOf) -> bool:
    return split_of(folder.name) is not None and any(class_of(inner.name) for inner in folder.folders)


def _first(ranked: Sequence[str], rank: Callable[[str], object]) -> tuple[str, list[Note]]:
    first, *others = ranked
    if equal := [path for path in others if rank(path) == rank(first)]:
        raise DataSetError(f"{' and '.join([first, *equal])} fit equally well; leave one of them in the folder")
    return first, [Note(f"read {first or 'the root'}, not {', '.join(others)}")] if others else []


def _nearest_first(root: Folder, enters: Callable[[Folder], bool]) -> Iterator[Folder]:
    level = [root]
    for _ in range(DEPTH + 1):
        yield from level
        level = [inner for folder in level for inner in folder.folders if enters(inner)]


def innermost(folder: Folder) -> str:
    """The path from the root of what a folder stands for: one of its own name alone in it, or a file of its name."""
    name = folder.name.lower()
    while not folder.files and [inner.name.lower() for inner in folder.folders] == [name]:
        folder = folder.folders[0]
    # Some programs unpack x.csv.zip to x.csv/x.csv.
    return next((folder.below(file) for file in folder.files if file.lower() == name), folder.relative)
