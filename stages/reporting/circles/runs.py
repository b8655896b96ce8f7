"""Figures of the circles' runs over epochs: one of each variant, the mean of all, and the spread at their end."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from stages.reporting.circles.marks import SPLITS, entry, over_two_lines
from stages.reporting.circles.names import MEASURES, VARIANTS
from stages.reporting.printing import caption
from stages.reporting.style import GREY, PAGE, PAPER, figure

REPETITIONS = {"seeds": "Tutorial's points,\nseeds", "draws": "Other points,\ndraws"}
POINTS = 100  # of a line over epochs at most: no print shows more
DASHED: dict[str, Any] = {"linewidth": 0.8, "linestyle": (0, (4, 2))}
TUTORIAL = {
    "marker": "D",
    "color": GREY,
    "markersize": 3.2,
    "markerfacecolor": PAPER,
    "linestyle": "",
    "clip_on": False,
    "zorder": 3,
}


def draw_run(run: pd.DataFrame, summary: pd.DataFrame) -> Figure:
    """Train and test accuracy of one run of each variant, smoothed, and where the tutorial's run ended."""
    drawn = figure(PAGE, 1.9)
    panels = drawn.subplots(1, len(VARIANTS), sharey=True)
    last, length = run.epoch.iloc[-1], max(1, len(run) // POINTS)
    smooth = run.groupby(np.arange(len(run)) // length).mean()
    for axes, (variant, (_, title, color)) in zip(panels, VARIANTS.items()):
        axes.plot(smooth.epoch, smooth[f"{variant}_train"], color=color, alpha=0.45, linewidth=0.8, clip_on=False)
        axes.plot(smooth.epoch, smooth[f"{variant}_test"], color=color, linewidth=1.2, clip_on=False)
        for split in SPLITS:
            axes.plot(last, _printed(summary, variant, f"{split}_accuracy"), **TUTORIAL)
        axes.set(title=title, xlabel="Epoch", xlim=(1, last))
        axes.set_xticks(_epochs(last))
    panels[0].set(ylabel="Accuracy", ylim=(0.4, 1.02))
    handles = [
        entry("train, with the noise", color=GREY, alpha=0.6, linewidth=0.8),
        entry("test, without", color=GREY, linewidth=1.4),
        entry("end of the tutorial's run", **TUTORIAL),
    ]
    drawn.legend(handles=handles, loc="outside lower center", ncols=3)
    caption(
        drawn,
        f"The first seed's run of each variant (n = 1); lines: means of {length} epochs each: single epochs jump. "
        "Of the variant without a diamond the tutorial printed nothing.",
    )
    return drawn


def draw_curves(curves: pd.DataFrame, n: int) -> Figure:
    """Mean and 10 to 90 % range over n seeds of train and test accuracy; a column for each variant."""
    drawn = figure(PAGE, 2.9)
    grid = drawn.subplots(len(SPLITS), len(VARIANTS), sharex=True, sharey=True)
    last, plain = curves.epoch.max(), next(iter(VARIANTS))
    step = -(-sum(curves.variant == plain) // POINTS)
    thinned = curves.groupby("variant", sort=False).nth(slice(step - 1, None, step))
    reference = thinned[thinned.variant == plain]
    for row, (split, words) in zip(grid, SPLITS.items()):
        for axes, (variant, (_, title, color)) in zip(row, VARIANTS.items()):
            curve = thinned[thinned.variant == variant]
            low, high = curve[f"{split}_low"], curve[f"{split}_high"]
            axes.fill_between(curve.epoch, low, high, color=color, alpha=0.22, linewidth=0, clip_on=False)
            axes.plot(curve.epoch, curve[f"{split}_mean"], color=color, clip_on=False)
            if variant != plain:
                axes.plot(reference.epoch, reference[f"{split}_mean"], color=GREY, clip_on=False, **DASHED)
            if split == "train":
                axes.set_title(title)
        row[0].set_ylabel(f"{words} accuracy")
    grid[0, 0].set(xlim=(1, last), ylim=(0.4, 1.02))
    for axes in grid[-1]:
        axes.set(xlabel="Epoch", xticks=_epochs(last))
    caption(
        drawn,
        f"Lines: means over seeds (n = {n}) on the tutorial's points; bands: from the 10 % to the 90 % quantile of the "
        "seeds; dashed: the mean without noise. Train accuracy is read with the noise, test accuracy without.",
    )
    return drawn


def draw_spread(runs: pd.DataFrame, summary: pd.DataFrame, best: float) -> Figure:
    """Every run as a dot, mean and standard deviation below, and below them what the tutorial printed.

    best: the accuracy of the best of all classifiers.
    """
    drawn = figure(PAGE, 3.6)
    grid = drawn.subplots(len(REPETITIONS), len(MEASURES), sharex="col", sharey=True)
    for row, (over, title) in zip(grid, REPETITIONS.items()):
        for axes, measure in zip(row, MEASURES):
            span = np.ptp(runs[measure])
            for place, (variant, (_, _, color)) in enumerate(VARIANTS.items()):
                values = runs[(runs.over == over) & (runs.variant == variant)][measure]
                dots = {"color": color, "alpha": 0.6, "markersize": 2.5, "markeredgewidth": 0, "clip_on": False}
                axes.plot(values, place - 0.15 + _swarm(values, span), ".", **dots)
                mean = {"fmt": "o", "color": color, "markersize": 2.5, "linewidth": 0.9, "capsize": 1.5}
                bars = axes.errorbar(values.mean(), place + 0.2, xerr=_within(values, measure), **mean)
                for artist in bars.get_children():
                    artist.set_clip_on(False)
                if over == "seeds":  # the tutorial's run was one on these points
                    axes.plot(_printed(summary, variant, measure), place + 0.4, **TUTORIAL)
            if measure == "large_accuracy":
                axes.axvline(best, color=GREY, **DASHED)
            axes.tick_params(axis="y", length=0)
        n = runs[runs.over == over].seed.nunique()
        row[0].set_ylabel(f"{title} (n = {n})")
    names = [variant.title for variant in VARIANTS.values()]
    grid[0, 0].set(yticks=range(len(VARIANTS)), yticklabels=names, ylim=(len(VARIANTS) - 0.4, -0.5))
    for axes, title in zip(grid[-1], MEASURES.values()):
        axes.set_xlabel(over_two_lines(title))
        axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    handles = [
        entry("one run", color=GREY, marker=".", linestyle=""),
        entry("mean and standard deviation", color=GREY, marker="o", markersize=3),
        entry("the tutorial's run", **TUTORIAL),
        entry("best possible", color=GREY, **DASHED),
    ]
    drawn.legend(handles=handles, loc="outside lower center", ncols=4)
    caption(
        drawn,
        "Small dots: runs; larger dots and bars: their mean and standard deviation over n, cut where the measure ends "
        f"(accuracy at 1). Best possible: {best:.3f}, what the true densities allow. Cross-entropy in nats per point.",
    )
    return drawn


def _epochs(last: int) -> list[int]:
    """The first and the last epoch, and the middle between."""
    return [1, last // 2, last] if last > 2 else list(range(1, last + 1))


def _within(values: pd.Series, measure: str) -> list[list[float]]:
    """Standard deviation below and above the mean, as far as the measure goes: loss from 0, accuracy from 0 to 1."""
    mean, reach = values.mean(), values.std()
    return [[min(reach, mean)], [min(reach, 1 - mean) if measure.endswith("accuracy") else reach]]


def _swarm(values: pd.Series, span: float) -> pd.Series:
    """Heights within +- 0.18 that keep dots apart whose values differ by less than a hundredth of the axis' span."""
    bins = (values / (span / 100 or 1)).round()
    rank, size = bins.groupby(bins).cumcount(), bins.groupby(bins).transform("size")
    return (rank - (size - 1) / 2) * np.minimum(0.05, 0.36 / size)


def _printed(summary: pd.DataFrame, variant: str, measure: str) -> float:
    """What the tutorial printed; NaN, which is not drawn, where it printed nothing."""
    row = (summary.over == "seeds") & (summary.variant == variant) & (summary.measure == measure)
    return summary[row].tutorial.iloc[0]
