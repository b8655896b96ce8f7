"""Under which parameters, on what and for how long the runs were made, and what they warn of: from runs.csv."""

from collections.abc import Iterator

import pandas as pd
from markupsafe import Markup

from stages.reporting.groups import groups_of
from stages.reporting.marks import marks
from stages.reporting.page.markdown import Table
from stages.reporting.runs import Runs, look_of
from stages.results.tables import Results

# Columns of runs.csv beside the parameters: what they are called.
ABOUT = {
    "dataset": "data set", "size": "crop, pixels", "channels": "channels", "crops": "digest of the crops",
    "epochs": "epochs", "steps": "optimiser steps", "sites": "sites", "hardware": "processor", "threads": "threads",
    "precision": "precision", "compiled": "compiled", "processes": "processes of a run", "torch": "torch",
    "torchvision": "torchvision", "python": "Python", "commit": "commit",
}  # fmt: skip


def parameters(results: Results) -> Table:
    """A row for each parameter that a variant reads."""
    return _table(results, {name: name for name in results.parameters}, "parameter")


def versions(results: Results) -> Table:
    """A row for each thing beside the parameters: data, length, processor, versions."""
    return _table(results, ABOUT, "")


def times(runs: Runs) -> Table:
    """A row for each variant: how long its runs took, and when signs turned."""
    rows = []
    for seeds in runs.values():
        seconds = pd.Series([run.row["seconds"] for run in seeds.values()])
        turns = [run.row["turns"] for run in seeds.values()]
        cells = [len(seeds), f"{seconds.median():.0f}", f"{seconds.sum() / 60:.1f}", _range(turns)]
        rows.append([look_of(seeds).title, *map(str, cells)])
    return _as_html(["variant", "runs", "seconds each, median", "minutes in all", "turns of signs in a run"], rows, 1)


def warnings(runs: Runs) -> list[tuple[str, list[str]]]:
    """What each run warns of, of those that do."""
    found = []
    for variant, seeds in runs.items():
        for seed, run in seeds.items():
            idle = ["Nothing was injected: this run says nothing about the method."] if run.idle else []
            if said := idle + run.warnings:
                found.append((f"{variant}, seed {seed}", said))
    return found


def cautions(results: Results) -> list[tuple[str, list[str]]]:
    """What is to be known of each variant before its last epoch is believed, of those of which something is."""
    groups = groups_of(results)
    said = [(group.variant, list(marks(results, groups, group))) for group in groups]
    return [(variant, found) for variant, found in said if found]


def _table(results: Results, columns: dict[str, str], first: str) -> Table:
    rows = [[title, _values(results.runs, name)] for name, title in columns.items()]
    return _as_html([first, "value"], rows, 2)


def _values(runs: pd.DataFrame, column: str) -> str:
    """One value where all runs that have one agree; else each with its variants."""
    table = runs[["variant", column]].copy()
    table[column] = ["" if pd.isna(value) else str(value) for value in table[column]]
    if column == "sites":  # of two methods, the places of both
        table[column] = [" ".join(dict.fromkeys(value.split())) for value in table[column]]
    table = table[table[column] != ""]
    found = {value: list(dict.fromkeys(rows["variant"])) for value, rows in table.groupby(column, sort=False)}
    if not found:
        return "–"
    everybody = set(runs["variant"])
    if len(found) == 1:
        ((value, variants),) = found.items()
        return value if set(variants) == everybody else f"{value} ({', '.join(variants)})"
    return "; ".join(f"{value} ({', '.join(variants)})" for value, variants in found.items())


def _range(values: list[int]) -> str:
    return str(values[0]) if len(set(values)) == 1 else f"{min(values)} to {max(values)}"


def _as_html(head: list[str], rows: list[list[str]], words: int) -> Table:
    """words: how many columns, from the left, are no numbers."""
    cells: Iterator[list[Markup]] = ([Markup.escape(cell) for cell in row] for row in rows)
    right = [place >= words for place in range(len(head))]
    return Table([Markup.escape(cell) for cell in head], right, list(cells))
