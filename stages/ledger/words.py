"""How a line of the ledger is said: its numbers, a row of a table in Markdown."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

OF_DIFFERENCES = ("superiority", "equivalence", "noninferiority")  # the kinds that compare
Line = dict[str, Any]  # a row of reports/claims.csv


def number(line: Line, value: float) -> str:
    """An effect, or an end of its interval."""
    if line["kind"] == "identity":
        return f"{value:.0f} cells differ"
    if line["kind"] == "share":
        return f"{value:.0%}"
    if line["scale"] == "ratio":
        return f"× {value:.2f}"
    return signed(value) if line["kind"] in OF_DIFFERENCES else f"{value:.3f}"


def signed(value: float) -> str:
    """A difference with its sign and three decimals; what rounds to none has no sign."""
    said = f"{value:+.3f}"
    return said.replace("-", "−") if float(said) else said[1:]


def interval(line: Line) -> str:
    """What stands behind an effect: its interval, or what there is in place of one."""
    if line["low"] == line["high"]:  # of cells that differ, or of seeds that do not
        return "" if line["kind"] == "identity" else " in every seed"
    if not pd.isna(line["low"]):
        return f" [{number(line, line['low'])}, {number(line, line['high'])}]"
    return "" if pd.isna(line["sd"]) else f" (standard deviation {line['sd']:.3f})"


def row(first: str, cells: Iterable[str]) -> str:
    return f"| {first} | " + " | ".join(cells) + " |"
