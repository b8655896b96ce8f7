"""The mouth."""

import numpy as np

from stages.drawn_faces.canvas import Canvas, Channels, between, ellipse, spline
from stages.drawn_faces.face import DARK, FEATURE, Sitter
from stages.drawn_faces.geometry import strength

CAVITY, TONGUE, UPPER_TEETH, LOWER_TEETH = (64, 22, 26), (176, 84, 84), (244, 240, 230), (228, 222, 210)
LIP, TOOTH = 0.9, 0.5  # how strongly the light shows on them


def paint_mouth(canvas: Canvas, sitter: Sitter) -> None:
    """Lips and, between them, teeth and tongue; or the line where the lips meet."""
    colour, points = np.asarray(sitter.identity.lips), sitter.points[:, :2]
    depth = float(sitter.points[48:68, 2].mean())
    outer_top, outer_bottom = spline(points[48:55], 28), spline(points[[54, 55, 56, 57, 58, 59, 48]], 28)
    top, bottom = spline(points[[48, 61, 62, 63, 54]], 28), spline(points[[48, 67, 66, 65, 54]], 28)
    bottom[:, 1] = np.maximum(bottom[:, 1], top[:, 1])
    canvas.fill(sitter.place(np.concatenate([outer_top, outer_bottom]), depth), colour, LIP)
    canvas.fill(sitter.place(np.concatenate([outer_top, top[::-1]]), depth), colour * (0.86, 0.80, 0.80), LIP)
    if points[66, 1] - points[62, 1] > 0.012:
        _paint_inside(canvas, sitter, top, bottom, depth)
    else:
        canvas.stroke(sitter.place(top, depth), sitter.pixels(0.022), colour * (0.42, 0.30, 0.32), FEATURE, 0.4, 0.4)
    for corner in (top[:3], top[-3:]):
        canvas.stroke(sitter.place(corner, depth), sitter.pixels(0.028), colour * (0.45, 0.34, 0.35), FEATURE, 0.6, 0.6)


def _paint_inside(canvas: Canvas, sitter: Sitter, top: np.ndarray, bottom: np.ndarray, depth: float) -> None:
    """What shows between the upper and the lower lip's inner edge, each (n, 2) from left to right."""

    def fill(shape: np.ndarray, colour: Channels, material: float) -> None:
        canvas.fill(sitter.place(between(shape, top, bottom), depth), colour, material)

    gape = (bottom[:, 1] - top[:, 1]).max()
    stretch, tight, sneer, smile = (strength(sitter.units, unit) for unit in (20, 23, 10, 12))
    canvas.fill(sitter.place(np.concatenate([top, bottom[::-1]]), depth), CAVITY, DARK)
    if gape > 0.1:
        fill(
            ellipse(top[:, 0].mean(), bottom[:, 1].max() + 0.02, 0.5 * sitter.identity.mouth_width, 0.45 * gape, 24),
            TONGUE,
            DARK,
        )
    # A dropped jaw alone hardly bares the upper teeth; a smile, a stretch or a sneer does.
    upper = min(1.0, 0.25 + max(stretch, tight, sneer, smile)) * min(0.075, 0.02 + 0.75 * gape)
    fill(np.concatenate([top[2:-2], top[-3:1:-1] + (0, upper)]), UPPER_TEETH, TOOTH)
    lower = 0.05 * max(stretch, tight)
    if lower > 0.015 and gape > 0.03:
        fill(np.concatenate([bottom[4:-4], bottom[-5:3:-1] - (0, lower)]), LOWER_TEETH, TOOTH)
