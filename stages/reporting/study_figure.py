"""A study's figures: test macro F1 over a varied parameter, with what does not read it as bands behind it.

Where nothing is varied, the variants one below the other.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import offset_copy

from stages.reporting.groups import Group, by_seed, groups_of
from stages.reporting.measures import MEASURES, PRIMARY
from stages.reporting.style import BASELINE, figure, looks
from stages.results.statistics import LEVEL, Interval, mean_interval
from stages.results.tables import Results

APART = 4  # points between the marks of two series at one value
MARKERS = "osD^v<>"  # of series of one variant, which differ in another varied parameter
DECADES = 100  # largest over smallest value from which the axis is logarithmic
MARGIN = 0.08  # of the axes, left and right of the values, above and below the intervals


class Series(NamedTuple):
    """What one line joins, or one band is: its label, colour and marker, and the interval at each value."""

    label: str
    color: str
    marker: str
    intervals: dict[str, Interval]


def figures(results: Results) -> Iterator[tuple[str, Figure]]:
    """Yield <parameter>.png as (file name, figure) for each varied parameter; variants.png where there is none."""
    for parameter in results.varied:
        yield f"{parameter}.png", draw(results, parameter)
    if not results.varied:
        yield "variants.png", side_by_side(results)


def draw(results: Results, parameter: str) -> Figure:
    """The last epoch's test macro F1: a point with its interval for each value, a band for what does not read it."""
    groups = groups_of(results)
    points = series_of(results, [group for group in groups if parameter in group.values], parameter)
    bands = series_of(results, [group for group in groups if parameter not in group.values], parameter)
    values = list(dict.fromkeys(value for series in points for value in series.intervals))
    numbers = numbers_of(values)
    places = numbers or {value: float(place) for place, value in enumerate(values)}

    drawn = figure(height=2.4)
    axes = drawn.subplots()
    axes.set(title=f"Mean and {LEVEL:.0%} t interval over n seeds", xlabel=parameter, ylabel=MEASURES[PRIMARY].title)
    _scale(axes, places, logarithmic=numbers is not None and min(places.values()) > 0)
    axes.set_ylim(_limits([interval for series in (*points, *bands) for interval in series.intervals.values()]))
    for series in bands:
        _band(axes, series)
    for number, series in enumerate(points):
        _points(axes, series, places, shift=APART * (number - (len(points) - 1) / 2))
    drawn.legend(loc="outside lower left", ncols=1 if len(points) + len(bands) <= 2 else 2)
    return drawn


def side_by_side(results: Results) -> Figure:
    """The last epoch's test macro F1: of each variant a point with its interval, the baseline's a band behind them."""
    groups = groups_of(results)
    look = looks(group.variant for group in groups)
    drawn = figure(height=0.8 + 0.22 * len(groups))
    axes = drawn.subplots()
    # Over the whole figure: beside long names the axes are narrower than their title.
    title = f"Mean and {LEVEL:.0%} t interval over n seeds"
    drawn.suptitle(title, x=0.01, horizontalalignment="left", fontsize=rcParams["axes.titlesize"])
    axes.set_xlabel(MEASURES[PRIMARY].title)
    for place, group in enumerate(groups):
        interval = mean_interval(by_seed(results, group, PRIMARY).values())
        bar = np.transpose([_bar(interval)])
        color = look[group.variant].color
        axes.errorbar(interval.mean, place, xerr=bar, color=color, marker="o", markersize=3.5, capsize=1.5)
        if group.variant == BASELINE and interval.low is not None and interval.high is not None:
            axes.axvspan(interval.low, interval.high, color=color, alpha=0.12, linewidth=0)
    axes.set_yticks(range(len(groups)), [f"{look[group.variant].title} (n = {len(group.runs)})" for group in groups])
    axes.invert_yaxis()
    return drawn


def numbers_of(values: Sequence[str]) -> dict[str, float] | None:
    """The values as numbers in rising order; None where one is no number: they are categories."""
    try:
        numbers = {value: float(value) for value in values}
    except ValueError:
        return None
    if not all(map(math.isfinite, numbers.values())):
        return None
    return dict(sorted(numbers.items(), key=lambda item: item[1]))


def series_of(results: Results, groups: Sequence[Group], parameter: str) -> list[Series]:
    """Groups that differ in nothing but the parameter's value make one series."""
    look = looks(results.runs["variant"].unique())
    members: dict[tuple, list[Group]] = {}
    for group in groups:
        members.setdefault((group.variant, group.without(parameter)), []).append(group)
    series: list[Series] = []
    known: list[str] = []
    for (variant, others), alike in members.items():
        sizes = [len(group.runs) for group in alike]
        n = f"{min(sizes)} to {max(sizes)}" if min(sizes) < max(sizes) else str(sizes[0])
        words = [look[variant].title, *(f"{name}={value}" for name, value in others)]
        intervals = {
            group.values.get(parameter, ""): mean_interval(by_seed(results, group, PRIMARY).values()) for group in alike
        }
        marker = MARKERS[known.count(variant) % len(MARKERS)]
        series.append(Series(f"{', '.join(words)} (n = {n})", look[variant].color, marker, intervals))
        known.append(variant)
    return series


def _band(axes: Axes, series: Series) -> None:
    (interval,) = series.intervals.values()
    axes.axhline(interval.mean, color=series.color, linewidth=0.8, label=series.label)
    if interval.low is not None and interval.high is not None:
        axes.axhspan(interval.low, interval.high, color=series.color, alpha=0.12, linewidth=0)


def _points(axes: Axes, series: Series, places: dict[str, float], shift: float) -> None:
    """Points with bars, `shift` points beside their values: bars of two series would hide each other."""
    intervals = sorted(series.intervals.items(), key=lambda item: places[item[0]])
    bars = [_bar(found) for _, found in intervals]
    axes.errorbar(
        [places[value] for value, _ in intervals], [found.mean for _, found in intervals], np.transpose(bars),
        color=series.color, marker=series.marker, markersize=3.5, linewidth=0.8, elinewidth=0.8, capsize=1.5,
        label=series.label, transform=offset_copy(axes.transData, axes.get_figure(root=True), x=shift, units="points"),
    )  # fmt: skip


def _bar(interval: Interval) -> tuple[float, float]:
    """How far it reaches down and up from its mean; one run has no interval, and its point no bar."""
    if interval.low is None or interval.high is None:
        return 0, 0
    return interval.mean - interval.low, interval.high - interval.mean


def _scale(axes: Axes, places: dict[str, float], logarithmic: bool) -> None:
    first, last = min(places.values()), max(places.values())
    if logarithmic and last / first >= DECADES:
        axes.set_xscale("log")
        axes.minorticks_off()
        factor = (last / first) ** MARGIN
        axes.set_xlim(first / factor, last * factor)
    else:
        margin = MARGIN * (last - first) or 0.5
        axes.set_xlim(first - margin, last + margin)
    axes.set_xticks(list(places.values()), list(places))


def _limits(intervals: Iterable[Interval]) -> tuple[float, float]:
    """Around all intervals as far as a score can reach, 0 to 1: few seeds make intervals that go beyond."""
    ends = [end for found in intervals for end in (found.mean, found.low, found.high) if end is not None]
    margin = MARGIN * (max(ends) - min(ends)) or 0.05
    return max(0, min(ends) - margin), min(1, max(ends) + margin)
