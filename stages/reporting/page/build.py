"""reports/index.html: all that the committed tables say, in one file that needs nothing beside it.

Each section is a file in templates/sections/; it says in words what it takes from `Page`. The same tables give the
same bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from stages.reporting import robustness
from stages.reporting.measures import MEASURES, PAPERS, PRIMARY
from stages.reporting.page import chart_data, charts, conditions, ledger, published
from stages.reporting.page.drawings import Drawing, drawings, sheet
from stages.reporting.page.markdown import Part, Table, badge, parts
from stages.reporting.page.strips import Panel, Strip, number, panel
from stages.reporting.runs import Runs, look_of
from stages.results.tables import Results

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"
SHEET = Path("reports/pictures/contact-sheet.png")
SECTIONS = {
    "answer": "The answer",
    "verdicts": "Verdicts",
    "table-1": "Table 1",
    "curves": "Curves",
    "overfitting": "Overfitting",
    "calibration": "Calibration",
    "controls": "Controls",
    "studies": "Studies",
    "circles": "Two circles",
    "data": "Data",
    "conditions": "How it was run",
    "warnings": "Warnings",
}
JUDGED = (PAPERS, PRIMARY)  # the paper's score, and the one to judge by
OVERFITTING = ("train_eval_loss", "test_loss_last", "gap", "peak_to_last")
CALIBRATION = ("test_brier_last", "test_ece_last")
LOOSE = ("figure-", "confusion-", "per-class-f1", "class-balance", "circles-")  # figures that have a place


@dataclass(frozen=True)
class Page:
    """What the templates show. exhibits: text and figures of the report, which are written already, by file names."""

    exhibits: Mapping[str, str | Figure]
    results: Results
    runs: Runs
    title: str
    ledger: ledger.Ledger
    studies: Sequence[published.Study]

    def markdown(self, name: str) -> list[Part]:
        """One of the report's own pages."""
        return parts(str(self.exhibits[name]))

    def figures(self, *names: str) -> list[Drawing]:
        """Figures by name, as far as they are there."""
        return drawings(self.exhibits, names, "figures/", laid_out=True)

    def figures_called(self, *beginnings: str) -> list[Drawing]:
        """Figures whose names begin so."""
        return self.figures(*(name for name in self._names if name.startswith(beginnings)))

    @property
    def other_figures(self) -> list[Drawing]:
        """Those for which no section has a place: a new family is shown without a line here."""
        return self.figures(*(name for name in self._names if not name.startswith(LOOSE)))

    @property
    def _names(self) -> list[str]:
        pictures = [name for name, content in self.exhibits.items() if isinstance(content, Figure)]
        return [name.removeprefix("figures/").removesuffix(".png") for name in pictures]

    @property
    def means(self) -> Table:
        """Table 1, the paper's rows beside ours."""
        return self.table1[0].tables[0]

    @property
    def differences(self) -> Table | None:
        """To the baseline; None where there is one seed, or no other variant."""
        return next(iter(self.table1[1].tables), None) if len(self.table1) > 1 else None

    @cached_property
    def table1(self) -> list[Part]:
        return [found for found in self.markdown("table1.md") if found.title]

    def measured(self, table: Table | None, measures: Sequence[str]) -> Table | None:
        """The rows of some measures."""
        titles = tuple(MEASURES[measure].title for measure in measures)
        found = table.only(lambda label: label.removesuffix(", ours") in titles) if table else None
        return found if found and found.rows else None

    @property
    def training_images(self) -> str | None:
        """Of how many pictures a run is, where that is fewer than were read."""
        column = self.results.runs.get("train.images", pd.Series(dtype=str)).astype(str)
        images = set(column) - {"", "null"}
        return f"{int(images.pop()):,}" if len(images) == 1 else None

    def panels(self, measures: Sequence[str], one_axis: bool = False) -> list[Panel]:
        """The variants' means with their intervals, and what the paper prints where its unit is ours.

        one_axis: the panels share it, as measures of one unit can.
        """
        rows = pd.read_csv(StringIO(str(self.exhibits["table1.csv"])), dtype={"variant": str})
        strips = {measure: self._strips(rows[rows["measure"] == measure], measure) for measure in measures}
        held = [strip for each in strips.values() for strip in each] if one_axis else []
        return [panel(MEASURES[measure].title, each, beside=held) for measure, each in strips.items()]

    def _strips(self, rows: pd.DataFrame, measure: str) -> list[Strip]:
        title = MEASURES[measure].title
        (said,) = self.means.only(lambda label: label == f"{title}, ours").rows
        strips = []
        for seeds, row, words in zip(self.runs.values(), rows.to_dict("records"), said[1:], strict=True):
            look, numbers = look_of(seeds), {name: number(row[name]) for name in ("mean", "low", "high", "paper")}
            printed = None if MEASURES[measure].as_ratio else numbers["paper"]
            color = charts.INK if look.color == "#000000" else look.color
            about = Markup('<b>{}</b> <span class="runs">n = {}</span>').format(look.title, len(seeds))
            mean = numbers["mean"]
            assert mean is not None, "every measure of every variant has a mean"
            strips.append(Strip(about, words, mean, numbers["low"], numbers["high"], printed, color=color))
        return strips

    @property
    def spoiled(self) -> list[tuple[str, list[Part], list[Drawing]]]:
        """Where macro F1 on spoiled pictures was measured: of which runs, page and figure."""
        own = dict(robustness.exhibits(self.results))
        found = [("the default run", parts(str(own["robustness.md"])), drawings(own))] if own else []
        return found + [
            (f"study {study.name}", study.spoiled, study.spoiled_figures) for study in self.studies if study.spoiled
        ]

    @property
    def controls(self) -> published.Study | None:
        return next((study for study in self.studies if study.name == published.CONTROLS), None)

    @property
    def other_studies(self) -> list[published.Study]:
        return [study for study in self.studies if study.name != published.CONTROLS]


def html(exhibits: Mapping[str, str | Figure], results: Results, runs: Runs, title: str) -> str:
    """The page of what the report made of these results; title: of the data set.

    To be called within `style.applied()`, from the root. Raises BadInput for a ledger, a study or a picture that is
    damaged.
    """
    found = ledger.read(title)
    page = Page(exhibits, results, runs, title, found, list(published.read(found)))
    environment = _environment()
    given: dict[str, Any] = {
        "page": page,
        "sections": SECTIONS,
        "charts": charts.charts(runs),
        "curves": chart_data.data(runs),
        "variants": charts.variants(runs),
        "conditions": conditions,
        "sheet": sheet(SHEET),
        "measures": {"judged": JUDGED, "overfitting": OVERFITTING, "calibration": CALIBRATION},
        "css": _file("page.css"),
        "script": _file("page.js"),
        "vega": Markup(_vega()),
    }
    return environment.get_template("index.html").render(given)


def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # late, as all that the page alone needs

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.tests["table"] = lambda content: isinstance(content, Table)
    environment.globals["badge"] = badge
    environment.filters["upper_first"] = lambda text: text[:1].upper() + text[1:]
    environment.filters["lower_first"] = lambda text: text[:1].lower() + text[1:]
    return environment


def _file(name: str) -> Markup:
    return Markup((TEMPLATES / name).read_text(encoding="utf-8"))


@lru_cache
def _vega() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script: the same for one version of vl-convert. Two seconds."""
    import vl_convert

    script = vl_convert.javascript_bundle()  # type: ignore[call-arg]  # its types know no default
    return script.replace("</script", "<\\/script")
