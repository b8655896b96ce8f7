"""Which classes are told apart: a confusion matrix for each variant, and the F1 of each class."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stages.reporting.printing import caption
from stages.reporting.runs import Run, Runs, look_of
from stages.reporting.style import COLUMN, GREY, INK, PAGE, SEQUENTIAL, SMALL, figure
from stages.reporting.typesetting import columns, shown, width_of, wrapped
from stages.results.statistics import LEVEL, mean_interval

NARROW = 10  # classes up to which a confusion matrix with numbers fits into one column
NUMBERED = 20  # up to which it fits over the page
NAMED = 40  # up to which the classes are named
CELL = 0.27  # inches: the least side of a cell with a mean and a standard deviation in it
PANEL = 20  # classes below each other in a panel of F1


def figures(runs: Runs) -> Iterator[tuple[str, Figure]]:
    """Yield (file name, figure): confusion-<variant>.png for each variant, and per-class-f1.png."""
    classes = next(iter(next(iter(runs.values())).values())).classes
    for variant, seeds in runs.items():
        shares = confusions(seeds.values(), len(classes))
        images = len(next(iter(seeds.values())).actual)
        yield f"confusion-{variant}.png", draw_confusion(shares, classes, look_of(seeds).title, images)
    yield "per-class-f1.png", draw_per_class(runs, classes)


def confusions(runs: Iterable[Run], classes: int) -> np.ndarray:
    """Confusion on test of each run, (runs, classes, classes): shares of the row, 0..1; NaN in rows without images."""
    shares = []
    for run in runs:
        table = pd.crosstab(run.actual, run.predicted, normalize="index")
        shares.append(table.reindex(columns=range(classes), fill_value=0).reindex(index=range(classes)))
    return np.stack(shares)


def draw_confusion(shares: np.ndarray, classes: Sequence[str], title: str, images: int) -> Figure:
    """Heat map of the mean of shares (runs, classes, classes): rows actual, columns predicted; all on one scale.

    Each cell has its mean and its standard deviation over runs in % where there is room. images: of the test split.
    """
    n, mean = len(shares), shares.mean(axis=0)
    spread = shares.std(axis=0, ddof=1) if n > 1 else None
    names = list(map(shown, classes)) if len(classes) <= NAMED else []
    beside = 0.35 + max(map(width_of, names), default=0)  # inches: names and title of the vertical axis
    narrow = len(classes) <= NARROW and (COLUMN - beside) / len(classes) >= CELL
    width = COLUMN if narrow else PAGE
    cell = min(0.6, (width - beside - 0.1) / len(classes))
    drawn = figure(width, cell * len(classes) + 0.35 + beside)
    axes = drawn.subplots()
    image = axes.imshow(mean, SEQUENTIAL, vmin=0, vmax=1)
    axes.spines[:].set_visible(False)
    axes.set(xlabel="Predicted", ylabel="Actual", title=wrapped(shown(title), max(1.2, cell * len(classes)), 7.5))
    _name(axes.xaxis, names, len(classes), rotation=90)
    _name(axes.yaxis, names, len(classes))
    numbered = len(classes) <= NUMBERED and cell >= CELL
    if numbered:
        for (row, column), share in np.ndenumerate(mean):
            if np.isfinite(share):
                color = "white" if share > 0.45 else INK
                words = f"{100 * share:.0f}" + ("" if spread is None else f"\n±{100 * spread[row, column]:.0f}")
                middle: Any = {"ha": "center", "va": "center", "linespacing": 1.1, "in_layout": False}
                axes.text(column, row, words, size=SMALL, color=color, **middle)
    else:
        bar = drawn.colorbar(image, ax=axes, label="% of the actual class", shrink=0.6, aspect=30)
        bar.set_ticks([0, 0.5, 1], labels=["0", "50", "100"])
        bar.outline.set_visible(False)
    caption(drawn, " ".join(_about(n, images, spread, numbered)))
    return drawn


def _about(n, images, spread, numbered):
    seeds = "one seed, no spread (n = 1)" if n == 1 else f"mean over seeds (n = {n})"
    if spread is not None and numbered:
        seeds += " ± standard deviation"
    elif spread is not None:
        found = 100 * spread[np.isfinite(spread)]
        seeds += f", standard deviation {np.median(found):.1f} points in the median, {found.max():.1f} at most"
    yield f"% of the actual class, {images:,} test images, last epoch: {seeds}."
    yield "Colours: 0 to 100 % in all matrices."


def draw_per_class(runs: Runs, classes: Sequence[str]) -> Figure:
    """A row for each class, a dot for each variant at its mean F1 on test, a line for its t interval over seeds."""
    panels = 1 if len(classes) <= PANEL else 2
    down = -(-len(classes) // panels)
    room = min(0.055 * len(runs) + 0.06, 8 / down)  # inches for a class
    drawn = figure(PAGE if panels > 1 else COLUMN, 0.9 + down * max(room, 0.1 if len(classes) <= NAMED else 0))
    every = drawn.subplots(1, panels, sharex=True, squeeze=False)[0]
    reach = []
    for place, axes in enumerate(every):
        part = range(place * down, min((place + 1) * down, len(classes)))
        for offset, seeds in zip(np.linspace(-0.3, 0.3, len(runs)) if len(runs) > 1 else [0], runs.values()):
            reach.append(_dots(axes, seeds, [classes[label] for label in part], offset, large=room > 0.15))
        rules = {"transform": axes.get_yaxis_transform(), "color": GREY, "alpha": 0.25, "linewidth": 0.4}
        axes.hlines(np.arange(len(part) - 1) + 0.5, 0, 1, **rules)
        axes.set(xlabel="F1 on test, last epoch", ylim=(down - 0.5, -0.5))
        names = [shown(classes[label]) for label in part] if len(classes) <= NAMED else []
        _name(axes.yaxis, names, len(classes))
    every[0].set_xlim(0, min(1.02, 1.05 * max(reach)) or 1)
    handles, labels = every[0].get_legend_handles_labels()
    ncols = columns(labels, drawn.get_figwidth())
    drawn.legend(handles, labels, loc="outside upper left", ncols=ncols)
    sizes = sorted({len(seeds) for seeds in runs.values()})
    n = " to ".join(dict.fromkeys((str(sizes[0]), str(sizes[-1]))))
    bars = f"bars: {LEVEL:.0%} t intervals over seeds, cut at 0 and 1" if sizes[-1] > 1 else "one seed: no intervals"
    caption(drawn, f"Dots: means over seeds (n = {n} of each variant); {bars}.")
    return drawn


def _dots(axes, seeds, classes, offset, large):
    """Draw one variant's dots and bars; returns how far they reach."""
    title, color = look_of(seeds)
    means, furthest = [], 0.0
    for place, name in enumerate(classes):
        # A class that the test split does not hold has no F1, and no dot.
        f1 = [run.values.get(("last", "test", f"f1/{name}"), np.nan) for run in seeds.values()]
        if not np.isfinite(f1).all():
            means.append(np.nan)
            continue
        mean, low, high, _ = mean_interval(f1)
        means.append(mean)
        furthest = max(furthest, mean, min(high or 0, 1))
        if low is not None and high is not None:
            ends = np.clip([low, high], 0, 1)
            axes.hlines(place + offset, *ends, color=color, linewidth=0.7 if large else 0.4, clip_on=False)
    axes.plot(
        means, np.arange(len(classes)) + offset, "o", markersize=3 if large else 1.5, markeredgewidth=0, color=color,
        label=title, clip_on=False,
    )  # fmt: skip
    return furthest


def _name(axis, names, classes, **text):
    """Every class named where there is room, else none but their number."""
    axis.set_tick_params(length=0)
    axis.set_ticks(range(len(names)), names, size=SMALL, **text)
    if not names:
        axis.label.set_text(f"{axis.label.get_text()} (one of {classes} classes)".strip())
