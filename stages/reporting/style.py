"""How every figure looks: sizes of a two-column page, type, one colour for each variant.

A new variant is drawn in a free colour; one entry of `COLORS` makes it its own, and DVC's charts know it
(`python -m stages.reporting.template`).
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

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
SMALL = 6  # points: the smallest type that is printed


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


def applied() -> AbstractContextManager:
    """Context manager under which figures are drawn and saved; leaves matplotlib's settings as they were."""
    return matplotlib.rc_context(_SETTINGS)


def figure(width: float = COLUMN, height: float = 2.2) -> Figure:
    """An empty figure of that many inches, to be drawn on without pyplot's global state."""
    drawn = Figure(figsize=(width, height))
    FigureCanvasAgg(drawn)
    return drawn
