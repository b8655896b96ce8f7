"""Any list of path,label[,box][,split][,subject][,valence,arousal], with a header: CSV, TSV, or text.

Paths start at the root or at the list's folder. A box is "x y width height" in pixels of the picture, or four columns
of these, or of its corners. A split is train, val or test in any usual spelling; or each split is a list of its own.
"""

from collections.abc import Generator, Iterator
from pathlib import Path, PurePath

from stages.datasets.columns import FIELDS, NEEDED, sample_of, used
from stages.datasets.finder import Finder
from stages.datasets.listing import Folder, few, tree
from stages.datasets.lists import Rows
from stages.datasets.sample import DataSet, DataSetError, Note, Sample, split_of

LAYOUT = (
    "one CSV, or labels.csv among several, or train.csv and test.csv, with the columns path,label[,box][,split]; "
    "paths are relative to the folder"
)
_STARTS = ("", "..")  # a path may begin with the name of the set's own folder


def read(root: Path) -> Iterator[Sample | Note]:
    """Yields the rows of the lists in the root, or in the only folder below it that has any.

    These are labels.csv, else the only list, else the lists that are named as splits. Raises DataSetError when it is
    not clear which list is meant, when one lacks a column, and for a split that is none.
    """
    folder = yield from _folder_of_lists(Folder(root))
    lists = yield from _choose(folder)
    seen: dict[tuple[str, tuple[float, ...] | None], Sample] = {}
    again: list[str] = []
    differing: list[str] = []
    for name, split in lists:
        for item in _read_list(root, folder, name, split):
            if isinstance(item, Sample) and not item.problem:
                first = seen.setdefault((item.path, item.box), item)
                if first is not item:
                    if (first.label, first.split) == (item.label, item.split):
                        again.append(item.path)
                    else:
                        differing.append(f"{item.path} ({_as(first)} and {_as(item)})")
            yield item
    if count := len(again) + len(differing):
        how = f", {len(differing):,} of them with different labels or splits" if differing else ""
        shown = ", ".join([*differing, *again][:3])
        yield Note(f"listed more than once: {count:,} pictures{how}, such as {shown}")


def _as(sample: Sample) -> str:
    return f"{sample.label!r} in {sample.split}" if sample.split else f"{sample.label!r}"


def _lists(folder: Folder) -> list[str]:
    """The names of the lists in a folder; a text file is one by its name, where there is no other."""
    by_suffix = [name for name in folder.files if PurePath(name).suffix.lower() in (".csv", ".tsv")]
    return by_suffix or [name for name in folder.files if name.lower().endswith(".txt") and _role(name)]


def _role(name: str) -> str | None:
    """ "labels", or the split that a list is named as; None for any other."""
    stem = PurePath(name).stem.lower()
    words = stem.replace("labels", " ").replace("label", " ").replace("list", " ").strip(" _-.")
    return "labels" if not words else split_of(words)


def _folder_of_lists(root: Folder) -> Generator[Note, None, Folder]:
    """Returns the folder whose lists are read: the root, or the one that is nearest to it."""
    found = [folder for folder in root.walk() if _lists(folder)]
    depths = [len(Path(folder.relative).parts) for folder in found]
    nearest = [folder for folder, depth in zip(found, depths, strict=True) if depth == min(depths)]
    names = [folder.below(_lists(folder)[0]) for folder in found]
    if len(nearest) != 1:
        several = (
            f"lists in several folders of {root.path}: {few(names)}; put the one to be read into {root.path} itself"
        )
        raise DataSetError(several if found else f"no CSV in {root.path}: found {tree(root).strip()}")
    if nearest[0] is not root:
        yield Note(f"read from the lists in {nearest[0].relative}/")
    if further := [name for folder, name in zip(found, names, strict=True) if folder is not nearest[0]]:
        yield Note(f"lists further down, and not read: {few(further)}")
    return nearest[0]


def _choose(folder: Folder) -> Generator[Note, None, list[tuple[str, str | None]]]:
    """Returns (name, split that the list is of or None) of the lists to read."""
    names = _lists(folder)
    chosen = [name for name in names if _role(name) == "labels"]
    if not chosen and len(names) > 1:
        chosen = [name for name in names if _role(name)]
    chosen = chosen or names
    roles = [_role(name) for name in chosen] if len(chosen) > 1 else [None]
    if (None in roles and len(chosen) > 1) or len(set(roles)) < len(roles):
        raise DataSetError(f"more than one list in {folder.path}: {few(names)}; call the one to be read labels.csv")
    others = [name for name in names if name not in chosen]
    result = list(zip(chosen, roles, strict=True))
    for name, split in result[:]:
        if split not in (None, "train") and "label" not in Rows(folder.path / name, FIELDS, ["path"]).columns:
            result.remove((name, split))
            yield Note(f"{name} has no labels: the {split} split cannot be read from it")
    if others:
        yield Note(f"not read beside {few(chosen)}: {few(others)}")
    return result


def _read_list(root: Path, folder: Folder, name: str, split: str | None) -> Iterator[Sample | Note]:
    rows = Rows(folder.path / name, FIELDS, NEEDED)
    columns = used(rows.columns)
    if unused := [*rows.unused, *(rows.columns[field] for field in rows.columns if field not in columns)]:
        yield Note(f"columns of {name} that are not read: {few(unused, 12)}")
    where, base, tries = folder.below(name), None, 5
    finder = Finder(root, *dict.fromkeys([folder.relative, *_STARTS]))
    count = without = 0
    for row in rows:
        count += 1
        if base is None and tries and not row.problem:
            base, tries = _base(root, folder, row.cells["path"], split), tries - 1
            if base not in (None, folder.relative):
                yield Note(f"the paths in {name} start in {base}/")
                finder = Finder(root, *dict.fromkeys([base, folder.relative, *_STARTS]))
        sample = sample_of(row, where, columns, split)
        without += sample.split is None and "split" in columns
        if not row.problem:
            sample.path, problem = finder.find(row.cells["path"])
            sample.problem = problem or sample.problem
        yield sample
    if not count:
        raise DataSetError(f"{where} has a header and no rows")
    if without == count:
        yield Note(f"no row of {name} names a split, though it has a column for it")
    elif without:
        yield Note(f"rows of {name} that name no split, and count as train: {without:,}")


def _base(root: Path, folder: Folder, path: str, split: str | None) -> str | None:
    """The folder that the paths of a list start in: its own or the root, or else the only one below it with this path.

    For a list of a split, the only one in a folder of that split (train_images/ for train.csv). None where it is not
    to be told from this path.
    """
    problem = Finder(root, folder.relative, *_STARTS).find(path)[1]
    if problem != "missing":
        return None if problem else folder.relative
    found = [each.relative for each in folder.walk() if Finder(root, each.relative).find(path)[1] is None]
    if split and len(found) > 1:
        found = [relative for relative in found if split in map(split_of, relative.split("/"))]
    return found[0] if len(found) == 1 else None


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
