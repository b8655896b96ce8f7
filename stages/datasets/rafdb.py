"""RAF-DB, the basic subset with its aligned 100 x 100 faces.

Li, Deng, Du: Reliable crowdsourcing and deep locality-preserving learning for expression recognition in the wild,
CVPR 2017. As published: EmoLabel/list_patition_label.txt (spelt so) with lines "train_00001.jpg 5", and
Image/aligned/train_00001_aligned.jpg. As widely copied: {train,test}/<code>/<name>.jpg with {train,test}_labels.csv
of image,label.
"""

import re
from collections.abc import Generator, Iterator
from pathlib import Path, PurePosixPath

from stages.datasets.finder import Finder
from stages.datasets.folders import read_class_folders
from stages.datasets.listing import Folder
from stages.datasets.lists import Rows, text
from stages.datasets.places import choose, choose_base, class_bases, class_names, find, other_reader
from stages.datasets.sample import DataSet, DataSetError, Note, Sample, expression, number, split_of

# Codes 1 to 7.
CODES = ("Surprise", "Fear", "Disgust", "Happiness", "Sadness", "Anger", "Neutral")
LAYOUT = "EmoLabel/list_patition_label.txt with Image/aligned/<name>_aligned.jpg, or {train,test}/<1 to 7>/<name>.jpg"
_LISTS = ("list_patition_label.txt", "list_partition_label.txt")
_COMPOUND = range(len(CODES) + 1, 12)  # the codes of the compound subset are 1 to 11
Listed = dict[str, tuple[str, str | None]]  # {picture in lower case: (as it is written, class)}
_FIELDS = {
    "image": ("name", "filename", "file_name", "file", "path", "pth", "img", "image_name", "image_path", "picture"),
    "label": ("labels", "class", "code", "emotion", "expression", "target"),
}


def read(root: Path) -> Iterator[Sample | Note]:
    """Yields train and test; there is no published validation split.

    Raises DataSetError when neither of the two layouts is there, and for labels of another subset or other codes.
    """
    top = Folder(root)
    lists, aligned = find(top, *_LISTS), find(top, "aligned", closed=["original"])
    bases = class_bases(top, _class_of)
    if lists and aligned:
        labels, notes = choose(lists, "EmoLabel")
        faces, more = choose(aligned, "Image")
        yield from [*notes, *more]
        if bases:
            yield Note(f"read {labels}, not the class folders in {bases[0].relative or 'the root'}")
        yield from _read_published(root, labels, faces)
    elif bases:
        base, notes = choose_base(bases)
        yield from notes
        if lists:
            yield Note(f"{lists[0]} is not read: there is no folder aligned with its pictures")
        yield from _read_folders(root, top, base)
    elif lists:
        whole = next(iter(find(top, "original")), None)
        seen = f" ({whole} is there, but RAF-DB is read by its aligned faces)" if whole is not None else ""
        raise DataSetError(f"no folder Image/aligned in {root}, which {lists[0]} is of{seen}: unpack aligned.zip")
    else:
        raise DataSetError(
            f"neither EmoLabel/list_patition_label.txt nor a folder train/1 in {root}{other_reader(root)}"
        )


def _class_of(name: str) -> str | None:
    """The class of a folder or a cell: a code from 1 to 7, however it is written, or an expression by name."""
    code = number(name)
    if code in range(1, len(CODES) + 1):
        return CODES[int(code) - 1]
    return expression(name) if expression(name) in CODES else None


