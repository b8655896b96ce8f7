"""How the variants bear spoiled pictures: a page and a figure, of any results that hold corruptions.

Verdicts are the ledger's alone (reports/claims.md).
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.corruptions.strengths import CORRUPTIONS
from stages.ledger.words import signed
from stages.reporting.bars import bar
from stages.reporting.groups import Group, baseline_of, groups_of
from stages.reporting.printing import caption
from stages.reporting.style import PAGE, SMALL, figure, looks
from stages.reporting.table1_page import markdown_row
from stages.reporting.typesetting import ENTRY, columns, wrapped
from stages.results.corrupted import MEAN
from stages.results.inputs import BadInput
from stages.results.statistics import FEW, LEVEL, Interval, mean_interval, paired_difference, summary
from stages.results.tables import Results

SCORE, LOST = "macro_f1", "macro_f1_lost"
CLEAN = ""  # in the column `corruption`
ACROSS = 3  # panels beside each other
APART, WIDEST = 0.09, 0.7  # strengths between the marks of two groups, and of all of them


EXPLANATION = f"""Macro F1 of the last epoch's weights on the test pictures: as they are, and spoiled in {{}} ways at
three strengths each. Means over n seeds with their standard deviation; differences to the baseline of the same seed
with their {LEVEL:.0%} t interval over seeds, not corrected for their number: of fewer than {FEW} seeds it decides
nothing. What is decided stands in [claims.md](../../claims.md)."""


class Row(NamedTuple):
    """A group with its title, its colour, and the group that it is compared with, if any."""

    group: Group
    title: str
    color: str
    baseline: Group | None


class Scores:
    """Of the last weights on the test split: by run, corruption and measure. Raises BadInput where one is missing."""

    def __init__(self, results: Results):
        table = results.measures
        table = table[(table["weights"] == "last") & (table["split"] == "test")]
        self.values = dict(zip(zip(table["run"], table["corruption"], table["measure"]), table["value"]))
        found = set(table["corruption"])
        self.kinds = [kind for kind in CORRUPTIONS if f"{kind}-1" in found]

    def by_seed(self, group: Group, corruptions: Sequence[str], measure: str = SCORE) -> dict[int, float]:
        """The mean over some corruptions, for each seed."""
        try:
            return {
                seed: float(np.mean([self.values[run, corruption, measure] for corruption in corruptions]))
                for seed, run in group.runs.items()
            }
        except KeyError as error:
            raise BadInput("measures.csv: no row of the run {}, corruption {}, {}".format(*error.args[0])) from None

    def difference(self, row: Row, corruptions: Sequence[str], measure: str = SCORE) -> Interval | None:
        """To the baseline of the same seed; None where there is none."""
        if row.baseline is None:
            return None
        return paired_difference(*(self.by_seed(each, corruptions, measure) for each in (row.group, row.baseline)))


def exhibits(results: Results) -> Iterator[tuple[str, str | Figure]]:
    """Yield robustness.md and robustness.png as (file name, content); nothing where nothing was spoiled."""
    scores = Scores(results)
    if scores.kinds:
        rows = _rows(results)
        yield "robustness.md", "\n".join(_page(scores, rows)) + "\n"
        yield "robustness.png", draw(scores, rows)


def _rows(results: Results) -> list[Row]:
    groups, look = groups_of(results), looks(results.runs["variant"].unique())
    rows = []
    for group in groups:
        values = [f"{name}={value}" for name, value in group.values.items()]
        title = ", ".join([look[group.variant].title, *values])
        rows.append(Row(group, title, look[group.variant].color, baseline_of(groups, group)))
    return rows


def _page(scores: Scores, rows: list[Row]) -> Iterator[str]:
    yield "# Spoiled pictures"
    yield ""
    yield EXPLANATION.format(len(scores.kinds))
    yield ""
    heads = ("as they are", "spoiled, mean of all", "difference", "lost by it", "difference")
    yield markdown_row("variant", ["n", *heads])
    yield "| --- |" + " ---: |" * (1 + len(heads))
    for row in rows:
        cells = [_mean(scores.by_seed(row.group, [CLEAN]))]
        for measure in (SCORE, LOST):
            cells += [_mean(scores.by_seed(row.group, [MEAN], measure)), _said(scores.difference(row, [MEAN], measure))]
        yield markdown_row(row.title, [str(len(row.group.runs)), *cells])
    yield ""
    yield from _by_corruption(scores, rows)
    yield ""
    yield from _by_strength(scores, rows)


def _by_corruption(scores: Scores, rows: list[Row]) -> Iterator[str]:
    compared = [row for row in rows if row.baseline is not None]
    if not compared:
        return
    yield "Differences to the baseline, mean over the three strengths:"
    yield ""
    yield markdown_row("corruption", [row.title for row in compared])
    yield "| --- |" + " ---: |" * len(compared)
    for kind in scores.kinds:
        three = [f"{kind}-{place}" for place in (1, 2, 3)]
        yield markdown_row(kind, [_said(scores.difference(row, three)) for row in compared])


def _by_strength(scores: Scores, rows: list[Row]) -> Iterator[str]:
    yield "Means of each:"
    yield ""
    yield markdown_row("corruption", ["strength", "unit", *(row.title for row in rows)])
    yield "| --- | ---: | --- |" + " ---: |" * len(rows)
    for kind in scores.kinds:
        strengths, words = CORRUPTIONS[kind]
        for place, strength in enumerate(strengths, start=1):
            means = [summary(scores.by_seed(row.group, [f"{kind}-{place}"]).values()).mean for row in rows]
            unit = words if place == 1 else ""
            yield markdown_row(kind, [f"{strength:g}", unit, *(f"{mean:.3f}" for mean in means)])


def _mean(values: dict[int, float]) -> str:
    mean, std, _ = summary(values.values())
    return f"{mean:.3f}" if std is None else f"{mean:.3f} ± {std:.3f}"


def _said(found: Interval | None) -> str:
    if found is None:
        return "–"
    if found.low is None or found.high is None:
        return signed(found.mean)
    return f"{signed(found.mean)} [{signed(found.low)}, {signed(found.high)}]"


def draw(scores: Scores, rows: list[Row]) -> Figure:
    """A panel for each corruption: macro F1 over its strength, 0 being the pictures as they are, with t intervals."""
    down, labels = -(-len(scores.kinds) // ACROSS), [wrapped(row.title, PAGE - ENTRY, size=7) for row in rows]
    ncols = columns(labels, PAGE)
    drawn = figure(PAGE, 0.4 + 1.6 * down + 0.13 * -(-len(rows) // ncols))
    panels = drawn.subplots(down, ACROSS, sharey=True, squeeze=False)
    for axes in panels.flat[len(scores.kinds) :]:
        axes.remove()
    for axes, kind in zip(panels.flat, scores.kinds):
        _panel(axes, scores, rows, kind)
    for axes in panels[:, 0]:
        axes.set_ylabel("Test macro F1")
    handles, _ = panels.flat[0].get_legend_handles_labels()
    drawn.legend(handles, labels, loc="outside lower left", ncols=ncols)
    sizes = sorted({len(row.group.runs) for row in rows})
    n = " to ".join(dict.fromkeys((str(sizes[0]), str(sizes[-1]))))
    bars = f"bars: {LEVEL:.0%} t intervals over seeds" if sizes[-1] > 1 else "one seed: no intervals"
    caption(
        drawn,
        f"Points: means over seeds (n = {n} of each); {bars}, cut at 0 and 1. From the left: the test pictures as they "
        "are, then three strengths of the corruption.",
    )
    return drawn


def _panel(axes: Axes, scores: Scores, rows: list[Row], kind: str) -> None:
    strengths, unit = CORRUPTIONS[kind]
    names = [CLEAN, *(f"{kind}-{place}" for place in (1, 2, 3))]
    apart, places = min(APART, WIDEST / len(rows)), np.arange(len(names))
    for number, row in enumerate(rows):
        found = [mean_interval(scores.by_seed(row.group, [name]).values()) for name in names]
        means = [interval.mean for interval in found]
        axes.errorbar(
            places + apart * (number - (len(rows) - 1) / 2), means, np.transpose([bar(each) for each in found]),
            label=row.title, color=row.color, marker="o", markersize=2, linewidth=0.8, elinewidth=0.6,
        )  # fmt: skip
    axes.set_title(kind)
    axes.set_xticks(range(len(names)), ["as it is", *(f"{strength:g}" for strength in strengths)])
    axes.set_xlabel(wrapped(unit, PAGE / ACROSS - 0.4), size=SMALL)
