"""A contact sheet of the crops: images of each class, as the networks see them, wrong labels marked where known."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from stages.crops.store import Crops
from stages.reporting.printing import caption
from stages.reporting.style import PAGE, SMALL, figure
from stages.reporting.typesetting import shown, width_of

ACROSS, DOWN = 12, 16  # images of a class, and classes at most: a page holds no more
GAP = 2  # pixels between the images
LARGEST = 128  # pixels of an image's side: more than is printed
WRONG = "#D55E00"


class Example(NamedTuple):
    """A crop, uint8 (H, W, C), and its path in the manifest."""

    image: np.ndarray
    path: str


def examples(crops: Crops, seed: int = 0) -> list[list[Example]]:
    """Up to `ACROSS` random training images of each class. Raises CropsError."""
    part, random = crops["train"], np.random.default_rng(seed)
    rows = []
    for label in range(len(crops.summary["classes"])):
        members = np.flatnonzero(part.labels == label)
        chosen = np.sort(random.choice(members, min(ACROSS, len(members)), replace=False))
        rows.append([Example(part.images[number], part.manifest[number]["path"]) for number in chosen])
    return rows


def draw(
    rows: Sequence[Sequence[Example]], classes: Sequence[str], wrong: Mapping[str, str] | None, total: int
) -> Figure:
    """A row for each class of its examples; an even selection of more than `DOWN` classes.

    wrong: {path: what the image really shows} of wrong labels; None where nobody knows them. total: training images.
    """
    chosen = np.unique(np.linspace(0, len(classes) - 1, min(len(classes), DOWN)).round().astype(int))
    side = min(LARGEST, next(len(each.image) for row in rows for each in row))
    step = side + GAP
    sheet = np.full((len(chosen) * step - GAP, ACROSS * step - GAP, 3), 255, np.uint8)
    labels = [shown(classes[label]) for label in chosen]
    names = 0.1 + max(map(width_of, labels))  # inches
    drawn = figure(PAGE, (PAGE - names) * sheet.shape[0] / sheet.shape[1])
    drawn.set_layout_engine("none")
    axes = drawn.add_axes((names / PAGE, 0, 1 - names / PAGE, 1))
    for row, label in enumerate(chosen):
        for column, example in enumerate(rows[label]):
            top, left = row * step, column * step
            sheet[top : top + side, left : left + side] = _reduced(example.image, side)
            if wrong and example.path in wrong:
                _mark(axes, left, top, side, shown(wrong[example.path]))
    axes.imshow(sheet, interpolation="none", aspect="auto")
    axes.set_yticks([row * step + side / 2 for row in range(len(chosen))], labels, size=SMALL)
    axes.set(xticks=[], xlim=(-0.5, sheet.shape[1] - 0.5), ylim=(sheet.shape[0] - 0.5, -0.5))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    caption(drawn, " ".join(_said(rows, classes, chosen, wrong, total)))
    return drawn


def _said(rows, classes, chosen, wrong, total):
    of = f"of {len(chosen)} of the {len(classes)} classes" if len(chosen) < len(classes) else "of each class"
    high, wide = next(each.image.shape[:2] for row in rows for each in row)
    yield f"Up to {max(map(len, rows))} random training images {of} (n = {total:,} in all), as the networks see them:"
    yield f"{wide} × {high} pixels, a row for each label."
    if wrong:
        yield f"Framed: wrong labels ({len(wrong):,} among all training pictures drawn), with what is shown."
    elif wrong is not None:
        yield "No label is wrong."


def _reduced(image, side):
    """RGB, no larger than it is printed."""
    image = np.broadcast_to(image, (*image.shape[:2], 3))
    if len(image) <= side:
        return image
    return np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BOX))


def _mark(axes, left, top, side, words):
    frame = {"fill": False, "edgecolor": WRONG, "linewidth": 1.5}
    axes.add_patch(Rectangle((left + 0.5, top + 0.5), side - 2, side - 2, **frame))
    axes.text(
        left + side / 2 - 0.5, top + side - 1.5, words, ha="center", va="bottom", size=SMALL, color="white",
        bbox={"facecolor": WRONG, "edgecolor": "none", "pad": 0.8},
    )  # fmt: skip
