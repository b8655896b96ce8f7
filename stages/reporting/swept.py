"""The runs of several revisions as those of one study that varies a parameter; what cannot be compared is refused."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import pandas as pd

from stages.reporting.groups import numbers_of
from stages.reporting.parameters import differing
from stages.reporting.published import DATA
from stages.results.inputs import BadInput
from stages.results.tables import Results


@dataclass(frozen=True)
class Committed:
    """What a revision holds: its parameters under their dotted names, and the tables of its runs."""

    name: str
    asked: dict[str, str]
    results: Results


def joined(committed: Sequence[Committed], parameter: str, hold: Mapping[str, str]) -> Results:
    """The runs of all revisions, of each variant, value of the parameter and seed once; `parameter` is varied.

    `hold` are values of other parameters: runs that read one of these and have another value are left out. Raises
    BadInput, one line, where revisions are of other data, something else differs as well, or the parameter does not.
    """
    for other in committed[1:]:
        _must_be_of_one_data_set(committed[0], other)
    chosen = [_held(each, hold) for each in committed]
    _must_differ_alone(chosen, parameter)
    parts = [_under_new_names(each, parameter) for each in chosen]
    kept = _once(chosen, parts)
    return _stacked(parts, kept, _values(chosen, parameter), parameter)


def _must_be_of_one_data_set(first: Committed, other: Committed) -> None:
    for column in DATA:
        here, there = (", ".join(sorted(set(each.results.runs[column]))) for each in (other, first))
        if here != there:
            raise BadInput(f"{other.name}: other data than {first.name}: {column} {here[:80]}, there {there[:80]}")
    if not np.array_equal(first.results.predictions.actual, other.results.predictions.actual):
        raise BadInput(f"{other.name}: other test pictures than {first.name}")


def _held(committed: Committed, hold: Mapping[str, str]) -> Committed:
    """Without the runs that have another value of what is held."""
    rows = committed.results.runs
    wanted = pd.Series(True, index=rows.index)
    for name, value in hold.items():
        if name in rows:
            wanted &= rows[name].isin(["", value]) | (rows[name].map(_number) == _number(value))
    return replace(committed, results=_part(committed.results, list(rows["run"][wanted])))


def _number(text: str) -> float:
    """NaN, which equals nothing, where it is none: 1e-05 is .00001."""
    return (numbers_of([text]) or {}).get(text, np.nan)


def _varied(committed: Sequence[Committed]) -> list[str]:
    """Parameters that were asked for with several values, and had several among the runs of one variant.

    What a variant settles by itself (the start of dynamic injection, turns drawn by the seed) was asked for alike; a
    changed params.yaml that nothing was run with changed no run.
    """
    asked = differing({each.name: each.asked for each in committed})
    rows = pd.concat([each.results.runs for each in committed], ignore_index=True)
    return [name for name in asked if name in rows and (rows.groupby("variant")[name].nunique(dropna=False) > 1).any()]


def _must_differ_alone(committed: Sequence[Committed], parameter: str) -> None:
    varied = _varied(committed)
    if parameter not in varied:
        values = _values(committed, parameter)
        said = f"is {', '.join(values)} in all runs of" if values else "is read by no run of"
        names = ", ".join(each.name for each in committed)
        raise BadInput(f"{parameter} {said} {names}; what differs there: {', '.join(varied) or 'nothing'}")
    if others := [name for name in varied if name != parameter]:
        some = ", ".join(_values(committed, others[0]))
        hold = f"say which value to hold, as --hold {others[0]}=VALUE ({some})"
        raise BadInput(f"{' and '.join([parameter, *others])} differ: {hold}")


def _values(committed: Sequence[Committed], parameter: str) -> list[str]:
    """The values of the runs that read the parameter, numbers in rising order."""
    rows = [each.results.runs for each in committed if parameter in each.results.runs]
    values = list(dict.fromkeys(value for table in rows for value in table[parameter] if value))
    return list(numbers_of(values) or values)


def _under_new_names(committed: Committed, parameter: str) -> Results:
    """Every run is called, and every row has a column, as in a study of the parameter."""
    results = committed.results
    rows = results.runs if parameter in results.runs else results.runs.assign(**{parameter: ""})
    places = [
        "/".join([variant, *[f"{parameter}={value}"] * bool(value), str(seed)])
        for variant, value, seed in zip(rows["variant"], rows[parameter], rows["seed"])
    ]
    name, value = dict(zip(rows["run"], places)), dict(zip(rows["run"], rows[parameter]))
    frames = {}
    for field, table in _frames(results):
        column = {} if field == "runs" else {parameter: table["run"].map(value).astype(object)}
        frames[field] = (rows if field == "runs" else table).assign(run=table["run"].map(name), **column)
    return replace(results, **frames, predictions=replace(results.predictions, runs=places), varied=(parameter,))


def _once(committed: Sequence[Committed], parts: Sequence[Results]) -> list[list[str]]:
    """The runs to take of each part: one that was taken before is not taken again, where it says the same."""
    known: dict[str, tuple[str, list]] = {}
    kept = []
    for each, part in zip(committed, parts):
        mine = []
        said = dict(list(part.measures.groupby("run")))
        for run in part.runs["run"]:
            values = [] if run not in said else said[run][["weights", "split", "measure", "value"]].values.tolist()
            if run not in known:
                known[run] = each.name, values
                mine.append(run)
            elif repr(known[run][1]) != repr(values):
                raise BadInput(
                    f"{run} of {each.name} and of {known[run][0]} are alike in their parameters, not in their results: "
                    "other code or another machine; name the revisions that belong together"
                )
        kept.append(mine)
    return kept


def _stacked(parts: Sequence[Results], kept: Sequence[list[str]], values: Sequence[str], parameter: str) -> Results:
    parts = [_part(part, runs) for part, runs in zip(parts, kept)]
    rows = pd.concat([part.runs for part in parts], ignore_index=True)
    variants = {variant: place for place, variant in enumerate(rows["variant"].unique())}
    order = sorted(
        zip(rows["run"], rows["variant"], rows[parameter], rows["seed"]),
        key=lambda row: (variants[row[1]], values.index(row[2]) if row[2] else -1, row[3]),
    )
    number = {run: place for place, (run, *_) in enumerate(order)}
    frames = {}
    for field, _ in _frames(parts[0]):
        table = pd.concat([getattr(part, field) for part in parts], ignore_index=True)
        frames[field] = table.sort_values("run", key=lambda run: run.map(number), kind="stable", ignore_index=True)
    asked = [name for part in parts for name in part.parameters]
    frames["runs"] = frames["runs"].fillna(dict.fromkeys(asked, ""))  # of what an older revision does not know
    said = {run: pair for part in parts for run, *pair in zip(part.predictions.runs, *_arrays(part))}
    predicted, truth = (np.stack(arrays) for arrays in zip(*(said[run] for run in number)))
    predictions = replace(parts[0].predictions, runs=list(number), predicted=predicted, truth=truth)
    return Results(**frames, predictions=predictions, varied=(parameter,))


def _part(results: Results, runs: Sequence[str]) -> Results:
    """The rows of these runs."""
    frames = {field: table[table["run"].isin(runs)].reset_index(drop=True) for field, table in _frames(results)}
    places = [place for place, run in enumerate(results.predictions.runs) if run in set(runs)]
    predicted, truth = (array[places] for array in _arrays(results))
    names = [results.predictions.runs[place] for place in places]
    return replace(
        results, **frames, predictions=replace(results.predictions, runs=names, predicted=predicted, truth=truth)
    )


def _arrays(results: Results) -> tuple[np.ndarray, np.ndarray]:
    return results.predictions.predicted, results.predictions.truth


def _frames(results: Results) -> Iterator[tuple[str, pd.DataFrame]]:
    for field in fields(Results):
        if isinstance(table := getattr(results, field.name), pd.DataFrame):
            yield field.name, table
