"""What came of a family of sentences, for whoever reads no more: README.md, the page, the end of `make repro`."""

from collections.abc import Iterator, Mapping

import pandas as pd

from stages.ledger.claim import CONTRADICTED, HOLDS, NOT_RUN, UNDECIDED
from stages.ledger.words import Line, interval, number, row
from stages.results.statistics import LEVEL

PRIMARY = "primary"  # the family of the main sentences
NAMES = {"again": "other seeds", "fer2013": "FER2013"}  # of sets of runs; the default run's data set has a title
NOTE = (
    f"In (): the difference that the source prints; in []: the {LEVEL:.0%} interval of ours. †: the runs still moved, "
    f"had just turned their signs, had one schedule or were not made alike; the ledger says which."
)


def table(lines: pd.DataFrame, rows: Mapping[str, str], family: str = PRIMARY) -> Iterator[str]:
    """A table in Markdown of a family's sentences, with their verdicts on some rows ({rows: what they are called})."""
    yield row("", rows.values())
    yield "| --- |" + " --- |" * len(rows)
    for entry in _entries(lines, family):
        first, verdicts = entry[0], {line["rows"]: line for line in entry}
        printed = "" if pd.isna(first["printed"]) else f" ({number(first, first['printed'])})"
        yield row(f"{first['words']}{printed}", (_verdict(verdicts.get(name)) for name in rows))


def answers(lines: pd.DataFrame, rows: Mapping[str, str], family: str = PRIMARY) -> Iterator[tuple[str, str]]:
    """What each method does to the measure, as far as it was run: the comparison, and how much on which rows.

    Of sentences that claim more or less; that two methods are the same says nothing of whether noise helps.
    """
    for entry in _entries(lines, family):
        there = [line for line in entry if line["rows"] in rows and line["verdict"] != NOT_RUN]
        if there and there[0]["kind"] == "superiority" and there[0]["against"]:
            said: dict[str, list[str]] = {}
            for line in there:
                how, much = _outcome(line)
                said.setdefault(how, []).append(f"{much} ({rows[line['rows']]})".strip())
            parts = [f"{how} {', '.join(where)}" for how, where in said.items()]
            yield f"{there[0]['ours']} against {there[0]['against']}", "; ".join(parts)


def _entries(lines: pd.DataFrame, family: str) -> Iterator[list[Line]]:
    for _, entry in lines[lines["family"] == family].groupby("id", sort=False):
        yield entry.to_dict("records")


def _outcome(line: Line) -> tuple[str, str]:
    """What the method does, and by how much: what is beyond chance, else which effects are excluded, if any."""
    measure = " ".join(line["measure"].split()[1:]).replace("_f1", " F1").replace("_", " ")
    none, margin = (1, 1 + line["margin"]) if line["scale"] == "ratio" else (0, line["margin"])
    if line["verdict"] == UNDECIDED:
        return "is undecided", ""
    if line["verdict"] in (HOLDS, CONTRADICTED):
        how = f"{'raises' if line['effect'] > none else 'lowers'} {measure}"
        return (f"{how},", number(line, line["effect"])) if none else (f"{how} by", f"{abs(line['effect']):.3f}")
    bounds = (line["low"] > (1 / margin if none else -margin), line["high"] < margin)
    how = {(True, True): "hardly changes", (False, True): "does not raise", (True, False): "does not lower"}[bounds]
    return f"{how} {measure},", number(line, line["effect"]) + interval(line)


def _verdict(line: Line | None) -> str:
    if line is None or line["verdict"] == NOT_RUN:
        return NOT_RUN
    mark = " †" if line["mark"] else ""
    said = f", {number(line, line['effect'])}{interval(line)}" if not pd.isna(line["effect"]) else ""
    return f"**{line['verdict']}**{said}{mark}"
