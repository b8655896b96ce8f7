"""Words in figures: what the font can draw, how wide it is, where lines break, how many columns a legend has."""

import re
from collections.abc import Sequence

import numpy as np
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.textpath import text_to_path

from stages.reporting.style import SMALL

ENTRY = 0.36  # inches that an entry of a legend takes beside its words
LONGEST = 32  # characters of a name that a figure has room for


def shown(name: str) -> str:
    """The name of a class as a figure can draw it: in one line, without its middle where it is long, and with the code
    (`\\u732b`) of what the font has no glyph for."""
    glyphs = get_font(findfont("DejaVu Sans")).get_charmap()
    escaped = "".join(
        char if char.isprintable() and ord(char) in glyphs else char.encode("unicode_escape").decode() for char in name
    )
    half = LONGEST // 2
    return escaped if len(escaped) <= LONGEST else f"{escaped[:half]}…{escaped[1 - half :]}"


def width_of(words: str, size: float = SMALL) -> float:
    """Inches that a line of type takes, size in points."""
    return (
        text_to_path.get_text_width_height_descent(words, FontProperties(family="DejaVu Sans", size=size), False)[0]
        / 72
    )


def wrapped(text: str, width: float, size: float = SMALL) -> str:
    """The text in lines of at most so many inches, or of one word; "n = 6" is one."""
    lines: list[str] = []
    for word in re.split(r"(?<!=) +(?!=)", text):
        longer = f"{lines[-1]} {word}" if lines else word
        lines[-1:] = [longer] if not lines or width_of(longer, size) <= width else [lines[-1], word]
    return "\n".join(lines)


def columns(labels: Sequence[str], width: float, most: int = 5) -> int:
    """In how many columns the entries of a legend fit into so many inches; at least one.

    Matplotlib fills a column before it begins the next, and makes each as wide as its widest entry.
    """
    widths = [max(width_of(line, 7) for line in label.split("\n")) + ENTRY for label in labels]
    for number in range(min(most, len(widths)), 1, -1):
        long, longer = divmod(len(widths), number)
        ends = np.cumsum([long + (place < longer) for place in range(number)])
        if sum(max(each) for each in np.split(widths, ends[:-1])) <= width:
            return number
    return 1
