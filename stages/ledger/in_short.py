"""What came of the main sentences, for whoever reads no more: README.md, the page, the end of `make repro`."""

from collections.abc import Iterator, Mapping

import pandas as pd

from stages.ledger.claim import CONTRADICTED, HOLDS, NOT_RUN, UNDECIDED
from stages.ledger.words import Line, interval, number, row
from stages.results.statistics import LEVEL

MAIN_FAMILY = "primary"
WEIGHTS = ("best", "last")
NOTE = (
    f"In () behind a sentence: the source's own difference; in []: the {LEVEL:.0%} interval of ours. †: the ledger "
    "says what is to be known of the runs, as that they still moved."
)


def table(lines: pd.DataFrame, rows: Mapping[str, str]) -> Iterator[str]:
    """A table in Markdown of the sentences, with their verdicts on some rows ({rows: what they are called}).

    Nothing where there is no main family.
    """
    for place, entry in enumerate(_entries(lines)):
        if place == 0:
            yield row("", rows.values())
            yield "| --- |" + " --- |" * len(rows)
        first, verdicts = entry[0], {line["rows"]: line for line in entry}
        printed = "" if pd.isna(first["printed"]) else f" ({number(first, first['printed'])})"
        yield row(f"{first['words']}{printed}", (_verdict(verdicts.get(name)) for name in rows))


def answers(lines: pd.DataFrame, rows: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What each method does to the measure, as far as it was run: the comparison, and how much on which rows.

    Of sentences that claim more or less; that two methods are the same says nothing of whether noise helps.
    """
    for entry in _entries(lines):
        there = [line for line in entry if line["rows"] in rows and line["verdict"] != NOT_RUN]
        if there and there[0]["kind"] == "superiority" and there[0]["against"]:
            said: dict[str, list[str]] = {}
            for line in there:
                how, much = _outcome(line)
                said.setdefault(how, []).append(f"{much} ({rows[line['rows']]})".strip())
            parts = [f"{how} {', '.join(where)}" for how, where in said.items()]
            yield f"{there[0]['ours']} against {there[0]['against']}", "; ".join(parts)


def _entries(lines: pd.DataFrame) -> Iterator[list[Line]]:
    for _, entry in lines[lines["family"] == MAIN_FAMILY].groupby("id", sort=False):
        yield entry.to_dict("records")


def _outcome(line: Line) -> tuple[str, str]:
    """What the method does, and by how much: what is beyond chance, else which effects are excluded, if any."""
    measure, ratio = _measure(line["measure"]), line["scale"] == "ratio"
    if line["verdict"] == UNDECIDED:
        return "is undecided", ""
    if line["verdict"] in (HOLDS, CONTRADICTED):
        how = f"{'raises' if line['effect'] > ratio else 'lowers'} {measure}"
        return (f"{how},", number(line, line["effect"])) if ratio else (f"{how} by", f"{abs(line['effect']):.3f}")
    least = f"a factor of {1 + line['margin']:g}" if ratio else f"{line['margin']:g}"
    above, below = (1 + line["margin"], 1 / (1 + line["margin"])) if ratio else (line["margin"], -line["margin"])
    # Equal to the margin are numbers that were rounded to it when they were written.
    no_more, no_less = line["high"] <= above, line["low"] >= below
    how = "changes" if no_more and no_less else "does not raise" if no_more else "does not lower"
    return f"{how} {measure} by {'less than ' * (no_more and no_less)}{least},", _seen(line)


def _measure(name: str) -> str:
    """`last test macro_f1` is "test macro F1"."""
    first, *rest = name.split(" ")
    return (" ".join(rest) if first in WEIGHTS and rest else name).replace("_f1", " F1").replace("_", " ")


def _seen(line: Line) -> str:
    return number(line, line["effect"]) + interval(line)


def _verdict(line: Line | None) -> str:
    if line is None or line["verdict"] == NOT_RUN:
        return NOT_RUN
    said = "" if pd.isna(line["effect"]) else f", {_seen(line)}"
    return f"**{line['verdict']}**{said}{' †' * bool(line['mark'])}"