def _read_published(root: Path, labels: str, faces: str) -> Iterator[Sample | Note]:
    entries = [(line, words) for line, words in _lines(root / labels) if words]
    compound = {words[1] for _, words in entries if len(words) > 1 and number(words[1]) in _COMPOUND}
    if len(compound) > 1:
        codes = ", ".join(sorted(compound, key=number))
        raise DataSetError(f"{root / labels} has the codes {codes}: it is of the compound subset; basic has 1 to 7")
    finder, seen = Finder(root, faces), set[str]()
    codes_of: dict[str, set[str]] = {}
    for _, (name, *rest) in entries:
        codes_of.setdefault(name, set()).update(rest[:1])
    for line, (name, *rest) in entries:
        split = split_of(re.split("[_.]", name)[0])
        if split is None or not rest:
            yield Sample(
                f"{PurePosixPath(labels).name}#{line}", None, None, problem="unknown split" if rest else "row too short"
            )
            continue
        stem, dot, suffix = name.rpartition(".")
        path, problem = finder.find(f"{stem}_aligned.{suffix}" if dot else f"{name}_aligned")
        if problem == "missing":
            found, problem = finder.find(name)  # a list made anew names the files as they are
            path = path if problem else found
        label = _class_of(rest[0])
        if len(codes_of[name]) > 1:
            problem = "listed with different labels"
        elif path in seen:
            problem = "listed twice"
        seen.add(path)
        yield Sample(path, label, split, problem="unknown label code" if label is None else problem)
    if more := sum(len(words) > 2 for _, words in entries):
        yield Note(f"{more} lines of {labels} have more than a name and a code: the first two are read")
    there = {Folder(root / faces, faces).below(name) for name in Folder(root / faces).files}
    if unlisted := sorted(there - seen):
        yield Note(f"{len(unlisted)} pictures are not in {labels}, such as {unlisted[0]}")


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The lines of a list by their numbers, as words: published with blanks, copied with tabs or commas."""
    content = path.read_bytes()
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    for line, words in enumerate(content.decode(encoding, "surrogateescape").splitlines(), 1):
        yield line, re.findall(r"[^\s,;]+", words)


def _read_folders(root: Path, top: Folder, base: Folder) -> Iterator[Sample | Note]:
    names = class_names(base, _class_of)
    if other := [name for name in names if name.isdigit() and _class_of(name) is None]:
        known = ", ".join(f"{code} {name}" for code, name in enumerate(CODES, 1))
        raise DataSetError(
            f"class folders {', '.join(names)} in {base.path}: RAF-DB has no code {', '.join(other)} ({known});"
            " name the folders by these codes or by their expressions"
        )
    listed: dict[str, Listed] = {}
    lists = _lists_of_splits(top)
    known_lists = {path for found in lists.values() for path in found}
    tables = {
        folder.below(name) for folder in (top, base) for name in folder.files if name.lower().endswith((".csv", ".tsv"))
    }
    if other := sorted(tables - known_lists):
        yield Note(
            f"{', '.join(other)} not read: lists of RAF-DB's folders are called train_labels.csv, test_labels.csv"
        )
    for split, found in lists.items():
        inside = base.below("")
        beside = [path for path in found if path.startswith(inside) and "/" not in path[len(inside) :]]
        path, notes = choose(beside or found)
        yield from notes
        listed[split] = yield from _read_list(root, path, split)
    seen, splits = set(), set()
    for sample in read_class_folders(root, base.path, _class_of):
        if isinstance(sample, Sample) and sample.problem is None:
            splits.add(sample.split)
            key = sample.path.rpartition("/")[2].lower()
            seen.add((sample.split, key))
            # Folder and list say the same twice; where they disagree nobody knows which is right.
            of_split = listed.get(sample.split or "")
            if of_split and of_split.get(key, ("", None))[1] != sample.label:
                sample.problem = "folder and list disagree" if key in of_split else "not in the list"
        yield sample
    for split, rows_of_split in listed.items():
        if split not in splits:
            yield Note(f"the list of {split} is not used: there are no class folders of that split")
            continue
        for key, (name, label) in sorted(rows_of_split.items()):
            if (split, key) not in seen:
                yield Sample(base.below(f"{split}/{name}"), label, split, problem="missing")
    if listed and (without := sorted(split for split in splits if split and split not in listed)):
        yield Note(f"no list of labels for {', '.join(without)}: the folders alone say the class there")


def _read_list(root: Path, path: str, split: str) -> Generator[Sample, None, Listed]:
    """Yields what cannot be used of a list of pictures and labels, and returns the rest."""
    listed: Listed = {}
    for row in Rows(root / path, _FIELDS, ["image", "label"], order=["image", "label"]):
        name = PurePosixPath(text(row.cells["image"]).replace("\\", "/")).name
        if row.problem or not name:
            yield Sample(f"{path}#{row.line}", None, split, problem=row.problem or "row too short")
            continue
        label = _class_of(row.cells["label"])
        _, before = listed.get(name.lower(), (name, label))
        listed[name.lower()] = name, label if label == before else None  # of two labels none is known to be right
    if not listed:
        raise DataSetError(f"{root / path} lists no picture; get it anew, or remove it to go by the folders alone")
    return listed


def _lists_of_splits(top: Folder) -> dict[str, list[str]]:
    """{split: the lists that are called after it}: train_labels.csv, test_label.csv, ..."""
    words = ("train", "training", "test", "testing", "val", "valid", "validation")
    lists: dict[str, list[str]] = {}
    for word in words:
        stems = [stem for label in ("labels", "label") for stem in (f"{word}_{label}", f"{label}_{word}")]
        if found := find(top, *(f"{stem}.{suffix}" for stem in stems for suffix in ("csv", "tsv", "txt"))):
            lists.setdefault(split_of(word) or "", []).extend(found)
    return lists


DATA_SETS = {
    "rafdb": DataSet(
        title="RAF-DB",
        read=read,
        root="RAFDB_ROOT",
        layout=LAYOUT,
        size=100,
        channels=3,
        flip=True,
        classes=CODES,
        subsets={7: CODES},
        place=10,
    )
}
