"""What stands in reports/studies/ already: a study is published seed by seed, and ends as if measured at once."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd

from stages.results import tables
from stages.results.cells import read_table
from stages.results.inputs import BadInput
from stages.results.tables import KEY, Predictions, Results

DATA = ("dataset", "crops", "classes")  # columns of runs.csv in which runs of one study agree, beside the parameters
DRAWN = {"random-turns": ["periodic.turns"]}  # parameters that a variant draws by the seed, and that differ as it does


def with_published(results: Results, folder: Path) -> Results:
    """The results, and beside them the runs in the folder of seeds that they lack, in the order of one measuring.

    Raises BadInput, one line that names the run, where one of these is of other parameters or data, of no variant or
    value of the results, or its tables are damaged: only who asks for it loses what may have taken days.
    """
    if not (folder / "runs.csv").is_file():
        return results
    try:
        published = read_table(folder / "runs.csv", KEY)["run"]
        lacking = published[~published.isin(results.runs["run"])]
        return _joined(results, tables.read(folder), list(lacking), folder / "runs.csv") if len(lacking) else results
    except BadInput as error:
        raise BadInput(f"{error}; --anew publishes this study without what stands there") from None


def _joined(results: Results, published: Results, lacking: list[str], file: Path) -> Results:
    rows = published.runs[published.runs["run"].isin(lacking)]
    _must_be_alike(results, published, rows, file)
    order = {place: number for number, place in enumerate(dict.fromkeys(map(_place, results.runs["run"])))}
    runs = sorted(
        [*results.runs[["run", "seed"]].itertuples(index=False), *rows[["run", "seed"]].itertuples(index=False)],
        key=lambda row: (order[_place(row.run)], row.seed),
    )
    number = {row.run: place for place, row in enumerate(runs)}
    frames = {}
    for name in (field.name for field in fields(Results)):
        ours, theirs = getattr(results, name), getattr(published, name)
        if isinstance(ours, pd.DataFrame):
            both = pd.concat([ours, theirs[theirs["run"].isin(lacking)]], ignore_index=True)
            frames[name] = both.sort_values("run", key=lambda run: run.map(number), kind="stable", ignore_index=True)
    return replace(results, **frames, predictions=_predictions(results, published, list(number)))


def _must_be_alike(results: Results, published: Results, rows: pd.DataFrame, file: Path) -> None:
    """The published runs differ from those of the results in their seed alone."""
    if set(published.varied) != set(results.varied):
        varied = (", ".join(names) or "nothing" for names in (published.varied, results.varied))
        raise BadInput("{}: varies {}, this run {}".format(file, *varied))
    alike = {_place(row["run"]): row for row in results.runs.to_dict("records")}
    columns = list(dict.fromkeys([*results.parameters, *published.parameters, *DATA]))
    for row in rows.to_dict("records"):
        if (ours := alike.get(_place(row["run"]))) is None:
            raise BadInput(f"{file}: {row['run']} is no run of this study any more")
        for name in columns:
            if name in DRAWN.get(row["variant"], ()):
                continue
            here, there = (str(cells.get(name, ""))[:80] or "absent" for cells in (ours, row))
            if here != there:
                raise BadInput(f"{file}: {row['run']} was made with {name} {there}, this run with {here}")
    if not np.array_equal(results.predictions.actual, published.predictions.actual):
        raise BadInput(f"{file.with_name('predictions.npz')}: of other test pictures than this run")


def _predictions(results: Results, published: Results, runs: list[str]) -> Predictions:
    said: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for each in (published.predictions, results.predictions):
        said |= {run: (each.predicted[place], each.truth[place]) for place, run in enumerate(each.runs)}
    predicted, truth = (np.stack(arrays) for arrays in zip(*(said[run] for run in runs)))
    return replace(results.predictions, runs=runs, predicted=predicted, truth=truth)


def _place(run: str) -> str:
    """The run without its seed: its variant and varied values."""
    return run.rpartition("/")[0]
