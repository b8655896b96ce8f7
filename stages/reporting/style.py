"""How every figure looks: sizes of a two-column page, type, and one colour for each variant.

A new variant is one entry of `VARIANTS`; tables and figures take their order, titles and colours from here.
"""

from typing import NamedTuple

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

COLUMN, PAGE = 3.3, 6.9  # inches: one column of a two-column page, both columns


class Variant(NamedTuple):
    """Title after the paper's Table 1, colour (Okabe and Ito's colour-blind safe set), and whether it flips signs while training."""

    title: str
    color: str
    injects: bool


VARIANTS = {
    "baseline": Variant("Baseline", "#000000", False),
    "dropout": Variant("+ dropout", "#E69F00", False),
    "periodic": Variant("+ periodic", "#0072B2", True),
    "dynamic": Variant("+ dynamic", "#D55E00", True),
    "dropout-periodic": Variant("+ dropout + periodic", "#009E73", True),
}
BASELINE = "baseline"

GREY = "#666666"  # what is neither data nor a variant: notes, rules, counts
SEQUENTIAL = LinearSegmentedColormap.from_list("shares", ["#FFFFFF", "#56B4E9", "#0072B2", "#00304D"])
DIVERGING = LinearSegmentedColormap.from_list("signed", ["#00507D", "#56B4E9", "#FFFFFF", "#E69F00", "#8A3C00"])

_SETTINGS = {
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
}


def applied():
    """Context manager under which figures are drawn and saved; leaves matplotlib's settings as they were."""
    return matplotlib.rc_context(_SETTINGS)


def figure(width=COLUMN, height=2.2) -> Figure:
    """An empty figure of that many inches, to be drawn on without pyplot's global state."""
    drawn = Figure(figsize=(width, height))
    FigureCanvasAgg(drawn)
    return drawn


def save(drawn: Figure, file):
    """Write PNG to a path or binary file; the same drawing gives the same bytes, so that DVC sees no change where there is none."""
    drawn.savefig(file, format="png", metadata={"Software": None})
