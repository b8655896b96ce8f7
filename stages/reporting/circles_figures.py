"""The figures of the circles study: its points, single runs, spread, what survives, and what the models decide."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from stages.reporting.circles_names import MEASURES, VARIANTS
from stages.reporting.style import COLUMN, GREY, PAGE, figure
from stages.results.statistics import LEVEL

CLASSES = {0: ("Outer circle", "#0072B2"), 1: ("Inner circle", "#D55E00")}
# The points stand out before them.
TINTS = LinearSegmentedColormap.from_list("classes", ["#80B8D8", "#FFFFFF", "#EAAE80"])
SPLITS = {"train": "Train", "test": "Test"}
REPETITIONS = {"seeds": "Seeds,\nthe tutorial's points", "draws": "Draws\nof other points"}
TUTORIAL = {
    "marker": "D",
    "color": GREY,
    "markersize": 3.2,
    "markerfacecolor": "white",
    "linestyle": "",
    "clip_on": False,
    "zorder": 3,
}


def draw_points(points: pd.DataFrame) -> Figure:
    """The tutorial's points: filled to train on, open to test on."""
    drawn = figure(COLUMN, 3.2)
    axes = drawn.subplots()
    _scatter(axes, points, size=3.6)
    _square(axes, 1.25)
    handles = [_entry(title, color=color, marker="o", linestyle="") for title, color in CLASSES.values()]
    for split, fill in (("train", GREY), ("test", "none")):
        title = f"{SPLITS[split]}, {sum(points.split == split)} points"
        handles.append(_entry(title, color=GREY, marker="o", markerfacecolor=fill, linestyle=""))
    drawn.legend(handles=handles, loc="outside lower center", ncols=2)
    return drawn


def draw_run(run: pd.DataFrame, summary: pd.DataFrame) -> Figure:
    """Train and test accuracy of one run of each variant in every epoch, and where the tutorial's run ended."""
    drawn = figure(PAGE, 1.9)
    panels = drawn.subplots(1, len(VARIANTS), sharey=True)
    last = run.epoch.iloc[-1]
    for axes, (variant, (_, title, color)) in zip(panels, VARIANTS.items()):
        axes.plot(run.epoch, run[f"{variant}_train"], color=color, alpha=0.4, linewidth=0.5)
        axes.plot(run.epoch, run[f"{variant}_test"], color=color, linewidth=0.7)
        for split in SPLITS:
            axes.plot(last, _printed(summary, variant, f"{split}_accuracy"), **TUTORIAL)
        axes.set(title=title, xlabel="Epoch", xlim=(0, last))
        axes.xaxis.set_major_locator(MaxNLocator(2, integer=True))
    panels[0].set(ylabel="Accuracy", ylim=(0.4, 1.02))
    handles = [
        _entry("train, with the noise", color=GREY, alpha=0.5, linewidth=1),
        _entry("test, without", color=GREY, linewidth=1.4),
        _entry("end of the tutorial's run", **TUTORIAL),
    ]
    drawn.legend(handles=handles, loc="outside lower center", ncols=3)
    return drawn


def draw_curves(curves: pd.DataFrame) -> Figure:
    """Mean and 10 to 90 % range over seeds of train and test accuracy."""
    drawn = figure(COLUMN, 3.2)
    panels = drawn.subplots(2, sharex=True)
    for axes, (split, title) in zip(panels, SPLITS.items()):
        for variant, curve in curves.groupby("variant", sort=False):
            _, name, color = VARIANTS[variant]
            low, high = curve[f"{split}_low"], curve[f"{split}_high"]
            axes.fill_between(curve.epoch, low, high, color=color, alpha=0.18, linewidth=0)
            axes.plot(curve.epoch, curve[f"{split}_mean"], color=color, label=name)
        axes.set_ylabel(f"{title} accuracy")
    panels[-1].set(xlabel="Epoch", xlim=(0, curves.epoch.max()))
    panels[-1].xaxis.set_major_locator(MaxNLocator(4, integer=True))
    drawn.align_ylabels()
    drawn.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return drawn


def draw_spread(runs: pd.DataFrame, summary: pd.DataFrame, best: float) -> Figure:
    """Every run as a dot, mean and standard deviation below, and below them what the tutorial printed.

    best: the accuracy of the best of all classifiers.
    """
    drawn = figure(PAGE, 3.6)
    grid = drawn.subplots(len(REPETITIONS), len(MEASURES), sharex="col", sharey=True)
    ceiling = {"color": GREY, "linewidth": 0.8, "linestyle": (0, (4, 2))}
    for row, (over, title) in zip(grid, REPETITIONS.items()):
        for axes, measure in zip(row, MEASURES):
            span = np.ptp(runs[measure])
            for place, (variant, (_, _, color)) in enumerate(VARIANTS.items()):
                values = runs[(runs.over == over) & (runs.variant == variant)][measure]
                dots = {"color": color, "alpha": 0.6, "markersize": 2.5, "markeredgewidth": 0}
                axes.plot(values, place - 0.15 + _swarm(values, span), ".", **dots)
                mean = {"fmt": "o", "color": color, "markersize": 2.5, "linewidth": 0.9, "capsize": 1.5}
                axes.errorbar(values.mean(), place + 0.2, xerr=values.std(), **mean)
                if over == "seeds":  # the tutorial's run was one on these points
                    axes.plot(_printed(summary, variant, measure), place + 0.4, **TUTORIAL)
            if measure == "large_accuracy":
                axes.axvline(best, **ceiling)
            axes.tick_params(axis="y", length=0)
        row[0].set_ylabel(title)
    names = [variant.title for variant in VARIANTS.values()]
    grid[0, 0].set(yticks=range(len(VARIANTS)), yticklabels=names, ylim=(len(VARIANTS) - 0.4, -0.5))
    for axes, title in zip(grid[-1], MEASURES.values()):
        axes.set_xlabel(_over_two_lines(title))
        axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    handles = [
        _entry("one run", color=GREY, marker=".", linestyle=""),
        _entry("mean and standard deviation", color=GREY, marker="o", markersize=3),
        _entry("the tutorial's run", **TUTORIAL),
        _entry("best possible", **ceiling),
    ]
    drawn.legend(handles=handles, loc="outside lower center", ncols=4)
    return drawn


