"""What a stage is given and cannot use: one error, one line."""

import json
from pathlib import Path

from stages.ending import Mistake


class BadInput(Mistake):
    """One line: which file is not as the stage before should have left it, and what would be right."""


def read_json(path: str | Path) -> dict:
    """The object in a JSON file. Raises BadInput where there is none."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(f"{path}: missing; `dvc repro` writes it") from None
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: not JSON: {error}") from None
    if not isinstance(content, dict):
        raise BadInput(f"{path}: expected an object, got {type(content).__name__}")
    return content
