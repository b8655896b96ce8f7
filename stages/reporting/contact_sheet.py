"""A contact sheet of the crops: images of each class, as the networks see them."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from stages.reporting.style import PAGE, figure, shown

ACROSS, DOWN = 12, 24  # images of a class, and classes at most
GAP = 2  # pixels between the images


def draw(examples: Sequence[np.ndarray], classes: Sequence[str]) -> Figure:
    """A row for each class of its images, uint8 (n, H, W, C), n <= `ACROSS`; an even selection of more than `DOWN`."""
    chosen = np.unique(np.linspace(0, len(classes) - 1, min(len(classes), DOWN)).round().astype(int))
    side = examples[0].shape[1]
    sheet = np.full((len(chosen) * (side + GAP) - GAP, ACROSS * (side + GAP) - GAP, 3), 255, np.uint8)
    for row, label in enumerate(chosen):
        for column, image in enumerate(examples[label]):
            top, left = row * (side + GAP), column * (side + GAP)
            sheet[top : top + side, left : left + side] = image
    labels = [shown(classes[label]) for label in chosen]
    names = 0.14 + 0.06 * max(map(len, labels))  # inches at this size of type
    drawn = figure(PAGE, (PAGE - names) * sheet.shape[0] / sheet.shape[1])
    drawn.set_layout_engine("none")
    axes = drawn.add_axes((names / PAGE, 0, 1 - names / PAGE, 1))
    axes.imshow(sheet, interpolation="antialiased", aspect="auto")
    axes.set_yticks([row * (side + GAP) + side / 2 for row in range(len(chosen))], labels)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return drawn
