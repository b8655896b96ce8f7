"""What came of it, at the end of `make repro`: the verdicts in short, and where to look.

Of the paper's main sentences what README.md says of them (`stages.ledger.in_short`), in at most 100 columns.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap

from stages.ending import this_stage
from stages.ledger import in_short
from stages.ledger.lines import COLUMNS
from stages.ledger.row_sets import MAIN
from stages.results.cells import read_table
from stages.results.inputs import read_json

WIDTH = (60, 100)  # columns, least and most
# What is shown of what is there: a command needs nothing but a repository.
PLACES = {
    "reports/index.html": "everything on one page, for a browser",
    "reports/claims.md": "every verdict: with which interval, and what would decide it",
    "reports/table1.md": "Table 1 beside the paper's, every measure",
    "model/model.json": "the best network, plain, and how to load it",
}
COMMANDS = {
    ". .venv/bin/activate": "for the commands that follow",
    "dvc plots show": "curves, confusions and figures",
    "dvc exp run -S interval=5": "the next question; then `dvc plots diff`",
}


def main() -> None:
    """Print it. Raises BadInput where the ledger is missing."""
    this_stage("answer")
    width = min(max(shutil.get_terminal_size().columns, WIDTH[0]), WIDTH[1])
    print(*answer(Path(), width), sep="\n")


def answer(root: Path, width: int) -> Iterator[str]:
    """The lines, of at most so many columns, of what is committed below `root`. Raises BadInput."""
    lines = read_table(root / "reports/claims.csv", COLUMNS, again="`python -m stages.claims` writes it")
    found = [_verdict(row) for row in list(in_short.table(lines, {MAIN: ""}))[2:]]
    yield ""
    if found:
        yield from _verdicts(root, found, width)
        yield ""
    yield "Where to look:"
    shown = {place: words for place, words in PLACES.items() if (root / place).exists()} | COMMANDS
    longest = max(map(len, shown))
    for place, words in shown.items():
        start = f"  {place:<{longest}}  "
        yield from wrap(words, width, initial_indent=start, subsequent_indent=" " * len(start))


def _verdicts(root: Path, found: list[tuple[str, str, str]], width: int) -> Iterator[str]:
    verdicts, effects = (max(len(each[column]) for each in found) for column in (0, 1))
    yield from wrap(f"Does noise in the features help? Macro F1 on test{_of(root)}:", width)
    for verdict, effect, words in found:
        start = f"  {verdict:<{verdicts}}  {effect:<{effects}}  "
        yield from wrap(words, width, initial_indent=start, subsequent_indent=" " * len(start))
    yield from wrap(in_short.NOTE, width, initial_indent="  ", subsequent_indent="  ")


def _verdict(row: str) -> tuple[str, str, str]:
    """A row of the table in Markdown as verdict, effect with its interval and mark, and the sentence."""
    words, said = row.strip("| ").split(" | ")
    verdict, _, effect = re.sub(r"\*\*", "", said).partition(", ")
    return verdict, effect, words


def _of(root: Path) -> str:
    """The data set, where the report has its summary."""
    summary = root / "reports/pictures/data.json"
    return f", {read_json(summary)['title']}" if summary.exists() else ""


if __name__ == "__main__":
    main()
