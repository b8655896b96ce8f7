"""What a study's figure joins: groups of runs that differ in nothing but one parameter's value."""

from collections.abc import Sequence
from typing import NamedTuple

from stages.reporting.groups import Group, by_seed, difference, groups_of
from stages.reporting.measures import PRIMARY
from stages.reporting.style import looks
from stages.results.cautions import turned_late
from stages.results.statistics import Interval, mean_interval
from stages.results.tables import Results

MARKERS = "osD^v<>"  # of series of one variant, which differ in another varied parameter


class Series(NamedTuple):
    """What one line joins, or one band is: its label, colour and marker, and the interval at each value.

    differences: to the baseline of the same seed, where there is one. dipped: the values of which a run turned signs in
    its last quarter, so that its score is one of a dip.
    """

    label: str
    color: str
    marker: str
    intervals: dict[str, Interval]
    differences: dict[str, Interval]
    dipped: frozenset[str]


def series_of(results: Results, groups: Sequence[Group], parameter: str) -> list[Series]:
    """Groups that differ in nothing but the parameter's value make one series."""
    look, every = looks(results.runs["variant"].unique()), groups_of(results)
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
        found = {group.values.get(parameter, ""): difference(results, every, group, PRIMARY) for group in alike}
        differences = {value: each for value, each in found.items() if each is not None}
        dipped = [
            group.values.get(parameter, "")
            for group in alike
            if any(turned_late(results, run) for run in group.runs.values())
        ]
        marker = MARKERS[known.count(variant) % len(MARKERS)]
        label, color = f"{', '.join(words)} (n = {n})", look[variant].color
        series.append(Series(label, color, marker, intervals, differences, frozenset(dipped)))
        known.append(variant)
    return series
