"""Figures as parts of the page: inline SVG with their captions, and the contact sheet as a small picture."""

import base64
import re
from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup
from matplotlib.figure import Figure

from stages.reporting import printing, style
from stages.reporting.training_curves import CURVES, FIGURES
from stages.results.inputs import BadInput

SHEET_WIDTH = 1300  # pixels: of a contact sheet on the page
QUALITY = 72  # of its WebP
_DECIMALS = re.compile(r"(\d\.\d\d)\d+")
_GEOMETRY = re.compile(r'\b(?:d|x|y|points|transform|width|height)="[^"]*"')
_ID, _REFERENCE = re.compile(r'\s\bid="([^"]*)"'), re.compile(r"#([\w-]+)")
TITLES = {
    "per-class-f1": "F1 of each class",
    "class-balance": "Images of each class",
    "circles-data": "The tutorial's points",
    "circles-run": "Accuracy of single runs",
    "circles-curves": "Accuracy over seeds",
    "circles-spread": "Every run",
    "circles-differences": "Paired differences",
    "circles-decision": "Decision regions",
    "robustness": "Macro F1 on spoiled pictures",
}
# Light ground and black ink in both schemes: their colours are a scale that ends in white.
ON_PAPER = ("confusion-", "circles-decision")


class Drawing(NamedTuple):
    """caption: what lines, bars, bands and n are. wide: of two columns of print, which a phone has to scroll."""

    name: str
    title: str
    caption: str
    svg: Markup
    wide: bool
    on_paper: bool


def drawing(name: str, drawn: Figure, title: str = "") -> Drawing:
    """A figure under its file's name, which is without its suffix here. To be called within `style.applied()`."""
    title, caption = title or _title(name), str(drawn.get_label())
    # Hundredths of a point are finer than any screen.
    svg = _GEOMETRY.sub(lambda found: _DECIMALS.sub(r"\1", found[0]).replace("\n", ""), printing.svg(drawn))
    svg = svg.replace(": Canvas", ": var(--ground)")  # the browser's own ground is not the page's
    named = set(_REFERENCE.findall(svg))  # what nothing refers to needs no name, and two equal pictures share one
    svg = _ID.sub(lambda found: found[0] if found[1] in named else "", svg)
    label = Markup.escape(f"{title}. {caption}".strip())
    svg = re.sub(r"<svg ", f'<svg role="img" aria-label="{label}" '.replace("\\", r"\\"), svg, count=1)
    wide = drawn.get_figwidth() > 1.2 * style.COLUMN
    return Drawing(name, title, caption, Markup(svg), wide, name.startswith(ON_PAPER))


def drawings(
    exhibits: Mapping[str, str | Figure], names: Iterable[str] | None = None, below: str = "", laid_out: bool = False
) -> list[Drawing]:
    """The figures among the exhibits whose names begin so, or those named, as far as they are there.

    laid_out: they have been saved before, so that no place in them has to be found again, which takes half of the time.
    """
    figures = {
        name.removeprefix(below).removesuffix(".png"): content
        for name, content in exhibits.items()
        if isinstance(content, Figure) and name.startswith(below)
    }
    chosen = [name for name in (figures if names is None else names) if name in figures]
    if laid_out:
        for name in chosen:
            figures[name].set_layout_engine("none")
    return [drawing(name, figures[name]) for name in chosen]


def sheet(path: Path) -> str | None:
    """A picture of pixels as a data URL; None where there is none. Raises BadInput where it is no picture."""
    from PIL import Image  # late: it decodes nothing else here

    if not path.is_file():
        return None
    try:
        with Image.open(path) as image:
            small = image.convert("RGB")
    except OSError as error:
        raise BadInput(f"{path}: not a picture: {error}; the stage pictures writes it") from None
    if small.width > SHEET_WIDTH:
        small = small.resize((SHEET_WIDTH, round(small.height * SHEET_WIDTH / small.width)), Image.Resampling.LANCZOS)
    written = BytesIO()
    small.save(written, "webp", quality=QUALITY, method=6)
    return "data:image/webp;base64," + base64.b64encode(written.getvalue()).decode()


def _title(name: str) -> str:
    for number, measure, *pair in FIGURES:
        if name.startswith(f"figure-{number:02d}-"):
            return f"Figure {number}: {CURVES[measure].title}, {' and '.join(map(style.title, pair))}"
    if name.startswith("confusion-"):
        return f"Confusion, {style.title(name.removeprefix('confusion-'))}"
    return TITLES.get(name, name)
