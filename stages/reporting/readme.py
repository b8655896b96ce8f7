"""What README.md and docs/ quote, from where it stands: `python -m stages.reporting.readme` writes it anew.

What stands between `<!-- name -->` and `<!-- end of name -->` is made from what is committed:

table 1       a few rows of reports/table1.md
verdicts      what the ledger (reports/claims.csv) says of the paper's main sentences
data sets     the data sets that there are
benchmark     every table of reports/benchmarks/*.json
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import fill
from typing import Any

from stages.datasets.registry import SETS
from stages.files import write_text
from stages.ledger import in_short
from stages.ledger.lines import COLUMNS
from stages.ledger.row_sets import MAIN, SHORT
from stages.reporting.measures import LOSS, MEASURES, PAPERS, PRIMARY
from stages.reporting.style import BASELINE, title
from stages.reporting.table1_page import markdown_row
from stages.results.cells import read_table
from stages.results.inputs import BadInput, read_json

PAGES = ("README.md", "docs/**/*.md")
_PART = re.compile(r"<!-- (?P<name>[^>]+) -->\n(?P<content>.*?)<!-- end of (?P=name) -->", re.DOTALL)
_INTERVAL = re.compile(r" \[[^\]]*\]")
_RATIO = f"relative to {title(BASELINE)}"
# A row of reports/table1.md, and what it is called where the rows above it do not stand.
_ROWS = {
    _RATIO: f"{MEASURES[LOSS].title}, {_RATIO}",
    MEASURES[PAPERS].title: MEASURES[PAPERS].title,
    MEASURES[PRIMARY].title: MEASURES[PRIMARY].title,
}


def main() -> None:
    """Write the parts anew. Raises BadInput where what they are made of is missing."""
    texts = {page: renewed(page.read_text(encoding="utf-8"), Path()) for page in pages(Path())}
    changed = [page for page, text in texts.items() if text != page.read_text(encoding="utf-8")]
    for page in changed:
        write_text(page, texts[page])
    print(f"written anew: {', '.join(map(str, changed)) or 'nothing, all is as it was'}")


def pages(root: Path) -> list[Path]:
    """The pages that may have such parts."""
    return sorted(page for pattern in PAGES for page in root.glob(pattern))


def renewed(text: str, root: Path) -> str:
    """The page with its parts made from the files below `root`. Raises BadInput for what is missing."""

    def part(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in PARTS:
            raise BadInput(f"<!-- {name} -->: no such part; there are {', '.join(PARTS)}")
        content = "\n".join(PARTS[name](root))
        return f"<!-- {name} -->\n\n{content}\n\n<!-- end of {name} -->"

    return _PART.sub(part, text)


def table1(root: Path) -> Iterator[str]:
    """The ratio of train losses, the paper's score and the one to judge by: Table 1, for whoever reads no more."""
    path = root / "reports/table1.md"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise BadInput(f"{path}: missing; `dvc repro` writes it") from None
    first = next((place for place, line in enumerate(lines) if line.startswith("|")), None)
    if first is None:
        raise BadInput(f"{path}: there is no table in it")
    # Intervals are the page's own: here, the table has to fit.
    lines = [_INTERVAL.sub("", line) for line in lines]
    heading, *caption = [line for line in lines[:first] if line]
    yield _wrapped(f"**{heading.lstrip('# ')}.** {' '.join(caption)}")
    yield ""
    yield from lines[first : first + 2]  # the variants, and how the columns are aligned
    for line in lines[first + 2 :]:
        if not line.startswith("|"):
            break
        label, cells = line.strip("| ").split(" | ", 1)
        name, _, whose = label.strip("*").rpartition(", ")
        if name in _ROWS:
            marks = "**" if label.startswith("*") else ""
            yield markdown_row(f"{marks}{_ROWS[name]}, {whose}{marks}", [cells])


def verdicts(root: Path) -> Iterator[str]:
    """The paper's main sentences, as the default run, its repetition and FER2013 decide them."""
    lines = read_table(root / "reports/claims.csv", COLUMNS, again="`python -m stages.claims` writes it")
    rows = {MAIN: "drawn faces"} | SHORT
    yield from (_wrapped(f"- **{compared}** {said}.") for compared, said in in_short.answers(lines, rows))
    yield ""
    yield from in_short.table(lines, rows)
    yield ""
    yield _wrapped(in_short.NOTE)


def data_sets(root: Path) -> Iterator[str]:
    """The data sets, as their readers declare them."""
    yield "| `dataset` | environment variable | crop, px | what is expected there |"
    yield "| --- | --- | ---: | --- |"
    for name, dataset in SETS.items():
        root_of, layout = (f"`{dataset.root}`", f"`{dataset.layout}`") if dataset.external else ("–", "drawn here")
        yield markdown_row(f"`{name}`", [root_of, str(dataset.size), layout])


def benchmark(root: Path) -> Iterator[str]:
    """Every benchmark with a list of results: a row for each, and below it on what it was measured."""
    measured = [(path, read_json(path)) for path in sorted((root / "reports/benchmarks").glob("*.json"))]
    tables = ["\n".join(_results(path.name, report)) for path, report in measured if report.get("results")]
    yield "\n\n".join(tables) or "Nothing has been measured yet."


def _results(name: str, report: dict[str, Any]) -> Iterator[str]:
    rows = report["results"]
    ranges = {f"{column}_range" for column in rows[0]}
    columns = [column for column in rows[0] if column not in ranges]
    yield markdown_row(columns[0], (column.replace("_", " ") for column in columns[1:]))
    yield "| --- |" + " ---: |" * (len(columns) - 1)
    for row in rows:
        first, *cells = (_cell(row, column) for column in columns)
        yield markdown_row(first, cells)
    single = (key for key, value in report.items() if not isinstance(value, list))  # the contenders have rows
    conditions = (f"{key.replace('_', ' ')} {_cell(report, key)}" for key in single)
    yield ""
    yield _wrapped(f"`{name}`: {'; '.join(conditions)}.")


def _wrapped(text: str) -> str:
    indent = "  " if text.startswith("- ") else ""
    # 120 bytes: a sign such as † has three.
    return fill(text, 118, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _cell(row: dict[str, Any], column: str) -> str:
    low_and_high = row.get(f"{column}_range")
    spread = f" ({_number(low_and_high[0])} to {_number(low_and_high[1])})" if low_and_high else ""
    return _number(row.get(column)) + spread


def _number(value: Any) -> str:
    """Three digits of what was measured; whole numbers and names as they are."""
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


PARTS: dict[str, Callable[[Path], Iterator[str]]] = {
    "table 1": table1,
    "verdicts": verdicts,
    "data sets": data_sets,
    "benchmark": benchmark,
}


if __name__ == "__main__":
    main()
