"""A study's figures: test macro F1 over a varied parameter, with what does not read it as bands behind it."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.transforms import offset_copy

from stages.reporting.bars import bar, ends
from stages.reporting.groups import groups_of, numbers_of
from stages.reporting.measures import MEASURES, PRIMARY
from stages.reporting.printing import caption
from stages.reporting.study_series import Series, series_of
from stages.reporting.study_variants import side_by_side
from stages.reporting.style import COLUMN, GREY, PAGE, SMALL, figure
from stages.reporting.typesetting import ENTRY, columns, shown, width_of, wrapped
from stages.results.statistics import LEVEL, Interval
from stages.results.tables import Results

APART, CROWD = 4, 24  # points between the marks of two series at one value, and between those furthest apart
DECADES = 100  # largest over smallest value from which the axis is logarithmic
CROWDED = 16  # values, or series, from which a figure goes over the whole page
LINE = 0.13  # inches of a line of a legend
HATCHES = ("////", "\\\\\\\\", "....", "xxxx")  # of the second band and further ones
LINES = ("-", "--", ":", "-.")  # at the means of bands
MARGIN = 0.08  # of the axes, left and right of the values, above and below the intervals


def figures(results: Results) -> Iterator[tuple[str, Figure]]:
    """Yield <parameter>.png as (file name, figure) for each varied parameter; variants.png where there is none.

    That has the variants one below the other.
    """
    for parameter in results.varied:
        yield f"{parameter}.png", draw(results, parameter)
    if not results.varied:
        yield "variants.png", side_by_side(results)


def draw(results: Results, parameter: str) -> Figure:
    """The last epoch's test macro F1, and its differences to the baseline: of each value a point with its interval.

    What does not read the parameter is a band behind them. Values that are no numbers are not joined by lines.
    """
    groups = groups_of(results)
    points = series_of(results, [group for group in groups if parameter in group.values], parameter)
    bands = series_of(results, [group for group in groups if parameter not in group.values], parameter)
    values = list(dict.fromkeys(value for series in points for value in series.intervals))
    numbers = numbers_of(values)
    places = numbers or {value: float(place) for place, value in enumerate(values)}

    compared = any(series.differences for series in points)
    crowded = max(len(places), 2 * len(points)) > CROWDED
    width = PAGE if compared or crowded else COLUMN
    labels = [wrapped(series.label, width - ENTRY, size=7) for series in (*bands, *points)]
    ncols = columns(labels, width)
    drawn = figure(width)
    down, across = (1 + compared, 1) if crowded else (1, 1 + compared)
    panels = drawn.subplots(down, across, squeeze=False).flat
    for axes in panels:
        _scale(axes, places, logarithmic=numbers is not None and min(places.values()) > 0)
        turned = _name(axes, places, (width - 0.7 * across) / across)
    for axes in panels[:-across]:
        axes.tick_params(labelbottom=False)
    for axes in panels[-across:]:
        axes.set_xlabel(parameter)
    joined = numbers is not None
    marks = _panel(panels[0], points, bands, places, joined)
    panels[0].set_ylabel(MEASURES[PRIMARY].title)
    for axes in panels[1:]:
        axes.axhline(0, color=GREY, linewidth=0.6, zorder=0)
        differ = [[series._replace(intervals=series.differences) for series in part] for part in (points, bands)]
        _panel(axes, differ[0], differ[1], places, joined, lowest=-1)
        axes.set_ylabel("Difference to the baseline")
    drawn.set_figheight(0.5 + 1.6 * down + turned + LINE * sum(len(label.splitlines()) for label in labels) / ncols)
    drawn.legend(marks, labels, loc="outside lower left", ncols=ncols)
    caption(drawn, _said(results, parameter, len(bands), compared, dipped=any(each.dipped for each in points)))
    return drawn


def _panel(
    axes: Axes,
    points: Sequence[Series],
    bands: Sequence[Series],
    places: dict[str, float],
    joined: bool,
    lowest: int = 0,
) -> list[Any]:
    """Intervals over the values; returns what stands in the legend, bands first. lowest: of a score 0, else -1."""
    axes.set_ylim(_limits([each for series in (*points, *bands) for each in series.intervals.values()], lowest))
    behind = [_band(axes, series, number, lowest) for number, series in enumerate(bands) if series.intervals]
    apart = min(APART, CROWD / len(points)) if points else APART
    handles = [
        _points(axes, series, places, apart * (number - (len(points) - 1) / 2), joined, lowest)
        for number, series in enumerate(points)
        if series.intervals
    ]
    return [*behind, *handles]  # a band and its line are one entry


def _said(results: Results, parameter: str, bands: int, compared: bool, dipped: bool) -> str:
    """What a study's points, bars and bands are."""
    titles = ", ".join(shown(title) for title in results.runs["title"].unique())
    hollow = " Hollow: signs turned in the last quarter of a run." * dipped
    if max(len(group.runs) for group in groups_of(results)) == 1:
        return f"{titles}. Points{' and lines' * (bands > 0)}: one seed each (n = 1), which has no interval.{hollow}"
    said = f"{titles}. Points: means over n seeds; bars: {LEVEL:.0%} t intervals."
    if bands:
        said += f" Bands: the same of variants without {parameter}."
    said += hollow
    if compared:
        said += " Differences are taken seed by seed, and not corrected for their number: verdicts are the ledger's."
    return said