def draw_differences(differences: pd.DataFrame, judged: Mapping[tuple[str, str, str, str], bool]) -> Figure:
    """Paired differences with their intervals at `LEVEL`; markers say what the ledger does, see `Study.judged`."""
    measures = [measure for measure in MEASURES if measure in set(differences.measure)]
    pairs = list(dict.fromkeys(zip(differences.variant, differences.against)))
    kinds = {"seeds": ("o", -0.16), "draws": ("s", 0.16)}
    drawn = figure(PAGE, 2.3)
    panels = drawn.subplots(1, len(measures), sharey=True)
    for axes, measure in zip(panels, measures):
        axes.axvline(0, color=GREY, linewidth=0.6)
        for row in differences[differences.measure == measure].itertuples():
            (marker, offset), color = kinds[row.over], VARIANTS[row.variant].color
            place = pairs.index((row.variant, row.against)) + offset
            axes.hlines(place, row.low, row.high, color=color, linewidth=1)
            found = judged.get((row.over, measure, row.variant, row.against))
            # A difference that the ledger is not asked about has a bar for a marker.
            shape = {"marker": "|" if found is None else marker, "markerfacecolor": color if found else "white"}
            axes.plot(row.difference, place, color=color, markersize=3.5, **shape)
        axes.set_xlabel(_over_two_lines("difference in " + MEASURES[measure]))
        axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        axes.tick_params(axis="y", length=0)
    labels = [f"{VARIANTS[variant].title}\n− {_in_sentence(VARIANTS[against].title)}" for variant, against in pairs]
    panels[0].set(yticks=range(len(pairs)), yticklabels=labels, ylim=(len(pairs) - 0.5, -0.5))
    grey = {"color": GREY, "markersize": 3.5}
    handles = [
        _entry(f"over {over}, {100 * LEVEL:g} % interval", marker=marker, **grey) for over, (marker, _) in kinds.items()
    ]
    handles.append(_entry("open: the ledger does not tell it from none", marker="o", markerfacecolor="white", **grey))
    handles.append(_entry("bar: the ledger is not asked", marker="|", **grey))
    drawn.legend(handles=handles, loc="outside lower center", ncols=2)
    return drawn


def draw_decision(maps: Mapping[str, np.ndarray], points: pd.DataFrame) -> Figure:
    """Probability of the inner circle: one run of each variant, and the mean over seeds; the line is one half."""
    drawn = figure(PAGE, 3.35)
    rows = {"run": "One run", "mean": "Mean over seeds"}
    grid = drawn.subplots(len(rows), len(maps["variants"]), sharex=True, sharey=True)
    edge = maps["axis"][[0, -1]]
    for panels, (kind, title) in zip(grid, rows.items()):
        for axes, variant, probability in zip(panels, maps["variants"], maps[kind].astype(float)):
            scale = {"vmin": 0, "vmax": 1, "extent": [*edge, *edge]}
            shown = axes.imshow(probability, TINTS, origin="lower", interpolation="bilinear", **scale)
            axes.contour(maps["axis"], maps["axis"], probability, [0.5], colors="black", linewidths=0.8)
            _scatter(axes, points, size=1.8)
            _square(axes, edge[1])
            if kind == "run":
                axes.set_title(VARIANTS[variant].title)
        panels[0].set_ylabel(title)
    bar = drawn.colorbar(shown, ax=grid, label="Probability of the inner circle", shrink=0.7, aspect=30)
    bar.outline.set_visible(False)
    return drawn


def _entry(label: str, **style) -> Line2D:
    return Line2D([], [], label=label, **style)


def _in_sentence(title: str) -> str:
    return title[0].lower() + title[1:]


def _over_two_lines(words: str) -> str:
    return words.capitalize().replace(", ", ",\n")


def _scatter(axes: Axes, points: pd.DataFrame, size: float) -> None:
    for (label, split), part in points.groupby(["label", "split"]):
        color = CLASSES[label][1]
        fill = color if split == "train" else "none"
        axes.plot(part.x, part.y, "o", color=color, markerfacecolor=fill, markersize=size, markeredgewidth=0.6)


def _square(axes: Axes, half: float) -> None:
    axes.set(aspect="equal", xlim=(-half, half), ylim=(-half, half), xticks=[-1, 0, 1], yticks=[-1, 0, 1])


def _swarm(values: pd.Series, span: float) -> pd.Series:
    """Heights within +- 0.18 that keep dots apart whose values differ by less than a hundredth of the axis' span."""
    bins = (values / (span / 100 or 1)).round()
    rank, size = bins.groupby(bins).cumcount(), bins.groupby(bins).transform("size")
    return (rank - (size - 1) / 2) * np.minimum(0.05, 0.36 / size)


def _printed(summary: pd.DataFrame, variant: str, measure: str) -> float:
    """What the tutorial printed; NaN, which is not drawn, where it printed nothing."""
    row = (summary.over == "seeds") & (summary.variant == variant) & (summary.measure == measure)
    return summary[row].tutorial.iloc[0]
