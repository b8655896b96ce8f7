"""How a line of the ledger is said: its runs, its numbers, a row of a table in Markdown."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from stages.ledger.entries import MAIN

REPEATED = "again"  # the study that is the default run with other seeds
Line = dict[str, Any]  # a row of reports/claims.csv
ROWS = {
    MAIN: "default run",
    REPEATED: "default run, other seeds",
    "circles-seeds": "circles, its own points",
    "circles-draws": "circles, other points",
}


def title(rows: str) -> str:
    """What a set of rows is called."""
    return ROWS.get(rows, f"study {rows}")


def number(line: Line, value: float) -> str:
    if line["kind"] == "identity":
        return f"{value:.0f} cells differ"
    if line["kind"] == "share":
        return f"{value:.0%}"
    if line["scale"] == "ratio":
        return f"× {value:.2f}"
    of_differences = line["kind"] in ("superiority", "equivalence", "noninferiority")
    said = f"{value:+.3f}" if of_differences else f"{value:.3f}"
    return said[1:] if float(said) == 0 and of_differences else said.replace("-", "−")


def interval(line: Line) -> str:
    if line["low"] == line["high"]:  # of cells that differ, or of seeds that do not
        return "" if line["kind"] == "identity" else " in every seed"
    if not pd.isna(line["low"]):
        return f" [{number(line, line['low'])}, {number(line, line['high'])}]"
    return "" if pd.isna(line["sd"]) else f" (standard deviation {line['sd']:.3f})"


def row(first: str, cells: Iterable[str]) -> str:
    return f"| {first} | " + " | ".join(cells) + " |"
