"""The crops as a few large arrays: the format that training reads, and its writer.

    data/crops/<split>/images.npy    uint8 (N, H, W, C), C is 1 for grey sets and 3 for colour
    data/crops/<split>/labels.npy    int64 (N,), indices into summary["classes"]
    data/crops/<split>/soft.npy      float32 (N, classes), distribution over the classes; where asked for and there
    data/crops/<split>/affect.npy    float32 (N, 2), valence and arousal, NaN where unknown; where a set has them
    data/crops/<split>/manifest.csv  path,label,box,subject,treatment: one row per image, same order
    data/crops/summary.json          see `stages.crops.summary`
    data/crops/left_out.csv          split,path,reason
    data/crops/duplicates.csv        group,split,path,label: the images of each group have the same pixels

split is train, val or test. Any program reads it with NumPy alone:

    images = np.load("data/crops/train/images.npy", mmap_mode="r")
    labels = np.load("data/crops/train/labels.npy")
    classes = json.load(open("data/crops/summary.json"))["classes"]
"""

import csv
import errno
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike


@dataclass(frozen=True)
class Split:
    """One split: images is memory-mapped uint8 (N, H, W, C), labels int64 (N,), soft and affect arrays or None."""

    folder: Path
    images: np.ndarray
    labels: np.ndarray
    soft: np.ndarray | None
    affect: np.ndarray | None

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def manifest(self) -> list[dict[str, str]]:
        """The rows of manifest.csv as dicts."""
        with open(self.folder / "manifest.csv", newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))


@dataclass(frozen=True)
class Crops:
    """The store: `crops.summary` and `crops["train"]`. Opening maps the images and reads none of them."""

    folder: Path
    summary: dict

    @property
    def splits(self) -> tuple[str, ...]:
        """The names of the splits, in order."""
        return tuple(self.summary["counts"])

    def __getitem__(self, split: str) -> Split:
        """One split. Raises FileNotFoundError when a part of it is missing."""
        folder = self.folder / split
        arrays = {path.stem: np.load(path, mmap_mode="r") for path in folder.glob("*.npy")}
        for name in ("images", "labels"):
            if name not in arrays:
                cure = "no such part of the crops; make them with `dvc repro prepare`"
                raise FileNotFoundError(errno.ENOENT, cure, str(folder / f"{name}.npy"))
        return Split(folder, arrays["images"], np.array(arrays["labels"]), arrays.get("soft"), arrays.get("affect"))

    def examples(self, split: str = "train", per_class: int = 8, seed: int = 0) -> list[np.ndarray]:
        """Random images of each class, uint8 (n, H, W, C) with n <= per_class: the rows of a contact sheet."""
        part = self[split]
        generator = np.random.default_rng(seed)
        rows = []
        for label in range(len(self.summary["classes"])):
            members = np.flatnonzero(part.labels == label)
            rows.append(part.images[np.sort(generator.choice(members, min(per_class, len(members)), replace=False))])
        return rows


def open_crops(folder: str | Path = "data/crops") -> Crops:
    """The store in a folder. Raises FileNotFoundError when there is none."""
    folder = Path(folder)
    return Crops(folder, json.loads((folder / "summary.json").read_text(encoding="utf-8")))


class RowsFile:
    """An .npy file that grows by rows and can be continued after an interruption.

    The number of rows in its header is right only after close(): until then, the writer's log knows it.
    """

    def __init__(self, path: str | Path, row_shape: Sequence[int], dtype: DTypeLike = np.uint8, rows: int = 0):
        """Opens path, cut to its first rows. Raises ValueError when it holds fewer."""
        self.row_shape, self.dtype, self.rows = tuple(row_shape), np.dtype(dtype), rows
        self._file = open(path, "r+b" if rows else "w+b")
        self._write_header()
        self._start = self._file.tell()
        end = self._start + rows * self.dtype.itemsize * int(np.prod(self.row_shape))
        if rows and self._file.seek(0, 2) < end:
            self._file.close()
            raise ValueError(f"{path} holds fewer than {rows} rows")
        self._file.truncate(end)
        self._file.seek(end)

    def append(self, rows: np.ndarray) -> None:
        """Writes rows (n, *row_shape) and hands them to the operating system: killing this process loses none."""
        self._file.write(np.ascontiguousarray(rows, dtype=self.dtype).data)
        self._file.flush()
        self.rows += len(rows)

    def close(self) -> None:
        """Write the number of rows into the header and close the file."""
        self._write_header()
        self._file.close()

    def _write_header(self) -> None:
        # NumPy pads the header so that the first dimension can grow without moving the data.
        self._file.seek(0)
        description = np.lib.format.dtype_to_descr(self.dtype)
        np.lib.format.write_array_header_1_0(
            self._file, {"descr": description, "fortran_order": False, "shape": (self.rows, *self.row_shape)}
        )
