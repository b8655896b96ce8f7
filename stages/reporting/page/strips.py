"""Intervals on a common axis: where each begins, ends and has its mean, in hundredths of the axis' width."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import pandas as pd
from markupsafe import Markup
from matplotlib.ticker import LogLocator, MaxNLocator

TICKS = 5  # intervals between ticks, or so: as many numbers as a phone has room for
EDGE = 0.04  # of the axis, free beside the outermost


class Strip(NamedTuple):
    """A number with its interval, as it is given: None where there is none.

    printed: what a source printed. about: what stands before it. said: number and interval in words. head: what stands
    above it, and above those that follow without a head. kind: the class that gives it its colour, or `color`.
    """

    about: Markup
    said: Markup
    mean: float
    low: float | None
    high: float | None
    printed: float | None = None
    margin: float | None = None
    head: Markup = Markup()
    kind: str = ""
    color: str = ""


class Mark(NamedTuple):
    """A strip in its place, in per cent of the axis. margin: from where, and how wide, an effect is of no interest."""

    strip: Strip
    mean: float
    low: float | None
    high: float | None
    printed: float | None
    margin: tuple[float, float] | None


class Panel(NamedTuple):
    """ticks: (place in per cent, words). neutral: the place of no effect, if that is on the axis."""

    title: str
    ticks: list[tuple[float, str]]
    neutral: float | None
    marks: list[Mark]

    @property
    def prints(self) -> bool:
        """Whether a source printed any of these."""
        return any(mark.printed is not None for mark in self.marks)


def number(value: float | None) -> float | None:
    """The value of a cell; None of an empty one."""
    return None if value is None or pd.isna(value) else float(value)


def panel(
    title: str, strips: Sequence[Strip], neutral: float | None = None, log: bool = False, beside: Sequence[Strip] = ()
) -> Panel:
    """The strips on one axis, which holds all of them, and what stands on the same axis beside.

    neutral: the value of no effect, on the axis as well.
    """
    as_drawn = math.log if log else float
    values = [value for strip in (*strips, *beside) for value in (strip.mean, strip.low, strip.high, strip.printed)]
    ends = [as_drawn(value) for value in [*values, neutral] if value is not None]
    free = EDGE * (max(ends) - min(ends)) or 0.5
    first, last = min(ends) - free, max(ends) + free

    def place(value: float) -> float:
        return round(100 * (as_drawn(value) - first) / (last - first), 2)

    marks = [_mark(strip, place, log) for strip in strips]
    ticks = [(place(tick), words) for tick, words in _ticks(first, last, log)]
    return Panel(title, ticks, None if neutral is None else place(neutral), marks)


def _mark(strip: Strip, place: Callable[[float], float], log: bool) -> Mark:
    low, high, printed = (None if value is None else place(value) for value in (strip.low, strip.high, strip.printed))
    return Mark(strip, place(strip.mean), low, high, printed, _margin(strip.margin, place, log))


def _margin(margin: float | None, place: Callable[[float], float], log: bool) -> tuple[float, float] | None:
    """Around no effect, where it begins and how wide it is; of a ratio, 0.05 is a factor of 1.05 either way."""
    if margin is None:
        return None
    ends = (1 / (1 + margin), 1 + margin) if log else (-margin, margin)
    low, high = (min(100.0, max(0.0, place(end))) for end in ends)
    return low, round(high - low, 2)


def _ticks(first: float, last: float, log: bool) -> Iterable[tuple[float, str]]:
    if not log:
        ticks = MaxNLocator(TICKS, steps=[1, 2, 2.5, 5, 10]).tick_values(first, last)
        places = max(0, *(len(f"{tick:.6g}".partition(".")[2]) for tick in ticks))
        return [(tick, f"{tick:.{places}f}".replace("-", "−")) for tick in ticks if first <= tick <= last]
    subs = (1, 2, 5) if last - first < math.log(1000) else (1,)
    ticks = LogLocator(subs=subs, numticks=20).tick_values(math.exp(first), math.exp(last))
    return [(tick, f"× {tick:g}") for tick in ticks if first <= math.log(tick) <= last]
