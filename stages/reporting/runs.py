"""The evaluated runs, as every table and figure reads them."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from stages.results.inputs import BadInput, read_json

CURVES = ("epoch", "step", "train_loss", "val_macro_f1", "val_accuracy", "flipped")
SIGNS = ("site", "step", "epoch", "sign")
PREDICTIONS = ("split", "actual", "predicted")


@dataclass(frozen=True)
class Run:
    """One training run and its evaluation.

    curves: a row per epoch, losses as mean cross-entropy per image, scores in 0..1. signs: run-length code of each site's sign;
    steps and epochs count from 1. predictions: class names of every image of the splits val and test.
    """

    folder: Path
    variant: str
    seed: int
    curves: pd.DataFrame
    signs: pd.DataFrame
    predictions: pd.DataFrame
    record: dict
    test: dict

    @cached_property
    def epochs(self) -> int:
        return len(self.curves)

    @cached_property
    def flipped(self) -> np.ndarray:
        """Whether each site's sign is negative at each step: bool, shape (sites, steps); no sites where nothing can be injected."""
        rows = []
        for _, turns in self.signs.groupby("site", sort=False):
            lengths = np.diff([*turns["step"], int(self.curves["step"].iloc[-1]) + 1])
            rows.append(np.repeat(turns["sign"].to_numpy() < 0, lengths))
        return np.array(rows, bool).reshape(len(rows), int(self.curves["step"].iloc[-1]))


def read_runs(root, variants, seeds, classes) -> dict[str, dict[int, Run]]:
    """`{variant: {seed: Run}}` of root/<variant>-<seed>/, for these variants and seeds alone, on a data set with these classes.

    Folders of seeds that params.yaml names no longer are not read. Raises BadInput at the first file that is missing or damaged.
    """
    return {
        variant: {seed: _read(Path(root) / f"{variant}-{seed}", variant, seed, classes) for seed in seeds}
        for variant in variants
    }


def _read(folder, variant, seed, classes):
    curves = _table(folder / "curves.csv", CURVES, finite=CURVES)
    signs = _table(folder / "signs.csv", SIGNS, finite=SIGNS[1:], may_be_empty=True)
    last = curves["step"].iloc[-1]
    for site, steps in signs.groupby("site", sort=False)["step"]:
        if steps.iloc[0] != 1 or not steps.is_monotonic_increasing or not steps.is_unique or steps.iloc[-1] > last:
            raise BadInput(
                f"{folder / 'signs.csv'}: steps of site {site} must rise from 1 to at most {last}, the last in curves.csv"
            )
    predictions = _table(folder / "predictions.csv", PREDICTIONS)
    unknown = sorted({*predictions["actual"], *predictions["predicted"]} - set(classes))
    if unknown or "test" not in set(predictions["split"]):
        wrong = (
            f"no such class in the data set: {', '.join(map(str, unknown))}" if unknown else "no row of the split test"
        )
        raise BadInput(f"{folder / 'predictions.csv'}: {wrong}; `dvc repro evaluate` writes it anew")
    record = read_json(folder / "record.json")
    if not {"injected", "warnings"} <= set(record):
        raise BadInput(f"{folder / 'record.json'}: expected the keys injected and warnings")
    return Run(
        folder, variant, seed, curves, signs, predictions, record, _test_scores(folder / "metrics.json", classes)
    )


def _test_scores(path, classes):
    """The scores on test: macro_f1, accuracy and per_class_f1 {name: F1, None for a class that test does not hold}."""
    try:
        test = read_json(path)["test"]
        each = {name: test["per_class_f1"][name] for name in classes}
        numbers = [test["macro_f1"], test["accuracy"], *(f1 for f1 in each.values() if f1 is not None)]
        if not all(0 <= number <= 1 for number in numbers):
            raise ValueError("a score lies outside 0 to 1")
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(
            f"{path}: expected test.macro_f1, test.accuracy and test.per_class_f1 of every class: {error!r}"
        ) from None
    return {"macro_f1": test["macro_f1"], "accuracy": test["accuracy"], "per_class_f1": each}


def _table(path, columns, finite=(), may_be_empty=False):
    try:
        table = pd.read_csv(path, keep_default_na=False, na_values=["", "nan", "NaN", "inf", "-inf"])
    except FileNotFoundError:
        raise BadInput(f"{path}: missing; `dvc repro evaluate` writes it") from None
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: not a table: {str(error).splitlines()[0]}") from None
    absent = [column for column in columns if column not in table]
    if absent:
        raise BadInput(f"{path}: no column {', '.join(absent)}; found {', '.join(map(str, table.columns))}")
    if table.empty and not may_be_empty:
        raise BadInput(f"{path}: no rows")
    for column in finite:
        bad = pd.to_numeric(table[column], errors="coerce").isna()
        if bad.any():
            raise BadInput(
                f"{path}: line {bad.idxmax() + 2}: {column} is {table[column][bad.idxmax()]}, expected a finite number"
            )
    return table
