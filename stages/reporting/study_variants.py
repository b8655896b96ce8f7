"""The figure of a study that varies nothing: its variants one below the other, and their distance to the baseline."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from stages.reporting.bars import bar
from stages.reporting.groups import Group, by_seed, differences, groups_of
from stages.reporting.measures import MEASURES, PRIMARY
from stages.reporting.printing import caption
from stages.reporting.style import GREY, PAGE, SMALL, figure, looks
from stages.reporting.typesetting import shown
from stages.results.statistics import LEVEL, mean_interval
from stages.results.tables import Results


def side_by_side(results: Results) -> Figure:
    """The last epoch's test macro F1 of each variant, and beside it the differences to the baseline of the same seed.

    Runs of one seed share what it does to both: differences tell apart what scores over seeds do not.
    """
    groups = groups_of(results)
    look = looks(group.variant for group in groups)
    colors = [look[group.variant].color for group in groups]
    differ = [list(differences(results, groups, group, PRIMARY).values()) for group in groups]
    drawn = figure(PAGE, height=0.55 + max(0.13, min(0.22, 6 / len(groups))) * len(groups))
    scores, *beside = drawn.subplots(1, 1 + any(differ), sharey=True, squeeze=False)[0]
    _rows(scores, [list(by_seed(results, group, PRIMARY).values()) for group in groups], colors)
    scores.set_xlabel(MEASURES[PRIMARY].title)
    scores.set_yticks(
        range(len(groups)),
        [f"{shown(look[group.variant].title)} (n = {len(group.runs)})" for group in groups],
        size=SMALL,
    )
    scores.set_ylim(len(groups) - 0.5, -0.5)
    for axes in beside:
        axes.axvline(0, color=GREY, linewidth=0.6, zorder=0)
        _rows(axes, differ, colors, lowest=-1)
        axes.set_xlabel("Difference to the baseline of the same seed")
    caption(drawn, _said(results, groups, any(differ)))
    return drawn


def _rows(axes: Axes, rows: Sequence[Sequence[float]], colors: Sequence[str], lowest: float = 0) -> None:
    """A row for each variant: pale dots of single seeds, their mean and its interval; nothing of no values."""
    for place, (values, color) in enumerate(zip(rows, colors)):
        if not values:
            continue
        below = np.full(len(values), place + 0.27)  # behind the bar they would not be seen
        axes.plot(values, below, "o", color=color, alpha=0.7, markersize=2.2, markeredgewidth=0)
        interval = mean_interval(values)
        reach = np.transpose([bar(interval, lowest)])
        axes.errorbar(interval.mean, place, xerr=reach, color=color, marker="o", markersize=3.5, capsize=1.5)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))


def _said(results: Results, groups: Sequence[Group], beside: bool) -> str:
    """What the points and bars are."""
    titles = ", ".join(shown(title) for title in results.runs["title"].unique())
    if max(len(group.runs) for group in groups) == 1:
        return f"{titles}. Points: one seed each (n = 1), which has no interval."
    said = f"{titles}. Small dots: seeds; points: means over n of them; bars: their {LEVEL:.0%} t intervals"
    if not beside:
        return f"{said}."
    return (
        f"{said}, on the right of the differences, which are taken seed by seed and not corrected for their number. "
        "Verdicts are the ledger's."
    )
