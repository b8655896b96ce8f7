"""What a stage is given and cannot use: one error, one line."""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from stages.ending import Mistake


class BadInput(Mistake):
    """One line: which file is not as the stage before should have left it, and what would be right."""


def read_json(path: str | Path) -> dict:
    """The object in a JSON file. Raises BadInput where there is none."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(f"{path}: missing; `dvc repro` writes it") from None
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"{path}: not JSON: {error}") from None
    if not isinstance(content, dict):
        raise BadInput(f"{path}: expected an object, got {type(content).__name__}")
    return content


def read_arrays(path: str | Path, names: Iterable[str], again: str = "`dvc repro` writes it") -> dict[str, np.ndarray]:
    """Arrays of an .npz file, by name. Raises BadInput where it is missing, damaged, or lacks one of them."""
    names = list(names)
    try:
        with np.load(path) as arrays:
            return {name: arrays[name] for name in names}
    except FileNotFoundError:
        raise BadInput(f"{path}: missing; {again}") from None
    except Exception as error:  # of damaged bytes, zipfile, zlib, struct and NumPy each raise their own
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise BadInput(f"{path}: not the arrays {', '.join(names)}: {said[:200]}; {again} anew") from None
