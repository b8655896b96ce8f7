"""Which classes are told apart: a confusion matrix for each variant, and the F1 of each class."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stages.reporting.runs import Run, Runs, look_of
from stages.reporting.style import GREY, SEQUENTIAL, figure, shown

LABELLED = 20  # classes up to which cells and ticks can carry text at column width


def figures(runs: Runs) -> Iterator[tuple[str, Figure]]:
    """Yield (file name, figure): confusion-<variant>.png for each variant, and per-class-f1.png."""
    classes = next(iter(next(iter(runs.values())).values())).classes
    for variant, seeds in runs.items():
        shares = mean_confusion(seeds.values(), len(classes))
        yield f"confusion-{variant}.png", draw_confusion(shares, classes, look_of(seeds).title)
    yield "per-class-f1.png", draw_per_class(runs, classes)


def mean_confusion(runs: Iterable[Run], classes: int) -> np.ndarray:
    """Confusion on test normalised by row, mean over runs: (classes, classes), in 0..1; NaN in rows without images."""
    shares = []
    for run in runs:
        table = pd.crosstab(run.actual, run.predicted, normalize="index")
        shares.append(table.reindex(columns=range(classes), fill_value=0).reindex(index=range(classes)))
    return np.mean(shares, axis=0)


def draw_confusion(shares: np.ndarray, classes: Sequence[str], title: str) -> Figure:
    """Heat map of shares (classes, classes): rows actual, columns predicted."""
    drawn = figure(height=3.0)
    axes = drawn.subplots()
    axes.imshow(shares, SEQUENTIAL, vmin=0, vmax=1)
    axes.spines[:].set_visible(False)
    axes.set(xlabel="Predicted, % of the actual class", ylabel="Actual", title=title)
    _class_ticks(axes.xaxis, classes, rotation=45, ha="right", rotation_mode="anchor")
    _class_ticks(axes.yaxis, classes)
    if len(classes) <= LABELLED:
        size = 7 if len(classes) <= 10 else 4.5
        for (row, column), share in np.ndenumerate(shares):
            if np.isfinite(share):
                color = "white" if share > 0.45 else "black"
                axes.text(column, row, f"{100 * share:.0f}", size=size, color=color, ha="center", va="center")
    return drawn


def draw_per_class(runs: Runs, classes: Sequence[str]) -> Figure:
    """A row for each class, a dot for each variant at its mean F1 on test, a line from lowest seed to highest."""
    drawn = figure(height=0.6 + min(6, 0.26 * len(classes)))
    axes = drawn.subplots()
    offsets = np.linspace(-0.28, 0.28, len(runs))
    for offset, seeds in zip(offsets, runs.values()):
        title, color = look_of(seeds)
        # A class that the test split does not hold has no F1, and no dot.
        each = [[run.values.get(("last", "test", f"f1/{name}"), np.nan) for name in classes] for run in seeds.values()]
        f1, place = np.array(each, float), np.arange(len(classes)) + offset
        axes.hlines(place, f1.min(axis=0), f1.max(axis=0), color=color, linewidth=0.7)
        axes.plot(
            f1.mean(axis=0), place, "o", markersize=3 if len(classes) <= 2 * LABELLED else 1, markeredgewidth=0,
            color=color, label=title, clip_on=False,
        )  # fmt: skip
    axes.hlines(
        np.arange(len(classes) - 1) + 0.5,
        0,
        1,
        transform=axes.get_yaxis_transform(),
        color=GREY,
        alpha=0.25,
        linewidth=0.4,
    )
    axes.set(xlabel="F1 on test", xlim=(0, None), ylim=(len(classes) - 0.5, -0.5))
    _class_ticks(axes.yaxis, classes)
    axes.tick_params(axis="y", length=0)
    drawn.legend(loc="outside upper left", ncols=3, labelcolor="linecolor", handletextpad=0, columnspacing=1)
    return drawn


def _class_ticks(axis, classes, **text):
    """Every class named where there is room, else none but the count."""
    axis.set_tick_params(length=0)
    if len(classes) <= 2 * LABELLED:
        axis.set_ticks(
            range(len(classes)), map(shown, classes), **text, **({"size": 4.5} if len(classes) > LABELLED else {})
        )
    else:
        axis.set_ticks([])
        axis.label.set_text(f"{axis.label.get_text()} (one of {len(classes)} classes)")
