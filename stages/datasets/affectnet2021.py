"""AffectNet as distributed since 2021: faces already cropped to 224 x 224, one .npy file for each annotation.

{train,val}_set/images/<id>.jpg and {train,val}_set/annotations/<id>_{exp,val,aro,lnd}.npy, each a size-1 array of a
*string*. Ids have gaps and are used again in the other split, so that an image is known by split and id together.
"""

import math
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from stages.datasets.sample import EIGHT, EXPRESSIONS, DataSet, DataSetError, Sample, first_existing, number

_BLOCK = 8192  # ids whose annotations are fetched ahead; file systems over a network answer many requests at once
_VERSION_1 = b"\x93NUMPY\x01\x00"  # of the .npy format: then bytes 8 and 9 hold the header's length
_LONGEST_HEADER = 128


def read(root: Path) -> Iterator[Sample]:
    """Yields train_set as train and val_set as val; there is no published test set.

    Raises DataSetError when one of their folders is missing.
    """
    folders = {split: first_existing(root, f"{split}_set") for split in ("train", "val")}
    for split, folder in folders.items():
        for part in ("images", "annotations"):
            if folder is None or not (folder / part).is_dir():
                raise DataSetError(f"no folder {split}_set/{part} in {root}")
    with ThreadPoolExecutor(8) as threads:
        for split, folder in folders.items():
            yield from _read_split(root, folder, split, threads)


def _read_split(root, folder, split, threads):
    images = {Path(name).stem: name for name in os.listdir(folder / "images") if not name.startswith(".")}
    listed = {name.removesuffix("_exp.npy") for name in os.listdir(folder / "annotations") if name.endswith("_exp.npy")}
    relative = folder.relative_to(root).as_posix()
    ids = sorted(images.keys() | listed, key=lambda key: (len(key), key))
    for start in range(0, len(ids), _BLOCK):
        block = ids[start : start + _BLOCK]
        for key, annotation in zip(
            block, threads.map(lambda key: _annotation(folder / "annotations", key), block), strict=True
        ):
            code, *affect = annotation
            label = EIGHT[int(code)] if code in range(len(EIGHT)) else None
            if key not in listed:
                problem = "no annotation"
            elif label is None:
                problem = "unknown label code"
            else:
                problem = None
            affect = tuple(value if abs(value) <= 1 else math.nan for value in affect)
            yield Sample(
                f"{relative}/images/{images.get(key, f'{key}.jpg')}", label, split, affect=affect, problem=problem
            )


def _annotation(folder, key):
    """(expression code, valence, arousal) of an id, NaN where the file is missing or no number."""
    return [_value(f"{folder}{os.sep}{key}_{kind}.npy") for kind in ("exp", "val", "aro")]


def _value(path):
    try:
        with open(path, "rb", buffering=0) as file:
            content = file.read()
        if content.startswith(_VERSION_1) and b"'<U" in content[:_LONGEST_HEADER]:
            # What np.load does to such a file takes three times as long, for close to a million of them.
            start = 10 + int.from_bytes(content[8:10], "little")
            return number(content[start:].decode("utf-32-le").rstrip("\0"))
        return number(str(np.load(path).item()))
    except (OSError, ValueError, EOFError):
        return math.nan


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
