"""The circles study: its points, single runs, spread over repetitions, what survives, and what the models decide.

Drawn from reports/circles/ alone, which the stage `circles` writes and describes.
"""

from typing import NamedTuple

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from stages.reporting.circles_study import read_study
from stages.reporting.style import COLUMN, GREY, PAGE, figure


class Variant(NamedTuple):
    title: str
    color: str


VARIANTS = {
    "baseline": Variant("No noise", "#000000"),
    "input": Variant("Input noise", "#56B4E9"),
    "before": Variant("Hidden, before ReLU", "#CC79A7"),
    "after": Variant("Hidden, after ReLU", "#009E73"),
}
CLASSES = {0: ("Outer circle", "#0072B2"), 1: ("Inner circle", "#D55E00")}
TINTS = LinearSegmentedColormap.from_list(
    "classes", ["#80B8D8", "#FFFFFF", "#EAAE80"]
)  # the points stand out before them
SPLITS = {"train": "Train", "test": "Test"}
MEASURES = {
    "train_accuracy": "Accuracy,\ntraining points",
    "test_accuracy": "Accuracy,\ntest points",
    "large_accuracy": "Accuracy,\nlarge test set",
    "large_loss": "Cross-entropy,\nlarge test set",
}
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


def figures(folder="reports/circles"):
    """Yield (file name, figure) for each figure of the study. Raises BadInput where a file is missing or is not what it should be."""
    study = read_study(folder, VARIANTS)
    yield "circles-data.png", draw_points(study["data"])
    yield "circles-run.png", draw_run(study["run"], study["summary"])
    yield "circles-curves.png", draw_curves(study["curves"])
    yield "circles-spread.png", draw_spread(study["runs"], study["summary"], study["best_accuracy"])
    yield "circles-differences.png", draw_differences(study["differences"])
    yield "circles-decision.png", draw_decision(study["decision"], study["data"])


def draw_points(points):
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


def draw_run(run, summary):
    """Train and test accuracy of one run of each variant in every epoch, and where the tutorial's run ended."""
    drawn = figure(PAGE, 1.9)
    panels = drawn.subplots(1, len(VARIANTS), sharey=True)
    last = run.epoch.iloc[-1]
    for axes, (variant, (title, color)) in zip(panels, VARIANTS.items()):
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


def draw_curves(curves):
    """Mean and 10 to 90 % range over seeds of train and test accuracy."""
    drawn = figure(COLUMN, 3.2)
    panels = drawn.subplots(2, sharex=True)
    for axes, (split, title) in zip(panels, SPLITS.items()):
        for variant, curve in curves.groupby("variant", sort=False):
            name, color = VARIANTS[variant]
            axes.fill_between(
                curve.epoch, curve[f"{split}_low"], curve[f"{split}_high"], color=color, alpha=0.18, linewidth=0
            )
            axes.plot(curve.epoch, curve[f"{split}_mean"], color=color, label=name)
        axes.set_ylabel(f"{title} accuracy")
    panels[-1].set(xlabel="Epoch", xlim=(0, curves.epoch.max()))
    panels[-1].xaxis.set_major_locator(MaxNLocator(4, integer=True))
    drawn.align_ylabels()
    drawn.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return drawn


def draw_spread(runs, summary, best):
    """Every run as a dot, mean and standard deviation below, and below them what the tutorial printed.

    best: the accuracy of the best of all classifiers.
    """
    drawn = figure(PAGE, 3.6)
    grid = drawn.subplots(len(REPETITIONS), len(MEASURES), sharex="col", sharey=True)
    ceiling = {"color": GREY, "linewidth": 0.8, "linestyle": (0, (4, 2))}
    for row, (over, title) in zip(grid, REPETITIONS.items()):
        for axes, measure in zip(row, MEASURES):
            span = np.ptp(runs[measure])
            for place, (variant, (_, color)) in enumerate(VARIANTS.items()):
                values = runs[(runs.over == over) & (runs.variant == variant)][measure]
                axes.plot(
                    values,
                    place - 0.15 + _swarm(values, span),
                    ".",
                    color=color,
                    alpha=0.6,
                    markersize=2.5,
                    markeredgewidth=0,
                )
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
        axes.set_xlabel(title)
        axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    handles = [
        _entry("one run", color=GREY, marker=".", linestyle=""),
        _entry("mean and standard deviation", color=GREY, marker="o", markersize=3),
        _entry("the tutorial's run", **TUTORIAL),
        _entry("best possible", **ceiling),
    ]
    drawn.legend(handles=handles, loc="outside lower center", ncols=4)
    return drawn


