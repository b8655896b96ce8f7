"""A study's results, published: `python -m stages.reporting.study <name>`, the last line of `make study NAME=<name>`.

Reads runs/studies/<name>/tables/ and writes, whole or not at all, reports/studies/<name>/, which no stage owns:
runs.csv, measures.csv, curves.csv, turns.csv, predictions.npz   the study's tables, copied
table.md          a row for each variant and value of the varied parameters
<parameter>.png   for each varied parameter, test macro F1 over its values
"""

import argparse
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from stages.ending import this_stage
from stages.files import new_folder
from stages.reporting import exhibits, study_figure, style
from stages.reporting.groups import Group, by_seed, difference, groups_of
from stages.reporting.measures import LOSS, MEASURES, PAPERS, PRIMARY
from stages.reporting.table1_page import FEW, markdown_row, signed
from stages.results import tables
from stages.results.inputs import BadInput
from stages.results.statistics import LEVEL, Interval, summary

JUDGED = (PRIMARY, PAPERS, LOSS)
NOTES = f"""Means over n seeds with their standard deviation; differences to the baseline of the same seed with their
{LEVEL:.0%} t interval, not corrected for the number of rows: of fewer than {FEW} seeds it decides nothing."""


def main(name: str) -> None:
    """Publish the study. Raises BadInput and OSError."""
    source, target = Path("runs/studies") / name / "tables", Path("reports/studies") / name
    this_stage(f"study {name}")
    try:
        publish(name, source, target)
    except BadInput as error:
        raise BadInput(f"{error}; `make study NAME={name}` runs it") from None
    print(f"{target}/: {', '.join(sorted(path.name for path in target.iterdir()))}")


def publish(name: str, source: Path, target: Path) -> None:
    """Make the target folder of the tables in the source folder. Raises BadInput and OSError, the target untouched."""
    results = tables.read(source)
    with style.applied(), new_folder(target) as folder:
        for file in tables.FILES:
            shutil.copyfile(source / file, folder / file)
        exhibits.write(folder, [("table.md", page(name, results))])
        exhibits.write(folder, study_figure.figures(results))


def page(name: str, results: tables.Results) -> str:
    """The study as a table in Markdown, with what it was run on and how it is run again."""
    groups = groups_of(results)
    return "\n".join([*_head(name, results, groups), *_table(results, groups), "", NOTES]) + "\n"


def _head(name: str, results: tables.Results, groups: list[Group]) -> Iterator[str]:
    machines = _machines(results)
    yield f"# Study {name}"
    yield ""
    yield f"- `make study NAME={name}` makes it"
    yield f"- Data set: {_listed(results.runs['title'])}"
    yield f"- Epochs: {_listed(sorted(set(results.runs['epochs'])))}"
    yield f"- n: {_listed(sorted({len(group.runs) for group in groups}))} seeds for each row"
    yield f"- Hardware: {'; '.join(machines)}"
    if len(machines) > 1:
        yield "- **Not on one machine: of the differences, the machine's own share is unknown.**"
    yield ""


def _machines(results: tables.Results) -> list[str]:
    runs = results.runs
    threads = ["" if pd.isna(number) else f", threads: {number}" for number in runs["threads"]]
    every = zip(runs["hardware"], threads, runs["precision"])
    return list(dict.fromkeys(f"{hardware}{number}, {precision}" for hardware, number, precision in every))


def _table(results: tables.Results, groups: list[Group]) -> Iterator[str]:
    measures = [cell for measure in JUDGED for cell in (MEASURES[measure].title, "difference")]
    yield markdown_row("variant", [*results.varied, "n", *measures])
    yield "| --- |" + " --- |" * len(results.varied) + " ---: |" * (1 + len(measures))
    for group in groups:
        values = [group.values.get(name, "") for name in results.varied]
        yield markdown_row(group.variant, [*values, str(len(group.runs)), *_cells(results, groups, group)])


def _cells(results: tables.Results, groups: list[Group], group: Group) -> Iterator[str]:
    for measure in JUDGED:
        mean, std, _ = summary(by_seed(results, group, measure).values())
        yield f"{mean:.3f}" if std is None else f"{mean:.3f} ± {std:.3f}"
        yield _difference(difference(results, groups, group, measure), len(group.runs))


def _difference(found: Interval | None, n: int) -> str:
    if found is None:
        return "–"
    pairs = "" if found.n == n else f" (n = {found.n})"
    if found.low is None or found.high is None:
        return f"{signed(found.mean)}{pairs}"
    return f"{signed(found.mean)} [{signed(found.low)}, {signed(found.high)}]{pairs}"


def _listed(values: Iterable) -> str:
    return ", ".join(map(str, dict.fromkeys(values)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", help="of the folder in studies/")
    main(parser.parse_args().name)
