"""Glasses."""

from dataclasses import dataclass

import numpy as np

from stages.drawn_faces.canvas import Canvas, spline
from stages.drawn_faces.face import FEATURE, Sitter
from stages.drawn_faces.identity import Colour


@dataclass(frozen=True)
class Frame:
    """A pair of glasses: half the lens' width and height, the exponent of its superellipse, the rim, the lens."""

    width: float
    height: float
    power: float
    rim: float
    colour: Colour
    lens: Colour | None = None


FRAMES = {
    "round": Frame(0.245, 0.190, 2.0, 0.026, (122, 92, 52)),
    "square": Frame(0.245, 0.165, 3.6, 0.036, (38, 34, 36)),
    "dark": Frame(0.245, 0.165, 3.6, 0.036, (38, 34, 36), (30, 28, 34)),
}
DEPTH = 0.62  # of the lenses, before the eyes


def paint_glasses(canvas: Canvas, sitter: Sitter) -> None:
    """Rims, bridge and temples; dark lenses hide the eyes."""
    person = sitter.identity
    if person.glasses == "none":
        return
    frame = FRAMES[person.glasses]
    angle = np.linspace(0, 2 * np.pi, 37)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    shape = np.sign(circle) * np.abs(circle) ** (2 / frame.power) * (frame.width, frame.height)
    rim, y = sitter.pixels(frame.rim), person.eye_y + 0.02
    for side in (-1, 1):
        lens = sitter.place(shape + (side * (person.eye_x + 0.01), y), DEPTH)
        if frame.lens:
            canvas.fill(lens, frame.lens, FEATURE)
            canvas.stroke(lens[22:30] * 0.8 + lens.mean(axis=0) * 0.2, rim, (120, 120, 130), FEATURE)
        canvas.stroke(lens, rim, frame.colour, FEATURE, 1, 1)
        temple = np.array(
            [(side * (person.eye_x + frame.width), y - 0.05, DEPTH), (side * (person.width + 0.05), y - 0.06, 0.0)]
        )
        canvas.stroke(sitter.view.project(temple), rim, frame.colour, FEATURE, 1, 1)
    gap = person.eye_x - frame.width
    bridge = np.array([(-gap, y - 0.03), (0, y - 0.07), (gap, y - 0.03)])
    canvas.stroke(sitter.place(spline(bridge, 8), DEPTH), rim, frame.colour, FEATURE, 1, 1)
