"""CIFAR-10. Krizhevsky: Learning multiple layers of features from tiny images, 2009."""

import hashlib
import io
import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stages.datasets.listing import Folder
from stages.datasets.places import choose, find
from stages.datasets.sample import DataSet, DataSetError, Note, Sample

CODES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
# Of the training images, as published with most recipes for this set.
MEAN_STD = ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))
FOLDER = "cifar-10-batches-py"
ARCHIVE = "cifar-10-python.tar.gz of https://www.cs.toronto.edu/~kriz/cifar.html"
SHAPE = (3, 32, 32)
# As torchvision names them.
MD5 = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}


def read(root: Path) -> Iterator[Sample | Note]:
    """Yields the 50,000 training and 10,000 test images; there is no published validation split.

    Raises DataSetError for a set that is not complete, and for files that are not as published.
    """
    top = Folder(root)
    found = [""] if "data_batch_1" in top.files else find(top, FOLDER)
    if not found:
        raise DataSetError(f"no folder {FOLDER} in {root}: unpack {ARCHIVE} there")
    folder, notes = choose(found)
    yield from notes
    numbers = {"train": 0, "test": 0}
    for name in MD5:
        split = name.partition("_")[0].replace("data", "train")
        for pixels, code in _batch(root / folder / name):
            yield Sample(f"{FOLDER}/{split}#{numbers[split]}", CODES[code], split, pixels=pixels)
            numbers[split] += 1


def _batch(path: Path) -> Iterator[tuple["Pixels", int]]:
    """The pictures of a batch and their codes; the pictures stay in the file until they are cropped."""
    if not path.is_file():
        raise DataSetError(f"no complete {FOLDER}: {path} is missing; unpack {ARCHIVE} anew")
    content = path.read_bytes()
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != MD5[path.name]:
        raise DataSetError(f"no complete {FOLDER}: {path} is not as published; unpack {ARCHIVE} anew")
    batch = _Unpickler(io.BytesIO(content), encoding="latin-1").load()
    start = content.index(batch["data"].tobytes())
    size = int(np.prod(SHAPE))
    for place, code in enumerate(batch["labels"]):
        yield Pixels(str(path), start + place * size), code


@dataclass(frozen=True, slots=True)
class Pixels:
    """The picture that begins at a byte of a file: planes of red, green and blue, read when it is called."""

    path: str
    begin: int

    def __call__(self) -> np.ndarray:
        """uint8 (32, 32, 3). Raises ValueError where the file has become shorter."""
        planes = np.fromfile(self.path, np.uint8, int(np.prod(SHAPE)), offset=self.begin)
        return np.ascontiguousarray(planes.reshape(SHAPE).transpose(1, 2, 0))


class _Unpickler(pickle.Unpickler):
    """Makes arrays of a pickle and calls nothing else that it names."""

    def find_class(self, module: str, name: str) -> Any:
        if (module.replace("numpy.core", "numpy._core"), name) in (
            ("numpy._core.multiarray", "_reconstruct"),
            ("numpy._core.numeric", "_frombuffer"),
            ("numpy", "ndarray"),
            ("numpy", "dtype"),
        ):
            return super().find_class(module.replace("numpy.core", "numpy._core"), name)
        raise DataSetError(f"a batch of {FOLDER} names {module}.{name}, which is not loaded; unpack {ARCHIVE} anew")


DATA_SETS = {
    "cifar10": DataSet(
        title="CIFAR-10",
        read=read,
        root="CIFAR10_ROOT",
        layout="cifar-10-batches-py/",
        size=32,
        channels=3,
        flip=True,
        classes=CODES,
        mean_std=MEAN_STD,
        place=30,
    )
}
