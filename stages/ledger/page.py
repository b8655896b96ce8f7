"""reports/claims.md: the verdicts in words, then every line of the ledger as a table, then how they come about."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from stages.ledger.claim import CONTRADICTED, DOES_NOT_HOLD, HOLDS, NOT_RUN, UNDECIDED
from stages.ledger.entries import MAIN
from stages.results.statistics import FEW, LEVEL

SOURCES = {"paper": "The paper", "tutorial": "The tutorial", "ours": "What holds the ledger to account"}
Line = dict[str, Any]  # a row of reports/claims.csv
VERDICTS = (HOLDS, DOES_NOT_HOLD, CONTRADICTED, UNDECIDED, NOT_RUN)
REPEATED = "again"  # the study that is the default run with other seeds
ROWS = {
    MAIN: "default run",
    REPEATED: "default run, other seeds",
    "circles-seeds": "circles, its own points",
    "circles-draws": "circles, other points",
}

MARKED = "rests on runs that still moved, had just turned their signs or were not made alike: the ledger says which"

HOW = f"""## How they are decided

A seed has its own weights, order of images and training images; the variants of a seed share them, and every comparison
is of pairs. The {LEVEL:.0%} interval is that of the mean over seeds, by t: it covers what other seeds would change and,
where the last weights' predictions on test tell, what other test images would.

- **{HOLDS}**: beyond chance in the claimed direction, corrected for its family (Holm), and at least the margin. Of "the
  same" and "not worse": inside of the margin, beyond chance and so corrected.
- **{DOES_NOT_HOLD}**: the whole interval short of the margin, so that an effect of that size is excluded.
- **{CONTRADICTED}**: as "{HOLDS}", in the other direction. Of "the same" and "not worse": outside of the margin, as
  surely.
- **{UNDECIDED}**: everything else, and everything with fewer than {FEW} seeds.

Seeds that would decide: at the spread that was measured they tell, in 4 of 5 times, an effect of the size of the margin
from none. Of a ratio, the effect is a factor. [docs/claims.md](../docs/claims.md) says all of it, and how a claim of
your own is added."""


def write(lines: pd.DataFrame) -> str:
    """Markdown of the rows of reports/claims.csv (`stages.ledger.lines.COLUMNS`)."""
    parts = (_head(lines), _words(lines), _again(lines), _table(lines), [HOW])
    return "\n".join(line for part in parts for line in part) + "\n"


def in_short(lines: pd.DataFrame, rows: Mapping[str, str], family: str = "primary") -> Iterator[str]:
    """A table in Markdown of a family's sentences, with their verdicts on some rows ({rows: what they are called})."""
    found = lines[lines["family"] == family]
    yield _row("", rows.values())
    yield "| --- |" + " --- |" * len(rows)
    for _, entry in found.groupby("id", sort=False):
        first, verdicts = entry.iloc[0].to_dict(), {line["rows"]: line for line in entry.to_dict("records")}
        printed = "" if pd.isna(first["printed"]) else f" ({_number(first, first['printed'])})"
        yield _row(f"{first['words']}{printed}", (_verdict(verdicts.get(name)) for name in rows))
    yield ""
    yield f"† {MARKED}; numbers are effects with their {LEVEL:.0%} intervals, in brackets as they are printed."


def _verdict(line: Line | None) -> str:
    if line is None or line["verdict"] == NOT_RUN:
        return NOT_RUN
    mark = " †" if line["mark"] else ""
    said = f", {_number(line, line['effect'])}{_interval(line)}" if not pd.isna(line["effect"]) else ""
    return f"**{line['verdict']}**{said}{mark}"


def title(rows: str) -> str:
    """What a set of rows is called."""
    return ROWS.get(rows, f"study {rows}")


def _head(lines: pd.DataFrame) -> Iterator[str]:
    yield "# What holds"
    yield ""
    yield "Each sentence that can be decided, by what was run here. `python -m stages.claims` decides them anew from"
    yield "what is committed; each line of the table says with which command its runs are made."
    yield ""
    counts = pd.crosstab(lines["source"], lines["verdict"]).reindex(columns=list(VERDICTS), fill_value=0)
    yield _row("", VERDICTS)
    yield "| --- |" + " ---: |" * len(VERDICTS)
    yield from (_row(name, map(str, counts.loc[source])) for source, name in SOURCES.items() if source in counts.index)
    yield ""


