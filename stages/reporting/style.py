"""How every figure looks: sizes of a two-column page, type, one colour for each variant; and its caption and files.

A new variant is drawn in a free colour; one entry of `COLORS` makes it its own, and DVC's charts know it
(`python -m stages.reporting.template`).
"""

import math
import re
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from io import StringIO
from typing import Any, BinaryIO, NamedTuple

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.textpath import text_to_path
from matplotlib.transforms import Bbox, offset_copy

from stages.reporting.inline_svg import inline

COLUMN, PAGE = 3.3, 6.9  # inches: one column of a two-column page, both columns


class Look(NamedTuple):
    """A variant's title, after the paper's Table 1, and its colour."""

    title: str
    color: str


BASELINE = "baseline"
# Okabe and Ito's colour-blind safe set, and, for variants that have no entry, what is left of it, darkened to be seen.
COLORS = {
    BASELINE: "#000000",
    "dropout": "#E69F00",
    "periodic": "#0072B2",
    "dynamic": "#D55E00",
    "dropout-periodic": "#009E73",
    "gaussian": "#CC79A7",
}
FREE = ("#56B4E9", "#B8A800", "#7B4B94", "#8A5A2B", "#7F7F7F")

PAPER = "#FFFFFE"  # the ground seen through an open marker, the page's own: not white, which is a colour on data
INK = "#1A1A1A"  # on data that have a colour of their own, on any page: pure black turns with the page's scheme
GREY = "#666666"  # what is neither data nor a variant: notes, rules, counts
SHADES = ("#FFFFFF", "#56B4E9", "#0072B2", "#00304D")  # of shares, from none to all
SEQUENTIAL = LinearSegmentedColormap.from_list("shares", SHADES)
DIVERGING = LinearSegmentedColormap.from_list("signed", ["#00507D", "#56B4E9", "#FFFFFF", "#E69F00", "#8A3C00"])

_SETTINGS: Any = {
    "figure.dpi": 250,
    "savefig.dpi": 250,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.h_pad": 0.03,
    "figure.constrained_layout.w_pad": 0.03,
    "font.family": "DejaVu Sans",  # ships with matplotlib: the same picture on every machine
    "font.size": 7,
    "axes.titlesize": 7.5,
    "axes.titlelocation": "left",
    "axes.labelsize": 7,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 1.4,
    "legend.handletextpad": 0.5,
    "legend.columnspacing": 1.2,
    "legend.borderpad": 0.2,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.2,
    "lines.solid_capstyle": "round",
    "svg.hashsalt": "figures",
    "axes.unicode_minus": True,
    "text.parse_math": False,  # names of classes are text, whatever stands in them: `$x^$` is no formula
}
_UNDATED: Any = {"Date": None, "Creator": None}
CAPTION = "caption"  # the artist's id, in SVG the group's
SMALL = 6  # points: the smallest type that is printed
CAPTION_EDGE = 0.04  # inches around the caption
ENTRY = 0.36  # inches that an entry of a legend takes beside its words
LONGEST = 32  # characters of a name that a figure has room for


def looks(variants: Iterable[str]) -> dict[str, Look]:
    """`{variant: Look}`, in the order given: known variants in their colours, others in the next one that is free."""
    variants = list(variants)
    unknown = [variant for variant in variants if variant not in COLORS]
    colors = COLORS | {variant: FREE[place % len(FREE)] for place, variant in enumerate(unknown)}
    return {variant: Look(title(variant), colors[variant]) for variant in variants}


def title(variant: str) -> str:
    """Baseline, "+ dropout", and "+ dropout + periodic" where the name is made of those of known variants."""
    if variant == BASELINE:
        return "Baseline"
    parts = variant.split("-")
    return "+ " + (" + ".join(parts) if set(parts) <= set(COLORS) else variant)


def shown(name: str) -> str:
    """The name of a class as a figure can draw it: in one line, without its middle where it is long, and with the code
    (`\\u732b`) of what the font has no glyph for."""
    glyphs = get_font(findfont("DejaVu Sans")).get_charmap()
    escaped = "".join(
        char if char.isprintable() and ord(char) in glyphs else char.encode("unicode_escape").decode() for char in name
    )
    half = LONGEST // 2
    return escaped if len(escaped) <= LONGEST else f"{escaped[:half]}…{escaped[1 - half :]}"


def width_of(words: str, size: float = SMALL) -> float:
    """Inches that a line of type takes, size in points."""
    return (
        text_to_path.get_text_width_height_descent(words, FontProperties(family="DejaVu Sans", size=size), False)[0]
        / 72
    )


