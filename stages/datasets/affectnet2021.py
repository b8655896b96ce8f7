"""AffectNet as distributed since 2021: faces already cropped to 224 x 224, one .npy file for each annotation.

{train,val}_set/images/<id>.jpg and {train,val}_set/annotations/<id>_{exp,val,aro,lnd}.npy, each a size-1 array of a
*string*. Ids have gaps and are used again in the other split, so that an image is known by split and id together.
"""

import math
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import numpy as np

from stages.datasets.content import is_picture
from stages.datasets.listing import Folder
from stages.datasets.places import choose, find, innermost, other_reader
from stages.datasets.sample import EIGHT, EXPRESSIONS, DataSet, DataSetError, Note, Sample, number

_BLOCK = 8192  # ids whose annotations are fetched ahead; file systems over a network answer many requests at once
_LONGEST = 4096  # bytes of a file that holds one value
_KINDS = ("exp", "val", "aro")
_PARTS = ("images", "annotations")
_SPLITS = {
    "train": ("train_set", "train", "training_set"),
    "val": ("val_set", "val", "valid_set", "validation_set"),
    "test": ("test_set", "test"),
}


def read(root: Path) -> Iterator[Sample | Note]:
    """Yields train_set as train and val_set as val; there is no published test set, but where one is, it is read.

    Raises DataSetError when one of their folders is missing, or when two of them fit equally.
    """
    top = Folder(root)
    splits = {}
    for split, names in _SPLITS.items():
        whole = {}
        for path in find(top, *names, closed=_PARTS):
            inner = {folder.name.lower(): folder for folder in Folder(root / path, path).folders}
            if all(part in inner for part in _PARTS):
                parts = [innermost(inner[part]) for part in _PARTS]
                whole[path] = [Folder(root / part, part) for part in parts]
        if whole:
            path, notes = choose(list(whole))
            yield from notes
            splits[split] = whole[path]
        elif split != "test":
            has_images = any((root / path / "images").is_dir() for path in find(top, *names, closed=_PARTS))
            lacking = f"{split}_set/{'annotations' if has_images else 'images'}"
            raise DataSetError(f"no folder {lacking} in {root}{other_reader(root)}")
    with ThreadPoolExecutor(8) as threads:
        for split, (images, annotations) in splits.items():
            yield from _read_split(images, annotations, split, threads)


def _read_split(images: Folder, annotations: Folder, split: str, threads: ThreadPoolExecutor) -> Iterator[Sample]:
    names: dict[str, list[str]] = {}
    for name in images.files:
        names.setdefault(PurePosixPath(name).stem, []).append(name)
    there = set(annotations.files)
    listed = {name.removesuffix("_exp.npy") for name in there if name.endswith("_exp.npy")}
    ids = sorted(names.keys() | listed, key=lambda key: (len(key), key))

    if not ids:
        raise DataSetError(f"{images.path} holds no picture; get it anew, or remove the folder above it")

    def annotation(key: str) -> list[float | None]:
        files = [f"{key}_{kind}.npy" for kind in _KINDS]
        return [_value(annotations.path / file) if file in there else math.nan for file in files]

    for start in range(0, len(ids), _BLOCK):
        block = ids[start : start + _BLOCK]
        for key, (code, *affect) in zip(block, threads.map(annotation, block), strict=True):
            label = EIGHT[int(code)] if code is not None and code in range(len(EIGHT)) else None
            # Published are JPEGs; what else has the id of one was put there.
            first, *others = sorted(names.get(key, [f"{key}.jpg"]), key=lambda name: not name.lower().endswith(".jpg"))
            problem = None
            if key not in listed:
                problem = "no annotation" if is_picture(images.path / first) else "not a picture file"
            elif code is None:
                problem = "unreadable annotation"
            elif label is None:
                problem = "unknown label code"
            elif key not in names:
                problem = "missing"
            valence, arousal = (value if value is not None and abs(value) <= 1 else math.nan for value in affect)
            yield Sample(images.below(first), label, split, affect=(valence, arousal), problem=problem)
            for other in others:
                yield Sample(images.below(other), label, split, problem="second picture of its id")


def _value(path: Path) -> float | None:
    """The number in a .npy file of one value, be it a string, as published, or a number; NaN for other words.

    None for a file that is damaged or holds anything else. What np.load does to such a file takes three times as long,
    for close to a million of them, and it raises whatever comes.
    """
    try:
        with open(path, "rb", buffering=0) as file:
            content = file.read(_LONGEST)
    except OSError:
        return None
    if not content.startswith(b"\x93NUMPY"):
        return None
    length = 2 if content[6:7] == b"\1" else 4
    start = 8 + length + int.from_bytes(content[8 : 8 + length], "little")
    header = content[8 + length : start].decode("latin-1")
    kind = re.search(r"'descr': '([<>|])([US][1-9][0-9]?|[iu][1248]|f[248])'", header)
    shape = re.search(r"'shape': \(([ 1,]*)\)", header)
    if kind is None or shape is None or len(content) - start != np.dtype(kind[1] + kind[2]).itemsize:
        return None
    if kind[2][0] not in "US":
        return float(np.frombuffer(content[start:], dtype=kind[1] + kind[2])[0])
    encoding = "ascii" if kind[2][0] == "S" else "utf-32-be" if kind[1] == ">" else "utf-32-le"
    try:
        return number(content[start:].decode(encoding).rstrip("\0"))
    except UnicodeDecodeError:
        return None


DATA_SETS = {
    "affectnet2021": DataSet(
        title="AffectNet (2021)",
        read=read,
        root="AFFECTNET_ROOT",
        layout="{train,val}_set/images/<id>.jpg and {train,val}_set/annotations/<id>_exp.npy",
        size=112,
        channels=3,
        flip=True,
        classes=EIGHT,
        subsets=EXPRESSIONS,
        place=10,
    )
}
