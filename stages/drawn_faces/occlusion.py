"""Things that hide a part of the face: each function gives outlines in pixels with their colours, back to front."""

import numpy as np
from PIL import Image, ImageDraw

from stages.drawn_faces.canvas import SUPERSAMPLE, ellipse, spline, taper
from stages.drawn_faces.identity import SKINS

Parts = list[tuple[np.ndarray, np.ndarray]]


def fingers(points: np.ndarray, scale: float, size: tuple[int, int], rng: np.random.Generator) -> Parts:
    """A hand from below on the jaw."""
    skin = SKINS[rng.integers(0, len(SKINS))]
    start = points[rng.choice((4, 5, 11, 12))] + rng.normal(0, 0.05, 2) * scale
    parts = []
    for across in (-1.5, -0.5, 0.5, 1.5):
        root = points[8] + (across * 0.17 * scale, 0.75 * scale)
        knuckle = start + (across * 0.15 * scale, 0.25 * scale)
        tip = start + (across * 0.13 * scale, -0.1 * scale)
        path = spline(np.stack([root, knuckle, tip]), 10)
        parts += [(taper(path, 0.17 * scale, 1, 0.75), skin * 0.62), (taper(path, 0.145 * scale, 1, 0.7), skin * 0.95)]
    return parts


def microphone(points: np.ndarray, scale: float, size: tuple[int, int], rng: np.random.Generator) -> Parts:
    """Before the chin, held from below."""
    x, y = points[57] + (rng.normal(0, 0.12) * scale, 0.22 * scale)
    handle = np.array([(x, y), (x + rng.normal(0, 0.4) * scale, y + 1.6 * scale)])
    return [
        (taper(handle, 0.16 * scale, 1, 1), np.array((36, 36, 40))),
        (ellipse(x, y, 0.19 * scale, 0.21 * scale), np.array((62, 62, 68))),
        (ellipse(x - 0.06 * scale, y - 0.07 * scale, 0.07 * scale, 0.08 * scale), np.array((110, 110, 118))),
    ]


def mug(points: np.ndarray, scale: float, size: tuple[int, int], rng: np.random.Generator) -> Parts:
    """Lifted to the lower lip."""
    colour = rng.uniform(20, 230, 3)
    x, y = points[57] + (rng.normal(0, 0.25) * scale, 0.20 * scale)
    half, tall = 0.30 * scale, 0.62 * scale
    body = np.array([(x - half, y), (x + half, y), (x + half * 0.85, y + tall), (x - half * 0.85, y + tall)])
    light = body * (0.55, 1) + (0.40 * x, 0)
    return [(body, colour * 0.8), (light, colour), (ellipse(x, y, half, 0.07 * scale), colour * 0.5)]


def lock_of_hair(points: np.ndarray, scale: float, size: tuple[int, int], rng: np.random.Generator) -> Parts:
    """Falling over one eye."""
    colour = rng.uniform(20, 120) * np.array((1.0, 0.8, 0.65))
    eye = points[rng.choice((37, 44))]
    top = (points[19] + points[24]) / 2 + (rng.normal(0, 0.2) * scale, -0.55 * scale)
    parts = []
    for _ in range(7):
        middle, end = (top + eye) / 2 + rng.normal(0, 0.08, 2) * scale, eye + (rng.normal(0, 0.1) * scale, 0.3 * scale)
        path = spline(np.stack([top + rng.normal(0, 0.06, 2) * scale, middle, end]), 10)
        parts.append((taper(path, 0.08 * scale, 0.6, 0.1), colour * rng.uniform(0.8, 1.2)))
    return parts


def door(points: np.ndarray, scale: float, size: tuple[int, int], rng: np.random.Generator) -> Parts:
    """An edge from the side that the face looks past."""
    (width, height), colour = size, rng.uniform(15, 160, 3)
    cheek, nose = points[rng.choice((3, 13)), 0], points[30, 0]
    outside = -5.0 if cheek < nose else width + 5.0
    inside = cheek + np.sign(nose - cheek) * 0.22 * scale + rng.normal(0, 0.1) * scale
    lower = inside + rng.normal(0, 0.1) * scale
    return [(np.array([(outside, -5), (inside, -5), (lower, height + 5), (outside, height + 5)]), colour)]


OCCLUDERS = (fingers, microphone, mug, lock_of_hair, door)


def cover(picture: Image.Image, points: np.ndarray, scale: float, rng: np.random.Generator) -> None:
    """Put one of the `OCCLUDERS` before the face, in place.

    `points`: (68, 2) landmarks in pixels; `scale`: pixels per face unit.
    """
    occluder = OCCLUDERS[rng.integers(0, len(OCCLUDERS))]
    large = (picture.width * SUPERSAMPLE, picture.height * SUPERSAMPLE)
    for outline, colour in occluder(points, scale, picture.size, rng):
        mask = Image.new("L", large)
        ImageDraw.Draw(mask).polygon((outline * SUPERSAMPLE).ravel().tolist(), fill=255)
        picture.paste(tuple(np.clip(colour, 0, 255).astype(int).tolist()), mask=mask.reduce(SUPERSAMPLE))
