"""The file of predictions that stage evaluate writes of a run, read and checked against the run's record."""

from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np

from stages.results.inputs import BadInput

SPLITS, WEIGHTS = ("val", "test"), ("best", "last")


def identity(record: dict[str, Any]) -> np.ndarray:
    """What the predictions of a run are made of, str (3,): the checksums of both its weights, and its crops' digest."""
    return np.array([*(record["files"][f"{weights}.pt"] for weights in WEIGHTS), record["crops"]])


def read_predictions(file: Path, record: dict[str, Any]) -> dict[str, np.ndarray]:
    """The arrays that `stages.evaluate` describes, by their names.

    Raises BadInput, one line that names the file, where it is missing, damaged, or made of other weights.
    """
    anew = f"`dvc repro --force` of the stage that evaluates {record['run']} writes it anew"
    try:
        with ZipFile(file) as archive:
            if (part := archive.testzip()) is not None:
                raise BadZipFile(part)
        with np.load(file) as arrays:
            said = dict(arrays)
    except FileNotFoundError:
        raise BadInput(f"{file}: missing; `dvc repro` writes it") from None
    except Exception as error:  # a damaged file raises what its bytes happen to look like
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise BadInput(f"{file}: damaged ({reason}); {anew}") from None
    if wrong := _wrong(said, record):
        raise BadInput(f"{file}: {wrong}; {anew}")
    return said


def _wrong(said: dict[str, np.ndarray], record: dict[str, Any]) -> str | None:
    """What is wrong with the arrays; None where nothing is."""
    expected = _expected(record)
    if absent := [name for name in expected if name not in said]:
        return f"without {', '.join(absent)}"
    if not np.array_equal(said["of"], identity(record)):
        return "made of other weights or crops"
    for name, (kind, shape) in expected.items():
        array = said[name]
        if array.dtype.kind != kind or array.shape != shape:
            return f"{name} is {array.dtype} {array.shape}, expected {shape}"
        if kind == "f" and not np.isfinite(array).all():
            return f"{name} holds what is no number"
        if kind == "u" and array.max() >= len(record["classes"]):
            return f"{name} holds a label beyond the {len(record['classes'])} classes"
    for split in SPLITS:
        counts = np.bincount(said[f"{split}_actual"], minlength=len(record["classes"]))
        if counts.tolist() != list(record["images"][split].values()):
            return f"{split}_actual holds other numbers of pictures of each class than the crops"
    return None


def _expected(record: dict[str, Any]) -> dict[str, tuple[str, tuple[int, ...]]]:
    """The kind and the shape of every array."""
    arrays: dict[str, tuple[str, tuple[int, ...]]] = {"of": ("U", (3,))}
    for split in SPLITS:
        images = sum(record["images"][split].values())
        arrays[f"{split}_actual"] = ("u", (images,))
        for weights in WEIGHTS:
            arrays[f"{split}_{weights}_predicted"] = ("u", (images,))
            arrays[f"{split}_{weights}_probability"] = ("f", (images, len(record["classes"])))
            arrays[f"{split}_{weights}_loss"] = ("f", ())
    return arrays
