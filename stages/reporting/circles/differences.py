"""What survives in the circles study: paired differences between its variants."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from stages.reporting.circles.marks import entry, over_two_lines
from stages.reporting.circles.names import MEASURES, VARIANTS
from stages.reporting.circles.statistics import simultaneous
from stages.reporting.printing import caption
from stages.reporting.style import GREY, PAGE, PAPER, figure
from stages.results.statistics import LEVEL

KINDS = {"seeds": ("o", -0.16), "draws": ("s", 0.16)}  # the marker, and how far it stands from the middle of the row


def draw(differences: pd.DataFrame) -> Figure:
    """Mean differences with intervals that hold together; a marker is filled where its own interval leaves out zero.

    differences: as `circles_statistics.differences` makes it.
    """
    judged = simultaneous(differences)
    measures = [measure for measure in MEASURES if measure in set(judged.measure)]
    pairs = list(dict.fromkeys(zip(judged.variant, judged.against)))
    drawn = figure(PAGE, 2.3)
    panels = drawn.subplots(1, len(measures), sharey=True)
    for axes, measure in zip(panels, measures):
        axes.axvline(0, color=GREY, linewidth=0.6)
        most = 1.0 if measure.endswith("accuracy") else float("inf")  # how far a difference of accuracies can reach
        for row in judged[judged.measure == measure].itertuples():
            (marker, offset), color = KINDS[row.over], VARIANTS[row.variant].color
            place = pairs.index((row.variant, row.against)) + offset
            axes.hlines(place, max(row.low, -most), min(row.high, most), color=color, linewidth=1)
            fill = color if row.differs else PAPER
            axes.plot(row.difference, place, color=color, marker=marker, markersize=3.5, markerfacecolor=fill)
        axes.set_xlabel(over_two_lines("difference in " + MEASURES[measure]))
        axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        axes.tick_params(axis="y", length=0)
    titles = {name: variant.title[0].lower() + variant.title[1:] for name, variant in VARIANTS.items()}
    labels = [f"{VARIANTS[variant].title}\n− {titles[against]}" for variant, against in pairs]
    panels[0].set(yticks=range(len(pairs)), yticklabels=labels, ylim=(len(pairs) - 0.5, -0.5))
    grey = {"color": GREY, "markersize": 3.5}
    sizes = judged.groupby("over")["n"].max()
    handles = [entry(f"over {over} (n = {sizes[over]})", marker=marker, **grey) for over, (marker, _) in KINDS.items()]
    handles.append(entry("open: zero is not excluded", marker="o", markerfacecolor=PAPER, **grey))
    drawn.legend(handles=handles, loc="outside lower center", ncols=3)
    caption(
        drawn,
        f"Means of paired differences; bars: t intervals that hold all together at {LEVEL:.0%} (Bonferroni, "
        f"{len(judged)} comparisons). Filled: the interval leaves out zero. The ledger's verdicts are on claims, with "
        "margins, and corrected among themselves.",
    )
    return drawn