def draw_differences(differences):
    """Paired differences with their 95 % intervals; filled where they are more than chance after correction."""
    measures = [measure for measure in MEASURES if measure in set(differences.measure)]
    pairs = list(dict.fromkeys(zip(differences.variant, differences.against)))
    kinds = {"seeds": ("o", -0.16), "draws": ("s", 0.16)}
    drawn = figure(PAGE, 2.1)
    panels = drawn.subplots(1, len(measures), sharey=True)
    for axes, measure in zip(panels, measures):
        axes.axvline(0, color=GREY, linewidth=0.6)
        for row in differences[differences.measure == measure].itertuples():
            (marker, offset), color = kinds[row.over], VARIANTS[row.variant].color
            place = pairs.index((row.variant, row.against)) + offset
            axes.hlines(place, row.low, row.high, color=color, linewidth=1)
            axes.plot(
                row.difference,
                place,
                marker,
                color=color,
                markersize=3.5,
                markerfacecolor=color if row.differs else "white",
            )
        axes.set_xlabel("Difference in " + MEASURES[measure].lower())
        axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        axes.tick_params(axis="y", length=0)
    labels = [f"{VARIANTS[variant].title}\n− {_in_sentence(VARIANTS[against].title)}" for variant, against in pairs]
    panels[0].set(yticks=range(len(pairs)), yticklabels=labels, ylim=(len(pairs) - 0.5, -0.5))
    handles = [
        _entry(f"over {over}, 95 % interval", color=GREY, marker=marker, markersize=3.5)
        for over, (marker, _) in kinds.items()
    ]
    handles.append(
        _entry(
            "open: not told from chance", color=GREY, marker="o", markersize=3.5, markerfacecolor="white", linestyle=""
        )
    )
    drawn.legend(handles=handles, loc="outside lower center", ncols=3)
    return drawn


def draw_decision(maps, points):
    """Probability of the inner circle, one run of each variant above, the mean over seeds below; the line is one half."""
    drawn = figure(PAGE, 3.35)
    rows = {"run": "One run", "mean": "Mean over seeds"}
    grid = drawn.subplots(len(rows), len(maps["variants"]), sharex=True, sharey=True)
    edge = maps["axis"][[0, -1]]
    for panels, (kind, title) in zip(grid, rows.items()):
        for axes, variant, probability in zip(panels, maps["variants"], maps[kind].astype(float)):
            shown = axes.imshow(
                probability, TINTS, vmin=0, vmax=1, origin="lower", extent=[*edge, *edge], interpolation="bilinear"
            )
            axes.contour(maps["axis"], maps["axis"], probability, [0.5], colors="black", linewidths=0.8)
            _scatter(axes, points, size=1.8)
            _square(axes, edge[1])
            if kind == "run":
                axes.set_title(VARIANTS[variant].title)
        panels[0].set_ylabel(title)
    drawn.colorbar(shown, ax=grid, label="Probability of the inner circle", shrink=0.7, aspect=30).outline.set_visible(
        False
    )
    return drawn


def _entry(label, **style):
    return Line2D([], [], label=label, **style)


def _in_sentence(title):
    return title[0].lower() + title[1:]


def _scatter(axes, points, size):
    for (label, split), of in points.groupby(["label", "split"]):
        color = CLASSES[label][1]
        fill = color if split == "train" else "none"
        axes.plot(of.x, of.y, "o", color=color, markerfacecolor=fill, markersize=size, markeredgewidth=0.6)


def _square(axes, half):
    axes.set(aspect="equal", xlim=(-half, half), ylim=(-half, half), xticks=[-1, 0, 1], yticks=[-1, 0, 1])


def _swarm(values, span):
    """Heights within +- 0.18 that keep dots apart whose values differ by less than a hundredth of the axis' span."""
    bins = (values / (span / 100 or 1)).round()
    rank, size = bins.groupby(bins).cumcount(), bins.groupby(bins).transform("size")
    return (rank - (size - 1) / 2) * np.minimum(0.05, 0.36 / size)


def _printed(summary, variant, measure):
    """What the tutorial printed; NaN, which is not drawn, where it printed nothing."""
    of = (summary.over == "seeds") & (summary.variant == variant) & (summary.measure == measure)
    return summary[of].tutorial.iloc[0]
