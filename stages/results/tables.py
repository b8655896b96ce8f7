"""The tables of runs: every result of the pipeline, or of a study, is a row here. Stage measure writes them.

runs.csv         a row per run: run, variant, seed, the parameters that decided it under their dotted names (empty where
                 the variant does not read one), and the columns of `RUNS`
measures.csv     long: run, variant, seed, the varied parameters, then `MEASURES`
curves.csv       a row per run and epoch: run, variant, seed, the varied parameters, then `CURVES`
turns.csv        what was in force at each site, run-length coded: run, variant, seed, the varied parameters, `TURNS`
predictions.npz  see `Predictions`

A parameter is *varied* where it takes more than one value among the runs that read it.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from stages.files import write_atomically
from stages.results.cells import (
    INTEGER,
    JSON,
    NUMBER,
    OPTIONAL_INTEGER,
    OPTIONAL_NUMBER,
    TEXT,
    Kind,
    read_table,
    write_table,
)
from stages.results.inputs import BadInput, read_arrays

# The first columns of every table. `run` is "<variant>/<seed>", or "<variant>/<parameter>=<value>/<seed>".
KEY = {"run": TEXT, "variant": TEXT, "seed": INTEGER}
# runs.csv behind the parameters: images is JSON, {split: {class: number}}; classes and warnings are JSON lists; sites
# are names with spaces between; signed is how many of them carry a sign; first_turn is empty where none ever turned.
RUNS = {
    "dataset": TEXT, "title": TEXT, "size": INTEGER, "channels": INTEGER, "flip": TEXT, "images": JSON,
    "classes": JSON, "epochs": INTEGER, "steps_per_epoch": INTEGER, "steps": INTEGER, "sites": TEXT, "signed": INTEGER,
    "first_turn": OPTIONAL_INTEGER, "turns": INTEGER, "best_epoch": INTEGER, "hardware": TEXT,
    "threads": OPTIONAL_INTEGER, "precision": TEXT, "compiled": TEXT, "processes": INTEGER, "torch": TEXT,
    "torchvision": TEXT, "python": TEXT, "commit": TEXT, "seconds": NUMBER, "configuration": TEXT, "crops": TEXT,
    "warnings": JSON,
}  # fmt: skip
# weights: best or last; split: train, val or test; corruption: empty for the pictures as they are. The value is empty
# where there is none, as the F1 of a class that a split does not hold.
MEASURES = {"weights": TEXT, "split": TEXT, "corruption": TEXT, "measure": TEXT, "value": OPTIONAL_NUMBER}
# Epochs and steps count from 1; losses are mean cross-entropy per image, scores and `flipped` shares in 0..1.
CURVES = {
    "epoch": INTEGER, "step": INTEGER, "lr": NUMBER, "train_loss": NUMBER, "val_loss": NUMBER, "val_macro_f1": NUMBER,
    "val_accuracy": NUMBER, "flipped": NUMBER, "predicted_classes": INTEGER,
}  # fmt: skip
# quantity: "sign", "p" (dropout), "stddev" (Gaussian noise), or what a method of one's own says.
TURNS = {"site": TEXT, "quantity": TEXT, "step": INTEGER, "epoch": INTEGER, "value": NUMBER}
FILES = ("runs.csv", "measures.csv", "curves.csv", "turns.csv", "predictions.npz")
_LONG = {"measures": MEASURES, "curves": CURVES, "turns": TURNS}


@dataclass(frozen=True)
class Predictions:
    """What every run says of each image of the test split, by the weights of its last epoch.

    runs: R names, as in the column `run`; classes: C names; actual: class of each image, uint8 (N,), uint16 for
    more than 256 classes; predicted: the same (R, N); truth: probability given to the true class, float16 (R, N).
    """

    runs: list[str]
    classes: list[str]
    actual: np.ndarray
    predicted: np.ndarray
    truth: np.ndarray


@dataclass(frozen=True)
class Results:
    """The five tables, and the names of the parameters that are varied among the runs."""

    runs: pd.DataFrame
    measures: pd.DataFrame
    curves: pd.DataFrame
    turns: pd.DataFrame
    predictions: Predictions
    varied: tuple[str, ...] = ()

    @property
    def parameters(self) -> tuple[str, ...]:
        """The dotted names of the parameters in `runs`; their values are text."""
        return tuple(column for column in self.runs if column not in KEY and column not in RUNS)


def write(folder: str | Path, results: Results) -> None:
    """Write the tables to a folder, each whole or not at all; columns may come in any order.

    Raises ValueError where a table lacks a column or has one that is neither fixed nor a parameter, and OSError.
    """
    folder = Path(folder)
    write_table(folder / "runs.csv", results.runs, _columns("runs", results.runs, results.parameters, RUNS))
    for name, fixed in _LONG.items():
        table = getattr(results, name)
        write_table(folder / f"{name}.csv", table, _columns(name, table, results.varied, fixed))
    write_atomically(folder / "predictions.npz", partial(_write_predictions, results.predictions))


def read(folder: str | Path) -> Results:
    """The tables of a folder, checked against each other.

    Raises BadInput, one line that names the file, where one is missing, damaged, or of other runs than runs.csv.
    """
    folder = Path(folder)
    runs = read_table(folder / "runs.csv", KEY | RUNS)
    if runs["run"].duplicated().any():
        raise BadInput(f"{folder / 'runs.csv'}: two rows of the run {runs['run'][runs['run'].duplicated()].iloc[0]}")
    _check_json(folder / "runs.csv", runs)
    tables = {
        name: read_table(folder / f"{name}.csv", KEY | fixed, may_be_empty=name == "turns")
        for name, fixed in _LONG.items()
    }
    varied = tuple(column for column in tables["curves"] if column not in KEY and column not in CURVES)
    for name, table in tables.items():
        _check_runs(folder / f"{name}.csv", table, runs, [*KEY, *varied])
    _check_measures(folder / "measures.csv", tables["measures"])
    _check_curves(folder / "curves.csv", tables["curves"], runs)
    _check_turns(folder / "turns.csv", tables["turns"], runs)
    predictions = _read_predictions(folder / "predictions.npz", runs)
    return Results(runs, **tables, predictions=predictions, varied=varied)


def _columns(name: str, table: pd.DataFrame, between: tuple[str, ...], fixed: Mapping[str, Kind]) -> list[str]:
    columns = [*KEY, *between, *fixed]
    if set(columns) != set(table.columns):
        absent, foreign = sorted(set(columns) - set(table.columns)), sorted(set(table.columns) - set(columns))
        raise ValueError(f"table {name}: columns missing: {absent}; not known: {foreign}")
    return columns


def _write_predictions(predictions: Predictions, file) -> None:
    # Names as text of fixed width: arrays of objects would be pickles. NumPy dates every entry 1980, so that the same
    # content gives the same bytes.
    label = np.min_scalar_type(len(predictions.classes) - 1)
    np.savez_compressed(
        file,
        runs=np.array(predictions.runs, dtype=np.str_),
        classes=np.array(predictions.classes, dtype=np.str_),
        actual=np.asarray(predictions.actual, dtype=label),
        predicted=np.asarray(predictions.predicted, dtype=label),
        truth=np.asarray(predictions.truth, dtype=np.float16),
    )


def _read_predictions(path: Path, runs: pd.DataFrame) -> Predictions:
    arrays = read_arrays(path, ("runs", "classes", "actual", "predicted", "truth"), "the stage measure writes it")
    names, classes = arrays["runs"].tolist(), arrays["classes"].tolist()
    found = Predictions(names, classes, arrays["actual"], arrays["predicted"], arrays["truth"])
    if names != runs["run"].tolist():
        raise BadInput(f"{path}: its runs are not those of runs.csv, {', '.join(runs['run'])}")
    if any(json.loads(text) != classes for text in runs["classes"]):
        raise BadInput(f"{path}: its classes, {', '.join(classes)}, are not those of runs.csv")
    shape = (len(names), len(found.actual))
    if found.actual.ndim != 1 or found.predicted.shape != shape or found.truth.shape != shape or not shape[1]:
        raise BadInput(f"{path}: expected actual (N,), predicted and truth (runs, N), N >= 1")
    if max(found.actual.max(), found.predicted.max()) >= len(classes):
        raise BadInput(f"{path}: a label beyond the {len(classes)} classes")
    return found


def _check_json(path: Path, runs: pd.DataFrame) -> None:
    """Classes and warnings are lists of text, images counts of each class by split."""
    for column in ("classes", "warnings"):
        for line, cell in enumerate(runs[column], start=2):
            found = json.loads(cell)
            if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
                raise BadInput(f"{path}: line {line}: {column} is {cell[:80]}, expected a list of text")
    for line, (cell, classes) in enumerate(zip(runs["images"], runs["classes"]), start=2):
        found, names = json.loads(cell), set(json.loads(classes))
        counts = found.values() if isinstance(found, dict) else [None]
        if not all(isinstance(each, dict) and set(each) == names and _are_counts(each.values()) for each in counts):
            raise BadInput(f"{path}: line {line}: images is {cell[:80]}, expected {{split: {{class: number}}}}")


def _are_counts(values: Iterable[object]) -> bool:
    return all(type(value) is int and value >= 0 for value in values)


def _check_runs(path: Path, table: pd.DataFrame, runs: pd.DataFrame, key: list[str]) -> None:
    """Every row is of a run in runs.csv, under the same variant, seed and varied parameters."""
    absent = [column for column in key if column not in runs or column not in table]
    if absent:
        raise BadInput(f"{path}: {', '.join(absent)} is not a column here and in runs.csv alike")
    known = set(runs[key].itertuples(index=False, name=None))
    for row in table[key].drop_duplicates().itertuples(index=False, name=None):
        if row not in known:
            raise BadInput(f"{path}: no row of runs.csv is {', '.join(map(str, row))}")


def _check_measures(path: Path, measures: pd.DataFrame) -> None:
    key = ["run", "weights", "split", "corruption", "measure"]
    twice = measures[measures.duplicated(key)]
    if len(twice):
        raise BadInput(f"{path}: two values of {' '.join(filter(None, twice[key].iloc[0]))}")
    empty = measures[measures["value"].isna() & ~measures["measure"].str.startswith("f1/")]
    if len(empty):
        raise BadInput(f"{path}: line {empty.index[0] + 2}: value is empty, expected a finite number")


def _check_curves(path: Path, curves: pd.DataFrame, runs: pd.DataFrame) -> None:
    found = {run: epochs.tolist() for run, epochs in curves.groupby("run")["epoch"]}
    for run, epochs in zip(runs["run"], runs["epochs"]):
        if found.get(run) != list(range(1, epochs + 1)):
            raise BadInput(f"{path}: expected the epochs 1 to {epochs} of the run {run}")


def _check_turns(path: Path, turns: pd.DataFrame, runs: pd.DataFrame) -> None:
    last = dict(zip(runs["run"], runs["steps"]))
    for (run, site, _), steps in turns.groupby(["run", "site", "quantity"], sort=False)["step"]:
        if steps.iloc[0] != 1 or not steps.is_monotonic_increasing or not steps.is_unique or steps.iloc[-1] > last[run]:
            raise BadInput(f"{path}: steps of site {site} of {run} must rise from 1 to at most {last[run]}")
    if not turns["value"][turns["quantity"] == "sign"].isin([-1, 0, 1]).all():
        raise BadInput(f"{path}: a sign is -1, 1, or 0 where half is flipped")