def _words(lines: pd.DataFrame) -> Iterator[str]:
    for source, name in SOURCES.items():
        found = lines[lines["source"] == source]
        if found.empty:
            continue
        yield from (f"## {name}", "")
        for _, entry in found.groupby("id", sort=False):
            first = entry.iloc[0]
            quote = f'"{first["quote"]}" ' if first["quote"] else ""
            yield f"- {first['id']} ({first['where']}). {quote}Here: {first['words']}."
            yield from (
                f"  - {title(line['rows'])}: **{line['verdict']}**; {_finding(line)}."
                for line in entry.to_dict("records")
            )
        yield ""


def _finding(line: Line) -> str:
    """What was seen, in words: the effect and its interval, or the spread, or why there is none."""
    if line["verdict"] == NOT_RUN:
        return f"`{line['command']}`" + (f" ({line['mark']})" if line["mark"] else "")
    said = [f"{line['n']} {'seed' if line['n'] == 1 else 'seeds'}"]
    if not pd.isna(line["effect"]):
        said.insert(0, f"{_number(line, line['effect'])}{_interval(line)}{_printed(line)}")
    if not pd.isna(line["seeds_needed"]):
        said.append(f"{line['seeds_needed']} seeds would decide at this spread, by `{line['command']}`")
    return "; ".join([", ".join(said), *filter(None, [line["mark"]])])


def _interval(line: Line) -> str:
    if line["low"] == line["high"]:  # of cells that differ
        return ""
    if not pd.isna(line["low"]):
        return f" [{_number(line, line['low'])}, {_number(line, line['high'])}]"
    return "" if pd.isna(line["sd"]) else f" (standard deviation {line['sd']:.3f})"


def _printed(line: Line) -> str:
    return "" if pd.isna(line["printed"]) else f" where {_number(line, line['printed'])} is printed"


def _number(line: Line, value: float) -> str:
    if line["kind"] == "identity":
        return f"{value:.0f} cells differ"
    if line["kind"] == "share":
        return f"{value:.0%}"
    if line["scale"] == "ratio":
        return f"× {value:.2f}"
    of_differences = line["kind"] in ("superiority", "equivalence", "noninferiority")
    return (f"{value:+.3f}" if of_differences else f"{value:.3f}").replace("-", "−")


def _again(lines: pd.DataFrame) -> Iterator[str]:
    """Whether the verdicts hang on the seeds, and on the data."""
    yield from ("## The same sentence on other runs", "")
    verdicts = lines.pivot(index="id", columns="rows", values="verdict").reindex(columns=[MAIN, REPEATED])
    both = verdicts[~verdicts.isin([NOT_RUN]).any(axis=1)].dropna()
    same = int((both[MAIN] == both[REPEATED]).sum())
    torn = [name for name, found in both.iterrows() if {HOLDS, CONTRADICTED} == set(found)]
    yield f"- The default run and its repetition with other seeds: the same verdict on {same} of {len(both)} sentences;"
    yield f"  hold on one and are contradicted on the other: {', '.join(torn) or 'none'}."
    found = lines.groupby("id", sort=False)["verdict"].agg(set)
    apart = [name for name, verdicts in found.items() if {HOLDS, CONTRADICTED} <= verdicts]
    yield f"- Hold on some data and are contradicted on others: {', '.join(apart) or 'none'}."
    yield ""


def _table(lines: pd.DataFrame) -> Iterator[str]:
    yield "## Every line"
    yield ""
    head = (
        "runs",
        "comparison",
        "measure",
        "effect",
        f"{LEVEL:.0%} interval",
        "margin",
        "p",
        "p, Holm",
        "n",
        "verdict",
    )
    yield _row("", [*head, "seeds needed", "interval over", "mark", "made by"])
    yield "| --- | --- | --- | --- | ---: | --- | ---: | ---: | ---: | ---: | --- | ---: | --- | --- | --- |"
    for line in lines.to_dict("records"):
        there = not pd.isna(line["effect"])
        cells = [
            title(line["rows"]),
            f"{line['ours']} − {line['against']}" if line["against"] else line["ours"],
            line["measure"],
            _number(line, line["effect"]) if there else "",
            _interval(line).strip() if there else "",
            "" if pd.isna(line["margin"]) else f"{line['margin']:g}",
            _p(line["p"]),
            _p(line["p_holm"]),
            str(line["n"] or ""),
            line["verdict"],
            "" if pd.isna(line["seeds_needed"]) else str(line["seeds_needed"]),
            line["parts"],
            line["mark"],
            f"`{line['command']}`",
        ]
        yield _row(line["id"], (cell.replace("|", "\\|") for cell in cells))
    yield ""


def _p(value: float | None) -> str:
    if value is None or pd.isna(value):
        return ""
    return "< .0001" if value < 0.0001 else f"{value:.4f}".lstrip("0")


def _row(first: str, cells: Iterable[str]) -> str:
    return f"| {first} | " + " | ".join(cells) + " |"
