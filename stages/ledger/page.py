"""reports/claims.md: the verdicts in words, then every line of the ledger as a table, then how they come about."""

from collections.abc import Iterator

import pandas as pd

from stages.ledger.claim import CONTRADICTED, DOES_NOT_HOLD, HOLDS, NOT_RUN, UNDECIDED
from stages.ledger.row_sets import CIRCLES, MAIN, REPEATED, title
from stages.ledger.words import Line, interval, number, row
from stages.results.statistics import FEW, LEVEL

SOURCES = {"paper": "The paper", "tutorial": "The tutorial", "ours": "What holds the ledger to account"}
VERDICTS = (HOLDS, DOES_NOT_HOLD, CONTRADICTED, UNDECIDED, NOT_RUN)
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

"{DOES_NOT_HOLD}" goes by the interval as it is, sentence by sentence: it is not corrected for the family.

Seeds that would decide: with so many there is a verdict, whichever, in 4 of 5 times, were the effect and the spread
those that were seen. Of a ratio, the effect is a factor, the geometric mean over seeds.
[docs/claims.md](../docs/claims.md) says all of it, and how a claim of your own is added."""


def write(lines: pd.DataFrame) -> str:
    """Markdown of the rows of reports/claims.csv (`stages.ledger.lines.COLUMNS`)."""
    parts = (_head(lines), _words(lines), _again(lines), _table(lines), [HOW])
    return "\n".join(line for part in parts for line in part) + "\n"


def _head(lines: pd.DataFrame) -> Iterator[str]:
    yield "# What holds"
    yield ""
    yield "Each sentence that can be decided, by what was run here. `python -m stages.claims` decides them anew from"
    yield "what is committed; each line of the table says with which command its runs are made."
    yield ""
    yield f"{len(lines)} verdicts on {lines['id'].nunique()} sentences: one for each set of runs that decides one."
    yield ""
    counts = pd.crosstab(lines["source"], lines["verdict"]).reindex(columns=list(VERDICTS), fill_value=0)
    yield row("", VERDICTS)
    yield "| --- |" + " ---: |" * len(VERDICTS)
    yield from (row(name, map(str, counts.loc[source])) for source, name in SOURCES.items() if source in counts.index)
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
        said.insert(0, f"{number(line, line['effect'])}{interval(line)}{_printed(line)}")
    if not pd.isna(line["seeds_needed"]):
        said.append(f"{line['seeds_needed']} seeds would decide, were this the effect: {_again_with_more(line)}")
    return "; ".join([", ".join(said), *filter(None, [line["mark"]])])


def _again_with_more(line: Line) -> str:
    seeds = f"circles.{CIRCLES[line['rows']]}" if line["rows"] in CIRCLES else "seeds"
    return f"`{line['command']}` with so many `{seeds}`"


def _printed(line: Line) -> str:
    return "" if pd.isna(line["printed"]) else f" where {number(line, line['printed'])} is printed"


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
    for other, words in ((CONTRADICTED, "are contradicted"), (DOES_NOT_HOLD, "do not hold")):
        apart = [name for name, verdicts in found.items() if {HOLDS, other} <= verdicts]
        yield f"- Hold on some data and {words} on others: {', '.join(apart) or 'none'}."
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
    yield row("", [*head, "seeds needed", "interval over", "mark", "made by"])
    yield "| --- | --- | --- | --- | ---: | --- | ---: | ---: | ---: | ---: | --- | ---: | --- | --- | --- |"
    for line in lines.to_dict("records"):
        there = not pd.isna(line["effect"])
        cells = [
            title(line["rows"]),
            f"{line['ours']} − {line['against']}" if line["against"] else line["ours"],
            line["measure"],
            number(line, line["effect"]) if there else "",
            interval(line).strip() if there else "",
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
        yield row(line["id"], (cell.replace("|", "\\|") for cell in cells))
    yield ""


def _p(value: float | None) -> str:
    if value is None or pd.isna(value):
        return ""
    return "< .0001" if value < 0.0001 else f"{value:.4f}".lstrip("0")
