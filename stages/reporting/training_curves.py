"""Figures 3 to 11 of the paper: train loss and validation macro F1 of two variants, flipped stretches shaded."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from stages.reporting.runs import Run, Runs
from stages.reporting.signs import flipped_share, turn_together
from stages.reporting.style import figure

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
# Column of curves.csv: the axis' title, the word in the file's name.
AXIS = {"train_loss": ("Train loss", "train-loss"), "val_macro_f1": ("Validation macro F1", "val-f1")}
BAND = 0.2  # opacity of a flipped stretch behind the curves
COLUMNS = 1500  # of the shading over a whole run: finer than the print


def figures(runs: Runs) -> Iterator[tuple[str, Figure]]:
    """Yield (file name, figure) for each of `FIGURES` of which both variants were run."""
    for number, measure, *pair in FIGURES:
        if set(pair) <= set(runs):
            name = f"figure-{number:02d}-{AXIS[measure][1]}-{'-and-'.join(pair)}.png"
            yield name, draw(measure, {variant: list(runs[variant].values()) for variant in pair})


def draw(measure: str, runs: Mapping[str, Sequence[Run]]) -> Figure:
    """One panel over epochs: a thin line for each seed of a variant, and their mean on top.

    Where all sites of a variant turn together in all its runs, its flipped stretches are bands behind the curves. Where
    they do not, a strip below the curves has a row for each site of one run: an average over seeds would blur just what
    is irregular.
    """
    longest = {variant: max(seeds, key=lambda run: run.epochs) for variant, seeds in runs.items()}
    epochs = max(run.epochs for run in longest.values())
    flipped = [variant for variant, seeds in runs.items() if any(run.flipped.any() for run in seeds)]
    bands = [variant for variant in flipped if turn_together(runs[variant])]
    strips = [variant for variant in flipped if variant not in bands]

    drawn = figure(height=2.1 + 0.45 * len(strips))
    heights = [1.8] + [0.4] * len(strips)
    top, *below = drawn.subplots(len(heights), sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    handles = []
    for variant, seeds in runs.items():
        title, color = seeds[0].look
        handles.append(_lines(top, seeds, measure, color, title))
        if variant in bands:
            handles.append(Patch(color=color, alpha=BAND, linewidth=0, label="flipped"))
        elif seeds[0].injects and variant not in flipped:
            handles.append(Patch(facecolor="none", edgecolor=color, linewidth=0.6, label="never flipped"))
    top.set(ylabel=AXIS[measure][0], xlim=(0, epochs), ylim=(0, None))
    for variant in bands:
        run = longest[variant]
        _shade(top, run.flipped[:1], run.epochs, run.look.color, BAND)
    for axes, variant in zip(below, strips):
        _strip(axes, longest[variant], longest[variant].look.color)
    _legend(top, handles)
    drawn.axes[-1].set_xlabel("Epoch")
    drawn.axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    drawn.align_ylabels()
    return drawn


def _lines(axes, runs, measure, color, label):
    curves = [np.asarray(run.curves[measure], float) for run in runs]
    # Beyond the shortest run the mean would jump to those that go on.
    mean = np.mean([curve[: min(map(len, curves))] for curve in curves], axis=0)
    if len(curves) > 1:
        for curve in curves:
            axes.plot(np.arange(1, len(curve) + 1), curve, color=color, alpha=0.45, linewidth=0.4)
    return axes.plot(np.arange(1, len(mean) + 1), mean, color=color, label=label)[0]


def _legend(axes, handles):
    """Coloured words above the axes, in one line where they fit."""
    colors = [handle.get_color() if isinstance(handle, Line2D) else handle.get_edgecolor()[:3] for handle in handles]
    axes.legend(
        handles=handles, labelcolor=colors, loc="lower left", bbox_to_anchor=(0, 1),
        ncols=3 if len(handles) <= 3 else 2, borderpad=0, borderaxespad=0.4, handlelength=1.2, columnspacing=1.2,
        handletextpad=0.5,
    )  # fmt: skip


def _strip(axes, run, color):
    _shade(axes, run.flipped, run.epochs, color, 1)
    sites = len(run.flipped)
    axes.set(yticks=[0.5 / sites, 1 - 0.5 / sites], yticklabels=[f"site {sites}", "site 1"], ylim=(0, 1))
    axes.set_ylabel(f"Flipped,\nseed {run.seed}", color=color)
    axes.tick_params(left=False)
    axes.spines[:].set_visible(False)


def _shade(axes, flipped, epochs, color, darkest):
    """Each site's flipped share over time as a row behind everything: transparent at 0, of `darkest` opacity at 1."""
    shades = LinearSegmentedColormap.from_list("share", [to_rgba(color, 0), to_rgba(color, darkest)])
    xlim, ylim = axes.get_xlim(), axes.get_ylim()
    axes.imshow(
        flipped_share(flipped, COLUMNS), shades, vmin=0, vmax=1, aspect="auto", interpolation="nearest", zorder=0,
        extent=(0, epochs, 0, 1), transform=axes.get_xaxis_transform(),
    )  # fmt: skip
    axes.set(xlim=xlim, ylim=ylim)  # an image takes the axes over
