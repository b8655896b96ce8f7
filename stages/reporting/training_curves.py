"""Figures 3 to 11 of the paper: train loss and validation macro F1 of two variants, flipped epochs shaded.

An epoch takes the stretch of the axis around its tick, from half an epoch before to half an epoch behind it: the point
of an epoch lies in the shade where it was measured in the flipped state, and outside where it was not.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import cycle
from typing import NamedTuple

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from stages.reporting.printing import caption
from stages.reporting.runs import Run, Runs
from stages.reporting.signs import flipped_in_training, flipped_when_scored, turn_together
from stages.reporting.style import COLUMN, figure
from stages.reporting.typesetting import columns, shown

FIGURES = (  # number in the paper, measure, the two variants in its caption
    (3, "train_loss", "baseline", "periodic"),
    (4, "val_macro_f1", "baseline", "periodic"),
    (5, "train_loss", "baseline", "dropout"),
    (6, "val_macro_f1", "baseline", "dropout"),
    (7, "train_loss", "dropout", "dropout-periodic"),
    (8, "val_macro_f1", "dropout", "dropout-periodic"),
    (9, "val_macro_f1", "baseline", "dropout-periodic"),
    (10, "train_loss", "periodic", "dynamic"),
    (11, "val_macro_f1", "periodic", "dynamic"),
)
BAND = 0.2  # opacity of a flipped epoch behind the curves
STRIP = 0.6  # the same in a strip below them
DASHES = ("-", "--")  # of the first and the second variant, which grey alone would not tell apart
HEADROOM = 1.05  # the axis ends so much above the highest value


class Curve(NamedTuple):
    """A column of curves.csv: the axis' title, the word in the file's name, and the state that it was measured in."""

    title: str
    word: str
    flipped: Callable[[Run], np.ndarray]
    shade: str


CURVES = {
    "train_loss": Curve(
        "Train loss (nats per image)", "train-loss", flipped_in_training,
        "epochs trained with flipped features (paler: in part of them)",
    ),
    "val_macro_f1": Curve(
        "Validation macro F1", "val-f1", flipped_when_scored, "epochs that were scored with flipped features"
    ),
}  # fmt: skip


class Limits(NamedTuple):
    """Where the axes of figures that are compared end: the last epoch and the highest value."""

    epochs: int
    highest: float


def figures(runs: Runs) -> Iterator[tuple[str, Figure]]:
    """Yield (file name, figure) for each of `FIGURES` of which both variants were run, all on the same axes."""
    chosen = [(number, measure, pair) for number, measure, *pair in FIGURES if set(pair) <= set(runs)]
    every = {variant: runs[variant].values() for _, _, pair in chosen for variant in pair}
    for number, measure, pair in chosen:
        name = f"figure-{number:02d}-{CURVES[measure].word}-{'-and-'.join(pair)}.png"
        limits = limits_of(measure, [run for seeds in every.values() for run in seeds])
        yield name, draw(measure, {variant: list(runs[variant].values()) for variant in pair}, limits)


def limits_of(measure: str, runs: Iterable[Run]) -> Limits:
    """The last epoch and the highest finite value of all runs."""
    runs = list(runs)
    values = np.concatenate([run.curves[measure].to_numpy(float) for run in runs])
    return Limits(max(run.epochs for run in runs), float(values[np.isfinite(values)].max(initial=0)) or 1)


def draw(measure: str, runs: Mapping[str, Sequence[Run]], limits: Limits | None = None) -> Figure:
    """One panel over epochs: a thin line for each seed of a variant, and their mean on top.

    Where one variant is flipped, and all sites of all its runs turn together, its flipped epochs are bands behind the
    curves. Else a strip below the curves has a row for each variant, or for each site of one run where sites turn by
    themselves: two bands would mix to a third colour, and an average over seeds would blur just what is irregular.
    limits: of the axes; those of these runs where there are none.
    """
    curve, limits = CURVES[measure], limits or limits_of(measure, [run for seeds in runs.values() for run in seeds])
    longest = {variant: max(seeds, key=lambda run: run.epochs) for variant, seeds in runs.items()}
    flipped = [variant for variant, seeds in runs.items() if any(run.flipped.any() for run in seeds)]
    together = [variant for variant in flipped if turn_together(runs[variant])]
    bands = together if len(flipped) == 1 else []
    strips = [variant for variant in flipped if variant not in bands]

    heights = [1.7] + [0.1 if variant in together else 0.45 for variant in strips]
    drawn = figure(height=0.45 + sum(heights) + 0.06 * len(strips))
    top, *below = drawn.subplots(len(heights), sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    handles = []
    for (variant, seeds), dashes in zip(runs.items(), cycle(DASHES)):
        title, color = seeds[0].look
        handles.append(_lines(top, seeds, measure, color, title, dashes))
        if variant in bands:
            handles.append(Patch(color=color, alpha=BAND, linewidth=0, label="flipped"))
        elif seeds[0].injects and variant not in flipped:
            handles.append(Patch(facecolor="none", edgecolor=color, linewidth=0.6, label="never flipped"))
    top.set(ylabel=curve.title, ylim=(0, HEADROOM * limits.highest), xlim=(0.5, limits.epochs + 0.5))
    for variant in bands:
        _shade(top, curve.flipped(longest[variant])[:1], longest[variant].look.color, BAND)
    for axes, variant in zip(below, strips):
        _strip(axes, longest[variant], curve.flipped(longest[variant]), variant in together)
    _legend(drawn, handles)
    drawn.axes[-1].set_xlabel("Epoch")
    drawn.axes[-1].set_xticks(_ticks(limits.epochs))
    caption(drawn, " ".join(_said(runs, curve, bands, strips, together, longest)))
    return drawn


def _said(runs, curve, bands, strips, together, longest):
    title = next(iter(longest.values())).row["title"]
    sizes = {seeds[0].look.title: len(seeds) for seeds in runs.values()}
    n = ", ".join(f"{number} of {variant}" for variant, number in sizes.items())
    if len(set(sizes.values())) == 1:
        n = f"{max(sizes.values())} of each variant"
    thin = "thin lines: seeds, thick: their mean" if max(sizes.values()) > 1 else "a line: one seed, no spread"
    yield f"{shown(title)}; {thin} (n = {n})."
    if bands or strips:
        yield f"Shaded: {curve.shade}{', in the order above' if len(strips) > 1 else ''}."
    if apart := [variant for variant in strips if variant not in together]:
        seeds = ", ".join(f"{longest[variant].look.title} seed {longest[variant].seed}" for variant in apart)
        yield f"A row for each site of one run ({seeds})."


def _lines(axes, runs, measure, color, label, dashes):
    curves = [np.asarray(run.curves[measure], float) for run in runs]
    # Beyond the shortest run the mean would jump to those that go on.
    mean = np.mean([curve[: min(map(len, curves))] for curve in curves], axis=0)
    if len(curves) > 1:
        for curve in curves:
            axes.plot(np.arange(1, len(curve) + 1), curve, color=color, alpha=0.45, linewidth=0.4, clip_on=False)
    point = "o" if len(mean) == 1 else ""  # a line through one point has no length
    (line,) = axes.plot(
        np.arange(1, len(mean) + 1), mean, dashes, color=color, label=label, marker=point, markersize=3,
        clip_on=False,
    )  # fmt: skip
    return line


def _legend(drawn, handles):
    """Above the axes, in one line where they fit."""
    ncols = columns([handle.get_label() for handle in handles], COLUMN)
    drawn.legend(handles=handles, loc="outside upper left", ncols=ncols)


def _ticks(last):
    """Whole epochs, the first among them."""
    ticks = MaxNLocator(integer=True, min_n_ticks=1).tick_values(1, last)
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 1
    return [1, *(int(tick) for tick in ticks if 1 + 0.75 * step <= tick <= last)]


def _strip(axes, run, flipped, as_one):
    """One row where all sites turn together, else a row for each."""
    _shade(axes, flipped[:1] if as_one else flipped, run.look.color, STRIP)
    sites = len(flipped)
    if as_one:
        axes.set_yticks([0.5], ["flipped"])
    else:
        axes.set(yticks=[0.5 / sites, 1 - 0.5 / sites], yticklabels=[f"site {sites}", "site 1"])
        axes.set_ylabel("flipped", rotation=0, ha="right", va="center")
    axes.tick_params(axis="y", left=False)
    axes.set_ylim(0, 1)
    axes.tick_params(axis="x", bottom=False)
    axes.spines[:].set_visible(False)


def _shade(axes, flipped, color, darkest):
    """Each row (sites, epochs) in 0..1 behind everything: transparent at 0, of `darkest` opacity at 1."""
    shades = LinearSegmentedColormap.from_list("share", [to_rgba(color, 0), to_rgba(color, darkest)])
    xlim, ylim = axes.get_xlim(), axes.get_ylim()
    axes.imshow(
        flipped, shades, vmin=0, vmax=1, aspect="auto", interpolation="nearest", zorder=0,
        extent=(0.5, flipped.shape[1] + 0.5, 0, 1), transform=axes.get_xaxis_transform(),
    )  # fmt: skip
    axes.set(xlim=xlim, ylim=ylim)  # an image takes the axes over
