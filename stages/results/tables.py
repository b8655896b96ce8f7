"""The tables of runs: every result of the pipeline, or of a study, is a row here. Stage measure writes them.

runs.csv         a row per run: run, variant, seed, the parameters that decided it under their dotted names (empty where
                 the variant does not read one), and the columns of `RUNS`
measures.csv     long: run, variant, seed, the varied parameters, then `MEASURES`
curves.csv       a row per run and epoch: run, variant, seed, the varied parameters, then `CURVES`
events.csv       the epochs in which a sign turned, in more than its first step: run, variant, seed, the varied
                 parameters, `EVENTS`
turns.csv        what was in force at each site, run-length coded: run, variant, seed, the varied parameters, `TURNS`
predictions.npz  see `Predictions`

A parameter is *varied* where a study varies it: it is named in the records of the runs that read it. What a variant
sets for itself (`settle`) is none, although it differs between the variants.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from stages.files import write_atomically
from stages.results import checks
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
# where there is none, as the F1 of a class that a split does not hold. `stages.measure` lists the measures.
MEASURES = {"weights": TEXT, "split": TEXT, "corruption": TEXT, "measure": TEXT, "value": OPTIONAL_NUMBER}
# Epochs and steps count from 1; losses are mean cross-entropy per image, scores and `flipped` shares in 0..1.
# train_loss is of the training passes, train_eval_loss of the watched training images in evaluation mode, after the
# epoch; update is the norm of the epoch's change of all trainable weights over their norm before it.
CURVES = {
    "epoch": INTEGER, "step": INTEGER, "lr": NUMBER, "train_loss": NUMBER, "train_eval_loss": NUMBER, "update": NUMBER,
    "flipped": NUMBER, "val_loss": NUMBER, "val_macro_f1": NUMBER, "val_accuracy": NUMBER, "predicted_classes": INTEGER,
}  # fmt: skip
# turns: over all sites, in that epoch. loss_jump: its train_loss minus that of the epoch before. f1_drop: val_macro_f1
# of the epoch before minus its own. recovery: epochs until val_macro_f1 is what it was in the epoch before or more, 0
# where it did not drop, empty where the run ends first. All three are empty in the first epoch, with none before it.
EVENTS = {
    "epoch": INTEGER, "turns": INTEGER, "loss_jump": OPTIONAL_NUMBER, "f1_drop": OPTIONAL_NUMBER,
    "recovery": OPTIONAL_INTEGER,
}  # fmt: skip
# quantity: "sign", "p" (dropout), "stddev" (Gaussian noise), or what a method of one's own says.
TURNS = {"site": TEXT, "quantity": TEXT, "step": INTEGER, "epoch": INTEGER, "value": NUMBER}
FILES = ("runs.csv", "measures.csv", "curves.csv", "events.csv", "turns.csv", "predictions.npz")
_LONG = {"measures": MEASURES, "curves": CURVES, "events": EVENTS, "turns": TURNS}
_MAY_BE_EMPTY = ("events", "turns")  # of the baseline alone


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
    """The six tables, and the names of the parameters that are varied among the runs."""

    runs: pd.DataFrame
    measures: pd.DataFrame
    curves: pd.DataFrame
    events: pd.DataFrame
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
    checks.names_and_counts(folder / "runs.csv", runs)
    tables = {
        name: read_table(folder / f"{name}.csv", KEY | fixed, may_be_empty=name in _MAY_BE_EMPTY)
        for name, fixed in _LONG.items()
    }
    varied = tuple(column for column in tables["curves"] if column not in KEY and column not in CURVES)
    for name, table in tables.items():
        checks.runs(folder / f"{name}.csv", table, runs, [*KEY, *varied])
    checks.measures(folder / "measures.csv", tables["measures"])
    checks.curves(folder / "curves.csv", tables["curves"], runs)
    checks.turns(folder / "turns.csv", tables["turns"], runs)
    checks.events(folder / "events.csv", tables["events"], tables["turns"])
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
