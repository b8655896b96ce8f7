"""A figure's caption, and its files: PNG for DVC, SVG for papers, and an element for the HTML page."""

import math
from io import StringIO
from typing import Any, BinaryIO

import matplotlib
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox, offset_copy

from stages.reporting.inline_svg import inline
from stages.reporting.style import GREY, PAPER, SMALL
from stages.reporting.typesetting import wrapped

_UNDATED: Any = {"Date": None, "Creator": None}
CAPTION = "caption"  # the artist's id, in SVG the group's
CAPTION_EDGE = 0.04  # inches around the caption


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
