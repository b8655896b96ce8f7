"""A study's results, published: `python -m stages.reporting.study <name>`, the last line of `make study NAME=<name>`.

Reads runs/studies/<name>/tables/ and writes, whole or not at all, reports/studies/<name>/, which no stage owns:
runs.csv and the other tables of `stages.results.tables`
table.md          a row for each variant and value of the varied parameters
<parameter>.png   for each varied parameter, test macro F1 over its values; each figure as .svg too, for papers
robustness.md, robustness.png   of a study on spoiled pictures

Runs of other seeds that stand there already stay, where nothing but their seed differs; else nothing is written, and
`--anew` publishes what was run now alone. `--redraw` runs and reads nothing else: page and figures anew, from the
tables that stand there.
"""

import argparse
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from stages.ending import this_stage
from stages.files import new_folder
from stages.ledger.words import signed
from stages.reporting import exhibits, robustness, study_figure, style
from stages.reporting.groups import Group, by_seed, difference, groups_of
from stages.reporting.marks import marks
from stages.reporting.measures import LOSS, MEASURES, PAPERS, PRIMARY
from stages.reporting.published import with_published
from stages.reporting.table1_page import markdown_row
from stages.results import tables
from stages.results.inputs import BadInput
from stages.results.statistics import FEW, LEVEL, Interval, summary

JUDGED = (PRIMARY, PAPERS, LOSS)
NOTES = f"""Means over n seeds with their standard deviation; differences to the baseline of the same seed with their
{LEVEL:.0%} t interval over seeds, not corrected for the number of rows: of fewer than {FEW} seeds it decides nothing.
What is decided stands in [claims.md](../../claims.md)."""


def main(name: str, anew: bool = False, redraw: bool = False) -> None:
    """Publish the study. Raises BadInput and OSError."""
    source, target = Path("runs/studies") / name / "tables", Path("reports/studies") / name
    this_stage(f"study {name}")
    try:
        results = tables.read(target if redraw else source)
    except BadInput as error:
        raise BadInput(f"{error}; `make study NAME={name}` runs it") from None
    seeds = publish(name, results if anew or redraw else with_published(results, target), target)
    print(f"{target}/: seeds {_listed(seeds)}; {_listed(sorted(path.name for path in target.iterdir()))}")


def publish(name: str, results: tables.Results, target: Path) -> list[int]:
    """Make the target folder of the results; returns their seeds. Raises BadInput and OSError, the target untouched."""
    with style.applied(), new_folder(target) as folder:
        tables.write(folder, results)
        written = tables.read(folder)
        pages: list[tuple[str, str | Figure]] = [("table.md", page(name, written))]
        families = itertools.chain(pages, study_figure.figures(written), robustness.exhibits(written))
        exhibits.write(folder, families, svg=folder)
    return sorted(set(written.runs["seed"]))


def page(name: str, results: tables.Results) -> str:
    """The study in Markdown: its question, what it was run on, a table, and what studies/<name>/notes.md adds."""
    groups, folder = groups_of(results), Path("studies") / name
    parts = [*_head(name, results, groups), *table(results, groups), "", NOTES]
    notes = folder / "notes.md"
    if notes.is_file():
        parts += ["", notes.read_text(encoding="utf-8").strip()]
    return "\n".join(parts) + "\n"


def _question(params: Path) -> Iterator[str]:
    """The comment at the head of a study's params.yaml: its question, its command and what they cost."""
    lines = params.read_text(encoding="utf-8").splitlines() if params.is_file() else []
    for line in itertools.takewhile(lambda line: line.startswith("#"), lines):
        yield line.removeprefix("#").removeprefix(" ").rstrip()
    yield ""


def _head(name: str, results: tables.Results, groups: list[Group]) -> Iterator[str]:
    yield f"# Study {name}"
    yield ""
    yield from _question(Path("studies") / name / "params.yaml")
    yield f"- Data set: {_listed(results.runs['title'])}"
    yield f"- Epochs: {_listed(sorted(set(results.runs['epochs'])))}"
    yield f"- n: {_listed(sorted({len(group.runs) for group in groups}))} seeds for each row"
    yield f"- Hardware: {'; '.join(_machines(results))}"
    seconds = results.runs["seconds"]
    each, whole = f"{seconds.median():.0f} s each (median)", f"{seconds.sum() / 60:.0f} minutes in all"
    yield f"- Trainings: {len(seconds)}, {each}, {whole}"
    yield ""


def _machines(results: tables.Results) -> list[str]:
    runs = results.runs
    threads = ["" if pd.isna(number) else f", threads: {number}" for number in runs["threads"]]
    every = zip(runs["hardware"], threads, runs["precision"])
    return list(dict.fromkeys(f"{hardware}{number}, {precision}" for hardware, number, precision in every))


def table(results: tables.Results, groups: list[Group]) -> Iterator[str]:
    """The lines of a table with a row for each group."""
    measures = [cell for measure in JUDGED for cell in (MEASURES[measure].title, "difference")]
    yield markdown_row("variant", [*results.varied, "n", *measures, "marks"])
    yield "| --- |" + " --- |" * len(results.varied) + " ---: |" * (1 + len(measures)) + " --- |"
    for group in groups:
        values = [group.values.get(name, "") for name in results.varied]
        cells = [str(len(group.runs)), *_cells(results, groups, group), "; ".join(marks(results, groups, group))]
        yield markdown_row(group.variant, [*values, *cells])


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
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--anew", action="store_true", help="without the runs of other seeds that stand there already")
    choice.add_argument("--redraw", action="store_true", help="from the tables that stand there, where nothing was run")
    arguments = parser.parse_args()
    main(arguments.name, arguments.anew, arguments.redraw)
