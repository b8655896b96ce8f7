"""The file that stage corrupt writes of a run, read and checked against the run's record."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from stages.results.inputs import BadInput, read_arrays

MEAN = "mean"  # in the column `corruption` of measures.csv: over all that were made, each counting the same


class Corrupted(NamedTuple):
    """What a run's last weights say of the test split, spoiled in K ways.

    corruptions: their K names; predicted: class of each image, uint8 or uint16 (K, N); loss: mean cross-entropy per
    image, float64 (K,).
    """

    corruptions: list[str]
    predicted: np.ndarray
    loss: np.ndarray


def identity(record: dict[str, Any]) -> np.ndarray:
    """What the file of a run is made of, str (2,): the checksum of its last weights, and its crops' digest."""
    return np.array([record["files"]["last.pt"], record["crops"]])


def read_corrupted(file: Path, record: dict[str, Any]) -> Corrupted:
    """Raises BadInput, one line that names the file, where it is missing, damaged, or made of other weights."""
    anew = f"`dvc repro --force` of the stage that corrupts {record['run']} writes it anew"
    arrays = read_arrays(file, ["of", *Corrupted._fields], anew)
    if wrong := _wrong(arrays, record):
        raise BadInput(f"{file}: {wrong}; {anew}")
    return Corrupted(arrays["corruptions"].tolist(), arrays["predicted"], arrays["loss"])


def _wrong(arrays: dict[str, np.ndarray], record: dict[str, Any]) -> str | None:
    """What is wrong with the arrays; None where nothing is."""
    if not np.array_equal(arrays["of"], identity(record)):
        return "made of other weights or crops"
    ways, images = len(set(arrays["corruptions"].tolist())), sum(record["images"]["test"].values())
    for name, kind, shape in (
        ("corruptions", "U", (ways,)),
        ("predicted", "u", (ways, images)),
        ("loss", "f", (ways,)),
    ):
        array = arrays[name]
        if array.dtype.kind != kind or array.shape != shape:
            return f"{name} is {array.dtype} {array.shape}, expected {shape}"
    if not ways or not np.isfinite(arrays["loss"]).all() or arrays["predicted"].max() >= len(record["classes"]):
        return "no corruption, a loss that is no number, or a label beyond the classes"
    return None