def _band(axes: Axes, series: Series, number: int, lowest: int) -> tuple[Artist, ...]:
    """A line at the mean, and a band: the first one filled, further ones hatched, since fillings would mix."""
    (interval,) = series.intervals.values()
    line = axes.axhline(interval.mean, color=series.color, linewidth=0.9, linestyle=LINES[number % len(LINES)])
    if not any(bar(interval, lowest)):
        return (line,)
    if number == 0:
        return axes.axhspan(*ends(interval, lowest), color=series.color, alpha=0.12, linewidth=0), line
    band = axes.axhspan(*ends(interval, lowest), facecolor="none", edgecolor=to_rgba(series.color, 0.45), linewidth=0)
    band.set_hatch(HATCHES[(number - 1) % len(HATCHES)])
    return band, line


def _points(
    axes: Axes, series: Series, places: dict[str, float], shift: float, joined: bool, lowest: int
) -> ErrorbarContainer:
    """Points with bars, `shift` points beside their values: bars of two series would hide each other."""
    intervals = sorted(series.intervals.items(), key=lambda item: places[item[0]])
    bars = [bar(found, lowest) for _, found in intervals]
    beside = offset_copy(axes.transData, axes.get_figure(root=True), x=shift, units="points")
    drawn = axes.errorbar(
        [places[value] for value, _ in intervals], [found.mean for _, found in intervals], np.transpose(bars),
        color=series.color, marker=series.marker, markersize=3.5, linewidth=0.8, elinewidth=0.8, capsize=1.5,
        linestyle="-" if joined else "", transform=beside,
    )  # fmt: skip
    for value, found in intervals:
        if value in series.dipped:
            axes.plot(
                places[value], found.mean, series.marker, color=series.color, markersize=3.5, markeredgewidth=0.8,
                markerfacecolor=axes.get_facecolor(), zorder=4, transform=beside,
            )  # fmt: skip
    return drawn


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


def _name(axes: Axes, places: dict[str, float], width: float) -> float:
    """A tick for each value, its name where it does not run into the one before; categories are turned instead.

    width: of the axes, about, in inches. Returns inches that the names take in height beside those of one line.
    """
    (first, last), logarithmic = axes.get_xlim(), axes.get_xscale() == "log"
    at = np.array(list(places.values()))
    share = np.log(at / first) / np.log(last / first) if logarithmic else (at - first) / (last - first)
    names, middles = list(map(shown, places)), share * width
    widths = np.array([width_of(name, 6.5) + 0.05 for name in names])
    if (np.diff(middles) >= (widths[1:] + widths[:-1]) / 2).all():
        axes.set_xticks(at, names)
        return 0
    if numbers_of(list(places)) is None:
        axes.set_xticks(at, names, rotation=90, size=SMALL)
        return float(widths.max())
    end = -np.inf
    for number, (middle, wide) in enumerate(zip(middles, widths)):
        if middle - wide / 2 < end:
            names[number] = ""
        else:
            end = middle + wide / 2
    axes.set_xticks(at, names)
    return 0


def _limits(intervals: Iterable[Interval], lowest: int) -> tuple[float, float]:
    """Around all intervals as far as a score, or a difference of scores, can reach."""
    reached = [end for found in intervals for end in (found.mean, found.low, found.high) if end is not None]
    if lowest < 0:
        reached.append(0.0)  # of differences, where there is none
    margin = MARGIN * (max(reached) - min(reached)) or 0.05
    return max(lowest, min(reached) - margin), min(1, max(reached) + margin)
