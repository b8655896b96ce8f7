"""What the stage `circles` left in reports/circles/, read and checked for the figures."""

from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from stages.reporting.runs import BadInput, read_json

COLUMNS = {
    "data": {"x", "y", "label", "split"},
    "run": {"epoch"},  # and two for each variant
    "curves": {
        "variant",
        "epoch",
        *(f"{split}_{what}" for split in ("train", "test") for what in ("mean", "low", "high")),
    },
    "runs": {"over", "variant", "train_accuracy", "test_accuracy", "large_accuracy", "large_loss"},
    "summary": {"over", "variant", "measure", "tutorial"},
    "differences": {"over", "measure", "variant", "against", "difference", "low", "high", "differs"},
}
MAPS = {"axis", "variants", "run", "mean"}


def read_study(folder, variants):
    """The tables by their names, `decision` as a dictionary of arrays, `best_accuracy` as a number.

    Raises BadInput at the first file that is missing, damaged, or of other variants than these.
    """
    folder = Path(folder)
    curves = {f"{variant}_{split}" for variant in variants for split in ("train", "test")}
    columns = COLUMNS | {"run": COLUMNS["run"] | curves}
    study = {name: _table(folder / f"{name}.csv", of) for name, of in columns.items()}
    for name in ("curves", "runs", "summary", "differences"):
        if set(study[name].variant) - set(variants):
            found, known = (", ".join(sorted(set(names))) for names in (study[name].variant, variants))
            raise BadInput(f"{folder / name}.csv: variants {found}; the figures know {known}")
    best = read_json(folder / "metrics.json").get("best_accuracy")
    if not isinstance(best, float):
        raise BadInput(f"{folder / 'metrics.json'}: no number best_accuracy; `dvc repro circles` writes it")
    return study | {"decision": _maps(folder / "decision.npz"), "best_accuracy": best}


def _table(path, columns):
    try:
        table = pd.read_csv(path)
    except FileNotFoundError:
        raise _missing(path) from None
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: not a table: {str(error).splitlines()[0]}") from None
    absent = ", ".join(sorted(columns - set(table.columns)))
    if absent or table.empty:
        raise BadInput(f"{path}: {f'no column {absent}' if absent else 'no rows'}; `dvc repro circles` writes it anew")
    return table


def _maps(path):
    try:
        with np.load(path) as maps:
            return {name: maps[name] for name in MAPS}
    except FileNotFoundError:
        raise _missing(path) from None
    except (OSError, ValueError, EOFError, KeyError, BadZipFile) as error:
        raise BadInput(f"{path}: not the arrays {', '.join(sorted(MAPS))}: {error}") from None


def _missing(path):
    return BadInput(f"{path}: missing; `dvc repro circles` writes it")
