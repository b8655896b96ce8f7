"""The data set in numbers: how many crops there are of each class, and what was left out.

All of it from the summary of the crops (`stages.crops.summary`).
"""

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from stages.crops.sound import check_summary
from stages.reporting.printing import caption
from stages.reporting.style import GREY, PAGE, SMALL, figure
from stages.reporting.table1_page import as_text, markdown_row
from stages.reporting.typesetting import shown
from stages.results.inputs import BadInput

NAMED = 40  # classes up to which there is room for their names


def figures(summary: dict) -> Iterator[tuple[str, Figure]]:
    """Yield class-balance.png as (file name, figure)."""
    yield "class-balance.png", draw_balance(class_balance(summary), list(summary["counts"]), summary["classes"])


def tables(summary: dict) -> Iterator[tuple[str, str]]:
    """Yield data.md as (file name, text): images of each class and split, what was left out for which reason, notes."""
    balance, splits = class_balance(summary), list(summary["counts"])
    lines = [f"# {as_text(summary['title'])}: what was read", ""]
    lines += [f"{summary['size']} x {summary['size']} pixels, {'grey' if summary['channels'] == 1 else 'colour'}.", ""]
    lines += _rows("class", splits, zip(summary["classes"], balance.T), ("all", balance.sum(axis=1)))
    for title, key in (
        ("left out", "left_out"),
        ("not chosen by the parameters", "not_chosen"),
        ("treated", "treated"),
    ):
        found = summary.get(key) or {"none": 0}
        lines += ["", *_rows(title, ["images"], ((reason, [number]) for reason, number in found.items()))]
    if notes := summary.get("notes"):
        lines += ["", *(f"- {as_text(note)}" for note in notes)]
    yield "data.md", "\n".join(lines) + "\n"


def class_balance(summary: dict) -> np.ndarray:
    """Numbers of images, int64 (splits, classes). Raises BadInput where the summary is none of crops."""
    try:
        check_summary(summary)
    except ValueError as error:
        raise BadInput(f"data.json: not the summary of crops: {error}") from None
    counts = summary["counts"]
    return np.array([[counts[split][name] for name in summary["classes"]] for split in counts])


def _rows(title, columns, rows, total=None):
    yield markdown_row(title, columns)
    yield "| --- |" + " ---: |" * len(columns)
    for name, numbers in rows:
        yield markdown_row(as_text(name), (f"{number:,}" for number in numbers))
    if total:
        yield markdown_row(f"**{total[0]}**", (f"**{number:,}**" for number in total[1]))


def draw_balance(balance: np.ndarray, splits: Sequence[str], classes: Sequence[str]) -> Figure:
    """Bars of balance, images (splits, classes), a panel for each split, all on one scale."""
    named = len(classes) <= NAMED
    drawn = figure(PAGE, 0.6 + min(5.5, 0.17 * len(classes)))
    panels = drawn.subplots(1, len(splits), sharex=True, sharey=True, squeeze=False)[0]
    for axes, split, numbers in zip(panels, splits, balance):
        bars = axes.barh(range(len(classes)), numbers, color="#56B4E9", height=0.7 if named else 1)
        axes.set_title(f"{split}: {numbers.sum():,} images")
        axes.set_ylim(len(classes) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0)
        if named:  # every bar has its number: the axis has none
            axes.bar_label(bars, [f"{number:,}" for number in numbers], padding=2, color=GREY, size=SMALL)
            axes.spines["bottom"].set_visible(False)
            axes.set_xticks([])
        else:
            axes.set_xlabel("images of a class")
            axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    panels[0].set_xlim(0, (1.2 if named else 1.05) * max(1, balance.max()))
    panels[0].set_yticks(range(len(classes)) if named else [], map(shown, classes) if named else [], size=SMALL)
    if not named:
        panels[0].set_ylabel(f"{len(classes)} classes")
    caption(drawn, f"Images of each class as cropped, n = {balance.sum():,} in all; all panels have one scale.")
    return drawn
