"""What the tables of runs must hold to be of one set of runs: each function raises BadInput, one line with the file."""

import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from stages.results.inputs import BadInput


def names_and_counts(path: Path, runs: pd.DataFrame) -> None:
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


def runs(path: Path, table: pd.DataFrame, runs: pd.DataFrame, key: list[str]) -> None:
    """Every row is of a run in runs.csv, under the same variant, seed and varied parameters."""
    absent = [column for column in key if column not in runs or column not in table]
    if absent:
        raise BadInput(f"{path}: {', '.join(absent)} is not a column here and in runs.csv alike")
    known = set(runs[key].itertuples(index=False, name=None))
    for row in table[key].drop_duplicates().itertuples(index=False, name=None):
        if row not in known:
            raise BadInput(f"{path}: no row of runs.csv is {', '.join(map(str, row))}")


def measures(path: Path, measures: pd.DataFrame) -> None:
    """Each value stands once, and is a number but for a class that a split does not hold."""
    key = ["run", "weights", "split", "corruption", "measure"]
    twice = measures[measures.duplicated(key)]
    if len(twice):
        raise BadInput(f"{path}: two values of {' '.join(filter(None, twice[key].iloc[0]))}")
    empty = measures[measures["value"].isna() & ~measures["measure"].str.startswith(("f1/", "recall/"))]
    if len(empty):
        raise BadInput(f"{path}: line {empty.index[0] + 2}: value is empty, expected a finite number")


def curves(path: Path, curves: pd.DataFrame, runs: pd.DataFrame) -> None:
    """Every run has the epochs that runs.csv says."""
    found = {run: epochs.tolist() for run, epochs in curves.groupby("run")["epoch"]}
    for run, epochs in zip(runs["run"], runs["epochs"]):
        if found.get(run) != list(range(1, epochs + 1)):
            raise BadInput(f"{path}: expected the epochs 1 to {epochs} of the run {run}")


def turns(path: Path, turns: pd.DataFrame, runs: pd.DataFrame) -> None:
    """What is in force begins with the first step and changes within the run; signs are signs."""
    last = dict(zip(runs["run"], runs["steps"]))
    for (run, site, _), steps in turns.groupby(["run", "site", "quantity"], sort=False)["step"]:
        if steps.iloc[0] != 1 or not steps.is_monotonic_increasing or not steps.is_unique or steps.iloc[-1] > last[run]:
            raise BadInput(f"{path}: steps of site {site} of {run} must rise from 1 to at most {last[run]}")
    if not turns["value"][turns["quantity"] == "sign"].isin([-1, 0, 1]).all():
        raise BadInput(f"{path}: a sign is -1, 1, or 0 where half is flipped")


def events(path: Path, events: pd.DataFrame, turns: pd.DataFrame) -> None:
    """There is one for each epoch of a run in which a sign turned, and it counts these turns."""
    turned = turns[(turns["quantity"] == "sign") & (turns["step"] > 1)]
    found = {(run, epoch): number for run, epoch, number in zip(events["run"], events["epoch"], events["turns"])}
    if len(found) < len(events) or found != turned.groupby(["run", "epoch"]).size().to_dict():
        raise BadInput(f"{path}: its epochs and turns are not those of turns.csv")
