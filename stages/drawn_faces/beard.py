"""Beards: where they grow, and how they cover the skin."""

import numpy as np
from PIL import Image, ImageDraw

from stages.drawn_faces.canvas import spline
from stages.drawn_faces.face import Sitter
from stages.drawn_faces.shading import soften


def grow_beard(colours: np.ndarray, skin: np.ndarray, sitter: Sitter, rng: np.random.Generator) -> np.ndarray:
    """Colours (h, w, 3) with the sitter's beard on the bare skin; `skin` (h, w) says where that is, all 0 to 1."""
    person, pixel = sitter.identity, sitter.view.scale
    if person.beard == "none":
        return colours
    height, width = skin.shape
    layer = Image.new("L", (width * 2, height * 2))
    for patch in BEARDS[person.beard]:
        ImageDraw.Draw(layer).polygon((sitter.view.project(patch(sitter.points)) * 2).ravel().tolist(), fill=255)
    mask = soften(np.asarray(layer.reduce(2), np.float32) / 255, max(0.5, 0.03 * pixel))
    texture = soften(rng.random((height, width), dtype=np.float32), max(0.4, 0.010 * pixel))
    cover = (0.38 if person.beard == "stubble" else 0.93) * mask * skin
    hair = np.asarray(person.hair, np.float32) / 255 * (0.6 + 0.7 * texture)[:, :, None]
    return colours + cover[:, :, None] * (hair - colours)


def _lip(points: np.ndarray) -> np.ndarray:
    """Outline, (n, 3), from the nose to the upper lip: wide, with ends that hang beside the corners of the mouth."""
    # A rounded mouth must not make it a toothbrush.
    left, right = points[48] + (-0.07, 0.05, 0), points[54] + (0.07, 0.05, 0)
    left[0], right[0] = min(left[0], -0.27), max(right[0], 0.27)
    nose, reach = points[33] * (0, 1, 1) + (0, 0.05, 0), max(0.34 * (points[54, 0] - points[48, 0]), 0.16)
    top = spline(np.stack([left, nose + (-reach, 0.05, 0), nose, nose + (reach, 0.05, 0), right]), 20)
    return np.concatenate([top, spline(points[48:55], 20)[::-1]])


def _chin(points: np.ndarray) -> np.ndarray:
    """Outline, (n, 3), from the lower lip to the chin."""
    left, right, chin = points[48], points[54], points[8]
    below = np.stack(
        [
            left + (-0.05, 0.02, 0),
            (left + chin) / 2 + (-0.06, 0, 0),
            chin + (0, 0.02, 0),
            (right + chin) / 2 + (0.06, 0, 0),
            right + (0.05, 0.02, 0),
        ]
    )
    return np.concatenate([spline(below, 24), spline(points[[54, 55, 56, 57, 58, 59, 48]], 20)])


def _cheeks(points: np.ndarray) -> np.ndarray:
    """Outline, (n, 3), along the jaw from ear to ear, up to the lower lip."""
    inner = np.stack(
        [
            points[1] * (0.93, 1, 1),
            points[3] * (0.82, 0.95, 1),
            points[48] + (-0.05, 0, 0),
            points[59],
            points[57],
            points[55],
            points[54] + (0.05, 0, 0),
            points[13] * (0.82, 0.95, 1),
            points[15] * (0.93, 1, 1),
        ]
    )
    return np.concatenate([spline(points[1:16], 40), spline(inner, 40)[::-1]])


BEARDS = {"stubble": (_lip, _cheeks), "moustache": (_lip,), "goatee": (_lip, _chin), "full": (_lip, _cheeks)}
