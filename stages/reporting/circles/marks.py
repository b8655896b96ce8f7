"""What the figures of the circles have in common: words, and lines of a legend."""

from matplotlib.lines import Line2D

SPLITS = {"train": "Train", "test": "Test"}


def entry(label: str, **style) -> Line2D:
    """A line of a legend."""
    return Line2D([], [], label=label, **style)


def over_two_lines(words: str) -> str:
    """What is measured, and below it on what."""
    return words.capitalize().replace(", ", ",\n")
