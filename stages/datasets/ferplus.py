"""FERPlus: the votes of ten annotators on FER2013's pictures.

Barsoum, Zhang, Canton Ferrer, Zhang: Training deep networks for facial expression recognition with crowd-sourced
label distribution, ICMI 2016. fer2013new.csv has Usage, Image name, and the votes for eight expressions, "unknown" and
"NF" (not a face); fer0000042.png is row 42 of fer2013.csv, counted from 0, and without a name are rows that are no
faces. The authors' own program writes FER2013{Train,Valid,Test}/fer0000042.png, each folder with a label.csv.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from stages.datasets.content import is_picture
from stages.datasets.fer2013 import CODES as FER2013_CODES
from stages.datasets.finder import Finder
from stages.datasets.listing import Folder
from stages.datasets.lists import Rows
from stages.datasets.pixel_tables import SIDE, choose_tables, read_table
from stages.datasets.places import choose, find
from stages.datasets.sample import EXPRESSIONS, DataSet, DataSetError, Note, Sample, number, split_of

CODES = ("Neutral", "Happiness", "Surprise", "Sadness", "Anger", "Disgust", "Fear", "Contempt")
VOTES = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "nf")
_FIELDS = {
    "usage": ("split",),
    "image name": ("image_name", "image", "name", "filename", "file", "path"),
    "box": ("rectangle",),
    **dict.fromkeys(VOTES, ()),
    "happiness": ("happy",), "sadness": ("sad",), "anger": ("angry",), "nf": ("not a face", "not_a_face", "no face"),
}  # fmt: skip
_FOLDERS = {"FER2013Train": "train", "FER2013Valid": "val", "FER2013Test": "test"}
_NAME = re.compile(r"(?:.*[/\\])?fer(\d+)(?:\.\w+)?", re.IGNORECASE)

Votes = tuple[str | None, tuple[float, ...] | None, str | None]  # label, distribution over CODES, problem


def read(root: Path) -> Iterator[Sample | Note]:
    """Yields FER2013's pictures with the majority's label, and the votes for expressions as their distribution.

    As the authors' own reader does in its majority mode: a single vote counts as none, and a picture without more
    than half of the votes for one expression (or with it for "unknown" or "NF") is left out. Raises DataSetError when a
    file or a column is missing, and when the two files are not of the same pictures.
    """
    top = Folder(root)
    lists = find(top, "fer2013new.csv")
    pictures, notes = choose_tables(top)
    folders = _folders_of_authors(top)
    if lists and pictures and pictures[0][1] is None:
        votes, more = choose(lists)
        yield from [*notes, *more]
        if folders:
            yield Note(
                f"{', '.join(sorted(folders.values()))} not read, because fer2013.csv and fer2013new.csv are there"
            )
        yield from _read_tables(root, pictures[0][0], votes)
    elif folders:
        for split, path in folders.items():
            yield from _read_folder(root, path, split)
        if missing := sorted(name for name, split in _FOLDERS.items() if split not in folders):
            yield Note(f"no {', '.join(missing)} with pictures and a label.csv")
    else:
        seen = "".join(f"; {note.text}" for note in notes)
        raise DataSetError(f"no {'fer2013.csv' if lists or not pictures else 'fer2013new.csv'} in {root}{seen}")


def _read_tables(root: Path, pictures: str, votes: str) -> Iterator[Sample | Note]:
    items = list(read_table(root, pictures, FER2013_CODES))
    samples = [item for item in items if isinstance(item, Sample)]
    notes = [item for item in items if isinstance(item, Note)]
    by_place, unjoined = _votes_by_place(root / votes, len(samples))
    if unjoined:
        yield Note(f"{unjoined} rows of {votes} name no picture, and do not fit between those that do")
    if by_place and max(by_place) >= len(samples):
        last = max(by_place)
        raise DataSetError(
            f"{root / votes} has votes on fer{last:07}.png, and {root / pictures} only {len(samples)} rows: rows were"
            " taken out of it, and its places say no longer which picture is which; use the original"
        )
    if any(sample.split is None for sample in samples) and not all(usage for usage, _ in by_place.values()):
        yield from notes
    for place, sample in enumerate(samples):
        usage, (label, soft, problem) = by_place.get(place, ("", (None, None, "no votes")))
        if usage and sample.split is None and notes:
            sample.split = split_of(usage)  # the table of pictures has no column for it
        elif usage and sample.split and sample.split != split_of(usage):
            raise DataSetError(
                f"{root / votes} and {PurePosixPath(pictures).name} are not of the same pictures in the same order:"
                f" usage differs at {sample.path}, fer{place:07}.png"
            )
        sample.label = None
        if sample.problem in (None, "unknown label code"):
            sample.label, sample.soft, sample.problem = label, soft, problem
        yield sample


def _votes_by_place(path: Path, count: int) -> tuple[dict[int, tuple[str, Votes]], int]:
    """({place of a picture in its table of count rows: (Usage, votes)}, number of rows that are of no picture).

    Rows without a name are taken in order where they are as many as the places between the names around them.
    """
    by_place: dict[int, tuple[str, Votes]] = {}
    unnamed: list[tuple[str, Votes]] = []
    rows = unjoined = 0
    last = -1

    def fill(end: int) -> int:
        fits = len(unnamed) == end - last - 1
        by_place.update(zip(range(last + 1, end), unnamed, strict=True) if fits else ())
        return 0 if fits else len(unnamed)

    for row in Rows(path, _FIELDS, VOTES):
        rows += 1
        name, usage = row.cells.get("image name", ""), row.cells.get("usage", "")
        votes = (None, None, row.problem) if row.problem else majority([row.cells[vote] for vote in VOTES])
        if not name:
            unnamed.append((usage, votes))
            continue
        found = _NAME.fullmatch(name)
        if not found:
            raise DataSetError(f"{path}: row {row.line} has the image name {name[:40]!r}, expected fer0000042.png")
        place = int(found[1])
        if place in by_place:
            raise DataSetError(f"{path}: row {row.line} names {name}, as a row before it does")
        unjoined += fill(place)
        by_place[place], last, unnamed = (usage, votes), place, []
    if rows == len(unnamed) != count:
        raise DataSetError(
            f"{path} names no pictures, and has {rows} rows for {count} pictures: different numbers of rows; without"
            " the column Image name they must be of the same pictures, in order"
        )
    return by_place, unjoined + fill(count)


def _folders_of_authors(top: Folder) -> dict[str, str]:
    """{split: folder that holds label.csv and pictures}. Raises DataSetError for two that fit equally."""
    folders = {}
    for name, split in _FOLDERS.items():
        full = []
        for path in find(top, name):
            files = Folder(top.path / path).files
            if len(files) > 1 and "label.csv" in [file.lower() for file in files]:
                full.append(path)
        if full:
            folders[split], _ = choose(full)
    return folders


def _read_folder(root: Path, folder: str, split: str) -> Iterator[Sample]:
    """The pictures of a folder with its label.csv, which has no header: name, box, votes."""
    here = Folder(root / folder, folder)
    table = next(name for name in here.files if name.lower() == "label.csv")
    finder = Finder(root, folder)
    listed = set()
    for row in Rows(root / folder / table, _FIELDS, ("image name", *VOTES), order=("image name", "box", *VOTES)):
        name = row.cells["image name"]
        if row.problem or not name:
            yield Sample(f"{folder}/{table}#{row.line}", None, split, problem=row.problem or "row too short")
            continue
        path, missing = finder.find(name)
        listed.add(path)
        label, soft, problem = majority([row.cells[vote] for vote in VOTES])
        box, damaged = _box(row.cells.get("box", ""))
        yield Sample(path, label, split, box=box, soft=soft, problem=missing or problem or damaged)
    for name in here.files:
        if name != table and here.below(name) not in listed:
            problem = "no votes" if is_picture(here.path / name) else "not a picture file"
            yield Sample(here.below(name), None, split, problem=problem)


def _box(cell: str) -> tuple[tuple[float, float, float, float] | None, str | None]:
    """(box, problem) of "(left, upper, right, lower)", None for the whole of a picture of FER2013."""
    values = [number(part) for part in cell.strip("() ").split(",")] if cell else []
    if not values or values == [0, 0, SIDE, SIDE]:
        return None, None
    if len(values) != 4 or not values[0] < values[2] or not values[1] < values[3]:
        return None, "box is NULL"
    left, upper, right, lower = values
    return (left, upper, right - left, lower - upper), None


def majority(cells: Sequence[str]) -> Votes:
    """(label, distribution over CODES, problem) of ten cells of votes.

    The label is "no majority", "unknown" or "not a face" where the annotators did not agree on an expression: classes
    that nobody chooses, and no failures of reading.
    """
    votes = [number(cell) for cell in cells]
    if not all(count >= 0 and count.is_integer() for count in votes):
        return None, None, "unreadable votes"
    votes = [count if count > 1 else 0 for count in votes]
    winner = max(range(len(votes)), key=votes.__getitem__)
    if votes[winner] * 2 <= sum(votes):
        return "no majority", None, None
    if winner >= len(CODES):
        return ("unknown", "not a face")[winner - len(CODES)], None, None
    expressions = votes[: len(CODES)]
    return CODES[winner], tuple(count / sum(expressions) for count in expressions), None


DATA_SETS = {
    "ferplus": DataSet(
        title="FERPlus",
        read=read,
        root="FERPLUS_ROOT",
        layout="fer2013.csv and fer2013new.csv, or FER2013Train, FER2013Valid, FER2013Test with a label.csv each",
        size=48,
        channels=1,
        flip=True,
        classes=CODES,
        subsets=EXPRESSIONS,
        place=10,
    )
}
