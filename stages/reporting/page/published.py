"""The studies that stand in reports/studies/, each with its page, its figures and what the ledger says of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from matplotlib.figure import Figure

from stages.reporting import robustness, study_figure
from stages.reporting.page.drawings import Drawing, drawing
from stages.reporting.page.ledger import Ledger, Line
from stages.reporting.page.markdown import Part, parts
from stages.results import tables
from stages.results.inputs import BadInput

FOLDER = Path("reports/studies")
CONTROLS = "controls"  # the study that has a section of its own


class Study(NamedTuple):
    """page: its table.md, whose first part, without a title, is empty. spoiled: its robustness.md, if it has one."""

    name: str
    page: list[Part]
    figures: list[Drawing]
    spoiled: list[Part]
    spoiled_figures: list[Drawing]
    lines: list[Line]


def read(ledger: Ledger, folder: Path = FOLDER) -> Iterator[Study]:
    """Yield every study that is published, by name. Raises BadInput where one is damaged.

    To be called within `style.applied()`.
    """
    for path in sorted(folder.glob("*/runs.csv")):
        name, results = path.parent.name, tables.read(path.parent)
        spoiled = dict(robustness.exhibits(results))
        yield Study(
            name,
            parts(_text(path.with_name("table.md"), name)),
            list(_figures(name, results)),
            parts(str(spoiled["robustness.md"])) if spoiled else [],
            [
                drawing("robustness", drawn, f"Study {name}: macro F1 on spoiled pictures")
                for drawn in spoiled.values()
                if isinstance(drawn, Figure)
            ],
            ledger.of(name),
        )


def _figures(study: str, results: tables.Results) -> Iterator[Drawing]:
    for file, drawn in study_figure.figures(results):
        name = file.removesuffix(".png")
        what = f"over {name}" if name in results.varied else "of the variants"
        yield drawing(name, drawn, f"Study {study}: test macro F1 {what}")


def _text(path: Path, name: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        raise BadInput(f"{path}: missing or no text; `make study NAME={name}` writes it") from None
