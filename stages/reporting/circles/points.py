"""Figures of the circles' points: which train and which test, and what the models decide around them."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stages.reporting.circles.marks import SPLITS, entry
from stages.reporting.circles.names import VARIANTS
from stages.reporting.printing import caption
from stages.reporting.style import COLUMN, GREY, INK, PAGE, figure

CLASSES = {0: ("Outer circle", "#0072B2"), 1: ("Inner circle", "#D55E00")}
# The points stand out before them.
TINTS = LinearSegmentedColormap.from_list("classes", ["#80B8D8", "#FFFFFF", "#EAAE80"])


def draw_points(points: pd.DataFrame) -> Figure:
    """The tutorial's points: filled to train on, open to test on."""
    drawn = figure(COLUMN, 3.2)
    axes = drawn.subplots()
    _scatter(axes, points, size=3.6)
    _square(axes, 1.25)
    axes.set(xlabel="x", ylabel="y")
    drawn.legend(handles=_keys(points), loc="outside lower center", ncols=2)
    caption(drawn, f"The tutorial's two circles, n = {len(points)} points of one draw; a marker is a point.")
    return drawn


def draw_decision(maps: Mapping[str, np.ndarray], points: pd.DataFrame, n: int) -> Figure:
    """Probability of the inner circle: one run of each variant, and the mean over n seeds; the line is one half."""
    drawn = figure(PAGE, 3.45)
    rows = {"run": "One run\ny", "mean": "Mean over seeds\ny"}
    grid = drawn.subplots(len(rows), len(maps["variants"]), sharex=True, sharey=True)
    edge = maps["axis"][[0, -1]]
    for panels, (kind, title) in zip(grid, rows.items()):
        for axes, variant, probability in zip(panels, maps["variants"], maps[kind].astype(float)):
            scale = {"vmin": 0, "vmax": 1, "extent": [*edge, *edge]}
            shown = axes.imshow(probability, TINTS, origin="lower", interpolation="none", **scale)
            axes.contour(maps["axis"], maps["axis"], probability, [0.5], colors=INK, linewidths=0.8)
            _scatter(axes, points, size=1.8)
            _square(axes, edge[1])
            axes.set_title(VARIANTS[variant].title if kind == "run" else "")
            axes.set_xlabel("x" if kind == "mean" else "")
        panels[0].set_ylabel(title)
    bar = drawn.colorbar(shown, ax=grid, label="Probability of the inner circle", shrink=0.7, aspect=30)
    bar.outline.set_visible(False)
    drawn.legend(handles=_keys(points), loc="outside lower center", ncols=4)
    caption(
        drawn,
        f"Colours: what the models say, above the first seed's run (n = 1), below the mean over seeds (n = {n}); line: "
        "probability one half. Points: the tutorial's.",
    )
    return drawn


def _keys(points: pd.DataFrame) -> list[Line2D]:
    """What the colours and fillings of the points mean."""
    handles = [entry(title, color=color, marker="o", linestyle="") for title, color in CLASSES.values()]
    for split, fill in (("train", GREY), ("test", "none")):
        title = f"{SPLITS[split]}, {sum(points.split == split)} points"
        handles.append(entry(title, color=GREY, marker="o", markerfacecolor=fill, linestyle=""))
    return handles


def _scatter(axes: Axes, points: pd.DataFrame, size: float) -> None:
    for (label, split), part in points.groupby(["label", "split"]):
        color = CLASSES[label][1]
        fill = color if split == "train" else "none"
        axes.plot(part.x, part.y, "o", color=color, markerfacecolor=fill, markersize=size, markeredgewidth=0.6)


def _square(axes: Axes, half: float) -> None:
    axes.set(aspect="equal", xlim=(-half, half), ylim=(-half, half), xticks=[-1, 0, 1], yticks=[-1, 0, 1])
