"""The crops as a few large arrays: the format that training reads.

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
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from stages.crops import sound
from stages.ending import Mistake

PARTS = ("images", "labels", "soft", "affect")
CURE = "make them with `dvc repro prepare`"


class CropsError(Mistake):
    """Crops that cannot be made, or cannot be used as they are. The message is one line."""


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
        """The rows of manifest.csv as dicts. Raises CropsError when it is not the table of these crops."""
        path = self.folder / "manifest.csv"
        try:
            with open(path, newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
        except (OSError, ValueError, csv.Error) as error:
            raise _unusable(path, error) from None
        if len(rows) != len(self):
            raise _unusable(path, f"{len(rows):,} rows for {len(self):,} crops")
        return rows


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
        """One split. Raises CropsError when a part of it is missing, or is not as the summary says."""
        folder, arrays = self.folder / split, {}
        for name in PARTS:
            path = folder / f"{name}.npy"
            try:
                if path.exists() or name in PARTS[:2]:
                    arrays[name] = np.load(path, mmap_mode="r" if name == "images" else None)
                    sound.check_array(name, arrays[name], arrays, self.summary, split)
            # A damaged header raises what its bytes happen to look like.
            except Exception as error:
                raise _unusable(path, error) from None
        return Split(folder, arrays["images"], arrays["labels"], arrays.get("soft"), arrays.get("affect"))

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
    """The store in a folder. Raises CropsError when there is none, or when its summary is not one."""
    path = Path(folder) / "summary.json"
    if not Path(folder).exists():
        raise CropsError(f"no crops in {folder}; {CURE}")
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
        sound.check_summary(summary)
    except (OSError, ValueError, RecursionError) as error:
        raise _unusable(path, error) from None
    return Crops(Path(folder), summary)


def _unusable(path: Path, why: Exception | str) -> CropsError:
    """What to raise for a part of a store that is not as `prepare` left it."""
    if isinstance(why, FileNotFoundError | NotADirectoryError):
        return CropsError(f"{path}: no such part of the crops; {CURE}")
    said = why.strerror or str(why) if isinstance(why, OSError) else str(why)
    first = (str(said).splitlines() or [type(why).__name__])[0]
    return CropsError(f"{path}: not what stage prepare left there ({first}); remove the crops and {CURE}")