def wrapped(text: str, width: float, size: float = SMALL) -> str:
    """The text in lines of at most so many inches, or of one word; "n = 6" is one."""
    lines: list[str] = []
    for word in re.split(r"(?<!=) +(?!=)", text):
        longer = f"{lines[-1]} {word}" if lines else word
        lines[-1:] = [longer] if not lines or width_of(longer, size) <= width else [lines[-1], word]
    return "\n".join(lines)


def columns(labels: Sequence[str], width: float, most: int = 5) -> int:
    """In how many columns the entries of a legend fit into so many inches; at least one.

    Matplotlib fills a column before it begins the next, and makes each as wide as its widest entry.
    """
    widths = [max(width_of(line, 7) for line in label.split("\n")) + ENTRY for label in labels]
    for number in range(min(most, len(widths)), 1, -1):
        long, longer = divmod(len(widths), number)
        ends = np.cumsum([long + (place < longer) for place in range(number)])
        if sum(max(each) for each in np.split(widths, ends[:-1])) <= width:
            return number
    return 1


def applied() -> AbstractContextManager:
    """Context manager under which figures are drawn and saved; leaves matplotlib's settings as they were."""
    return matplotlib.rc_context(_SETTINGS)


def figure(width: float = COLUMN, height: float = 2.2) -> Figure:
    """An empty figure of that many inches, to be drawn on without pyplot's global state."""
    drawn = Figure(figsize=(width, height))
    FigureCanvasAgg(drawn)
    return drawn


def caption(drawn: Figure, text: str) -> None:
    """Say under the figure what its lines, bars, bands and n are; `drawn.get_label()` gives the text back.

    The words stand below the figure's own area, which they neither move nor shrink; `save` and `save_svg` print them.
    """
    drawn.set_label(text)
    for old in _captions(drawn):
        old.remove()
    lines = wrapped(text, 0.97 * drawn.get_figwidth() - 2 * CAPTION_EDGE)  # rendered type is wider, by a hair
    below = offset_copy(drawn.transFigure, drawn, CAPTION_EDGE, -CAPTION_EDGE)
    drawn.text(
        0, 0, lines, transform=below, va="top", color=GREY,
        fontsize=SMALL, linespacing=1.25, gid=CAPTION, in_layout=False,
    )  # fmt: skip


def printed(drawn: Figure) -> Bbox:
    """What is printed of a figure, in inches from its lower left corner: its own area, and its caption below that."""
    bottom = 0.0
    for words in _captions(drawn):
        bottom = words.get_window_extent().y0 / drawn.dpi - CAPTION_EDGE
    # Whole pixels, so that the figure above is drawn as without the caption.
    bottom = math.floor(bottom * drawn.dpi) / drawn.dpi
    return Bbox.from_extents(0, bottom, *drawn.get_size_inches())


def _captions(drawn: Figure) -> list[Artist]:
    return [words for words in drawn.texts if words.get_gid() == CAPTION]


def save(drawn: Figure, file: BinaryIO) -> None:
    """Write PNG; the same drawing gives the same bytes, so that DVC sees no change where there is none."""
    _print(drawn, file, format="png", metadata={"Software": None})


def save_svg(drawn: Figure, file: BinaryIO) -> None:
    """Write SVG for a paper: the PNG's picture on white, its text as paths, which need no font; deterministic too."""
    _print(drawn, file, format="svg", metadata=_UNDATED)


def _print(drawn, file, **how):
    _settle(drawn)
    drawn.savefig(file, bbox_inches=printed(drawn), **how)


def _settle(drawn):
    """Give all its place, once for all files: legends outside of the axes would else move below the caption."""
    if engine := drawn.get_layout_engine():
        engine.execute(drawn)
        drawn.set_layout_engine("none")
    for legend in drawn.legends:
        legend.set_bbox_to_anchor((0, 0, 1, 1), drawn.transFigure)


def svg(drawn: Figure) -> str:
    """The figure without its printed caption as an element for an HTML page; its text is text, its ground transparent.

    Black ink takes the page's colour of text; see `inline`. Deterministic.
    """
    _settle(drawn)
    written = StringIO()
    captions = _captions(drawn)
    for words in captions:
        words.set_visible(False)
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        drawn.savefig(written, format="svg", metadata=_UNDATED, transparent=True)
    for words in captions:
        words.set_visible(True)
    return inline(written.getvalue(), PAPER)
