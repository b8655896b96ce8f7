"""The ledger on the page: its lines as they stand in reports/claims.md, the main ones in short, and the forest plot."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from markupsafe import Markup

from stages.ledger.row_sets import MAIN, SHORT, title
from stages.ledger.words import OF_DIFFERENCES
from stages.reporting.page.markdown import VERDICTS, Part, Table, badge, part, parts
from stages.reporting.page.strips import Panel, Strip, number, panel
from stages.results.cells import read_table

CLAIMS = Path("reports/claims.csv")
UNITS = {"macro_f1": "Differences in macro F1", "accuracy": "Differences in accuracy"}
RATIOS = "Ratios: loss, roughness, number of turns"
WORDS = {  # of one sentence, of several
    "holds": ("holds", "hold"),
    "does not hold": ("does not hold", "do not hold"),
    "contradicted": ("is contradicted", "are contradicted"),
    "undecided": ("is undecided", "are undecided"),
    "not run": ("was not run", "were not run"),
}
EVERY, HOW = "Every line", "How they are decided"  # headings of the ledger's own page


class Line(NamedTuple):
    """row: of claims.csv. cells: of the ledger's page, by the names of its columns. runs, source: in words."""

    row: dict[str, Any]
    cells: dict[str, Markup]
    runs: str
    source: str

    @property
    def finding(self) -> Markup:
        """Effect and interval, with a mark where something is to be known of the runs."""
        if not self.cells["effect"]:
            return Markup()
        words = Markup('<span class="effect">{}</span> {}{}')
        mark = " †" if self.row["mark"] else ""
        return words.format(self.cells["effect"], self.cells["interval"], mark).strip()


class Ledger(NamedTuple):
    """lines: all. how: how verdicts come about. forest: the intervals, a panel for each unit.

    Of the main sentences: answers, what each method does (comparison, effects); primary, each with its lines; short,
    the same as a table, and note, what its signs mean; counts, the verdicts by the default run; names, what their runs
    are called in short.
    """

    lines: list[Line]
    how: Part
    again: Part
    forest: list[Panel]
    answers: list[tuple[str, str]]
    primary: list[list[Line]]
    short: list[Table]
    note: str
    counts: dict[str, int]
    names: dict[str, str]

    @property
    def counted(self) -> list[str]:
        """How many of the main sentences the default run decides in which way: "1 holds", "4 are contradicted"."""
        return [f"{count} {WORDS[verdict][count > 1]}" for verdict, count in self.counts.items()]

    def of(self, rows: str) -> list[Line]:
        """What is decided on some rows."""
        return [line for line in self.lines if line.row["rows"] == rows]


def read(data_set: str, path: Path = CLAIMS) -> Ledger:
    """The ledger; data_set: what the default run's pictures are called. Raises BadInput."""
    from stages.ledger import in_short, page  # late: with them comes pydantic
    from stages.ledger.lines import COLUMNS

    claims = read_table(path, COLUMNS, may_be_empty=True, again="the stage claims writes it")
    if claims.empty:
        return Ledger([], Part(HOW), Part(""), [], [], [], [], "", {}, {MAIN: data_set})
    written = parts(page.write(claims))
    lines = list(_lines(claims, part(written, EVERY).tables, page))
    primary = [line for line in lines if line.row["family"] == in_short.MAIN_FAMILY]
    names = {name: SHORT.get(name, name) for name in dict.fromkeys(line.row["rows"] for line in primary)}
    names |= {MAIN: in_a_sentence(data_set)}
    counts = Counter(line.row["verdict"] for line in primary if line.row["rows"] == MAIN)
    (short,) = parts("\n".join(in_short.table(claims, names)))
    return Ledger(
        lines,
        part(written, HOW),
        part(written, "The same sentence on other runs"),
        list(_forest(lines)),
        list(in_short.answers(claims, names)),
        by_sentence(primary),
        short.tables,
        in_short.NOTE,
        {verdict: counts[verdict] for verdict in VERDICTS if counts[verdict]},
        names,
    )


def in_a_sentence(name: str) -> str:
    """A data set's title behind other words: "drawn faces", and "AffectNet" as it is."""
    return name.lower() if name[1:].islower() else name


def by_sentence(lines: Sequence[Line]) -> list[list[Line]]:
    """The lines of each entry."""
    found: dict[str, list[Line]] = {}
    for line in lines:
        found.setdefault(line.row["id"], []).append(line)
    return list(found.values())


def _lines(claims: pd.DataFrame, tables: Sequence[Table], page) -> Iterator[Line]:
    """Row by row, as the ledger's page has them."""
    (table,) = tables
    names = ["id", *(_column(cell.striptags()) for cell in table.head[1:])]
    for row, cells in zip(claims.to_dict("records"), table.rows, strict=True):
        source = page.SOURCES.get(row["source"], row["source"])
        yield Line(row, dict(zip(names, cells)), title(row["rows"]), source)


def _column(head: str) -> str:
    return "interval" if head.endswith("% interval") else head


def _forest(lines: Sequence[Line]) -> Iterator[Panel]:
    """What can stand on one axis: differences of one unit, and ratios."""
    there = [line for line in lines if not pd.isna(line.row["effect"]) and line.row["kind"] in OF_DIFFERENCES]
    for unit, words in UNITS.items():
        found = [line for line in there if line.row["scale"] != "ratio" and line.row["measure"].endswith(unit)]
        if found:
            yield panel(words, list(_strips(found)), neutral=0)
    found = [line for line in there if line.row["scale"] == "ratio" and line.row["effect"] > 0]
    if found:
        yield panel(RATIOS, list(_strips(found)), neutral=1, log=True)


def _strips(lines: Sequence[Line]) -> Iterator[Strip]:
    """Each sentence above its lines, these in the colour of their verdicts."""
    for sentence in by_sentence(lines):
        head = Markup("<b>{}</b> {}").format(sentence[0].row["id"], sentence[0].row["words"])
        for line in sentence:
            about = Markup('{} <span class="runs">{}, n = {}</span>')
            about = about.format(badge(line.row["verdict"]), line.runs, line.row["n"])
            effect, low, high, printed, margin = (
                number(line.row[name]) for name in ("effect", "low", "high", "printed", "margin")
            )
            assert effect is not None, "a line without an effect has no place"
            kind = line.row["verdict"].replace(" ", "-")
            yield Strip(about, line.finding, effect, low, high, printed, margin, head, kind)
            head = Markup()
