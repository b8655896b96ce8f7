"""From the folders of runs to the tables: what stage train and stage evaluate left, read and put side by side."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.results.folders import finished_in
from stages.results.inputs import BadInput
from stages.results.predictions import read_predictions
from stages.results.record import anew, must_be_its_own, read_record
from stages.results.tables import CURVES, RUNS, Predictions, Results


@dataclass(frozen=True)
class Finished:
    """A run as it lies there: its record, its curves and what was in force as tables, its predictions as arrays."""

    record: dict[str, Any]
    curves: pd.DataFrame
    in_force: pd.DataFrame
    said: dict[str, np.ndarray]


# Of a run: weights, split, corruption, measure and value of each of its rows.
Measured = Callable[[Finished], Iterable[tuple[str, str, str, str, float]]]
# Of the curves of a run and what was in force in it: its rows of events.csv.
Events = Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame]


def finished_runs(folder: Path, predictions: Path) -> list[Finished]:
    """The runs below a variant's folder, by their varied values, then seeds. Raises BadInput where there are none."""
    found = finished_in(folder)
    if not found:
        raise BadInput(f"{folder}: no runs; the stage that trains them writes it")
    runs = [_read(run, folder, predictions) for run in found]
    return sorted(runs, key=lambda run: (_sortable(run.record["varied"]), run.record["seed"]))


def collect(runs: list[Finished], measured: Measured, events: Events) -> Results:
    """The tables of the runs; `measured` yields the rows of measures of one, `events` gives those of its turns.

    Raises BadInput where the runs are not all of the same crops.
    """
    # What a study varies is told as it asked for it ("auto"), and not as the run settled it.
    parameters = [_flat(run.record["params"]) | _flat(run.record["varied"]) for run in runs]
    varied = tuple(dict.fromkeys(name for run in runs for name in run.record["varied"]))
    keys = []
    for run, values in zip(runs, parameters):
        key = {name: run.record[name] for name in ("run", "variant", "seed")}
        keys.append(key | {name: values.get(name) for name in varied})
    names = list(dict.fromkeys(name for values in parameters for name in values))
    rows = [key | dict.fromkeys(names) | values | _facts(run) for key, run, values in zip(keys, runs, parameters)]
    measures = pd.DataFrame(
        [
            key | dict(zip(("weights", "split", "corruption", "measure", "value"), row))
            for key, run in zip(keys, runs)
            for row in measured(run)
        ]
    )
    return Results(
        runs=pd.DataFrame(rows, dtype=object),
        measures=measures,
        curves=_long(keys, (run.curves for run in runs)),
        events=_long(keys, (events(run.curves, run.in_force) for run in runs)),
        turns=_long(keys, (run.in_force for run in runs)),
        predictions=_predictions(runs),
        varied=varied,
    )


def _read(run: Path, runs: Path, predictions: Path) -> Finished:
    record = read_record(run, runs)
    must_be_its_own(run, record, ["curves.csv", "in_force.csv"])
    curves = pd.read_csv(run / "curves.csv")
    if absent := [name for name in CURVES if name not in curves]:
        raise BadInput(f"{run / 'curves.csv'}: of an older version, without {', '.join(absent)}; {anew(run)}")
    in_force = pd.read_csv(run / "in_force.csv", dtype={"site": str}, keep_default_na=False)
    said = read_predictions(predictions / run.relative_to(runs).with_name(f"{run.name}.npz"), record)
    return Finished(record, curves, in_force, said)


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested parameters by their dotted names."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = "null" if value is None else value  # an empty cell is what is not read
    return flat


def _facts(run: Finished) -> dict[str, Any]:
    return {name: run.record[name] for name in RUNS} | {"sites": " ".join(run.record["sites"])}


def _long(keys: list[dict[str, Any]], tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """The tables of the runs one below the other, each behind the key of its run."""
    keyed = (
        pd.concat([pd.DataFrame([key] * len(table), columns=list(key)), table], axis=1)
        for key, table in zip(keys, tables)
    )
    return pd.concat(keyed, ignore_index=True)


def _predictions(runs: list[Finished]) -> Predictions:
    """Of the test split, by the last epoch's weights."""
    first = runs[0]
    for run in runs:
        if run.record["crops"] != first.record["crops"]:
            raise BadInput(f"{run.record['run']} and {first.record['run']} are of different crops; `dvc repro` both")
        if not np.array_equal(run.said["test_actual"], first.said["test_actual"]):
            raise BadInput(
                f"{run.record['run']} and {first.record['run']} are of other test pictures; `dvc repro` both"
            )
    actual = first.said["test_actual"]
    truth = [
        np.take_along_axis(run.said["test_last_probability"], actual[:, None].astype(int), 1)[:, 0] for run in runs
    ]
    names = [run.record["run"] for run in runs]
    predicted = np.stack([run.said["test_last_predicted"] for run in runs])
    return Predictions(names, first.record["classes"], actual, predicted, np.stack(truth))


def _sortable(varied: dict[str, Any]) -> list[tuple[bool, Any]]:
    """Numbers by their size, everything else by its text."""
    values = varied.values()
    return [(False, value) if isinstance(value, int | float) else (True, str(value)) for value in values]
