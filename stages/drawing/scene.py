"""A snapshot: a person in surroundings, in some light, seen through a poor camera."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from stages.drawing.canvas import SUPERSAMPLE, ellipse, spline, taper
from stages.drawing.expressions import Units, affect, sample_units
from stages.drawing.geometry import View, landmarks
from stages.drawing.identity import SKINS, sample_identity
from stages.drawing.portrait import draw_portrait
from stages.drawing.shading import Light

#: The least intensity of an expression; the greatest is 1.
FAINTEST = 0.5
#: Shares of snapshots in which something covers a part of the face, that are grey, and whose box leaves the picture.
OCCLUDED, GREY, CUT_OFF = 0.18, 0.12, 0.03


@dataclass(frozen=True)
class Snapshot:
    """A JPEG picture of one face.

    jpeg: the encoded picture, `size` (width, height) in pixels.
    box: the face's x, y, width and height in pixels, square, possibly reaching outside.
    points: (68, 2) landmarks in pixels.
    """

    jpeg: bytes
    size: tuple[int, int]
    box: tuple[int, int, int, int]
    points: np.ndarray
    valence: float
    arousal: float


def take_snapshot(expression: str, rng: np.random.Generator) -> Snapshot:
    """Draw one picture of a new person showing `expression`, one of `expressions.CODES`.

    Everything about it comes from `rng`: equal generators give equal bytes. "no-face" shows surroundings only, with the
    box and landmarks of a detector's false alarm; of "uncertain" faces little can be seen.
    """
    side = rng.uniform(60, 100)
    cut_off = rng.random() < CUT_OFF
    width, height = (int(rng.uniform(max(96, 1.24 * side), 162)) for _ in range(2))
    scale = side / 1.72
    # The head's middle lies above the box's.
    left, above, below = np.array((0.36, 0.34, 0.40) if cut_off else (0.58, 0.50, 0.72)) * side
    centre = (float(rng.uniform(left, width - left)), float(rng.uniform(above, height - below)))
    view = View(float(np.clip(rng.normal(0, 0.2), -0.42, 0.42)), rng.normal(0.03, 0.07), rng.normal(0, 0.12), scale, centre)
    identity = sample_identity(rng)
    intensity = rng.uniform(FAINTEST, 1.0)
    units: Units = {} if expression == "no-face" else sample_units(expression, intensity, rng)
    light = Light(rng.uniform(-1.1, 1.1), rng.uniform(-0.1, 0.9), rng.uniform(0.25, 0.55), rng.uniform(0.65, 1.2),
                  tuple((1 + rng.normal(0, 0.05, 3)).tolist()))
    scenery = backdrop((width, height), rng)
    if expression == "no-face":
        picture, points = scenery, view.project(landmarks(identity, units))
    else:
        portrait = draw_portrait(identity, units, view, light, scenery, rng)
        points = portrait.points
        picture = Image.fromarray((np.clip(portrait.colours, 0, 1) * 255).astype(np.uint8))
        if rng.random() < (0.9 if expression == "uncertain" else OCCLUDED):
            cover(picture, points, scale, rng)
    jpeg = develop(picture, rng, blur=2.2 if expression == "uncertain" else 0.9)
    return Snapshot(jpeg, (width, height), face_box(points, rng), points, *affect(expression, intensity, rng))


def face_box(points: np.ndarray, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """The square box (x, y, width, height) that a face detector would give for (68, 2) landmarks: around forehead and
    chin, off by some hundredths of its side."""
    low, high = points.min(axis=0), points.max(axis=0)
    side = 1.12 * (high - low).max() * rng.uniform(0.94, 1.08)
    middle = (low + high) / 2 - (0, 0.04 * side) + rng.normal(0, 0.02, 2) * side
    x, y = (middle - side / 2).round().astype(int).tolist()
    return x, y, round(side), round(side)


def backdrop(size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    """Surroundings: a wall in changing light, with shelves, leaves or lamps out of focus."""
    width, height = size
    corners = rng.uniform(20, 235, 3) + rng.normal(0, 35, (2, 2, 3))
    picture = Image.fromarray(np.clip(corners, 0, 255).astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(picture)
    kind = rng.integers(0, 4)
    for _ in range(0 if kind == 0 else rng.integers(6, 26)):
        colour = tuple(np.clip(rng.uniform(20, 235) + rng.normal(0, 32, 3), 0, 255).astype(int).tolist())
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        if kind == 1:
            w, h = rng.uniform(4, 22), rng.uniform(15, 70)
            pen.rectangle([x, y, x + w, y + h], fill=colour)
        elif kind == 2:
            radius = rng.uniform(3, 16)
            pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=colour)
        else:
            pen.polygon(rng.normal((x, y), 18, (3, 2)).ravel().tolist(), fill=colour)
    return picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 4)))


def cover(picture: Image.Image, points: np.ndarray, scale: float, rng: np.random.Generator) -> None:
    """Put something before the face, in place: fingers, a microphone, a mug, a lock of hair or the edge of a door."""
    kind = rng.integers(0, 5)
    colour = rng.uniform(20, 230, 3)
    chin, mouth, eye = points[8], points[57], points[rng.choice((37, 44))]
    parts: list[tuple[np.ndarray, np.ndarray]] = []
    if kind == 0:
        skin = SKINS[rng.integers(0, len(SKINS))]
        start = points[rng.choice((4, 5, 11, 12))] + rng.normal(0, 0.05, 2) * scale
        for finger in range(4):
            root = chin + ((finger - 1.5) * 0.17 * scale, 0.75 * scale)
            knuckle = start + ((finger - 1.5) * 0.15 * scale, 0.25 * scale)
            top = start + ((finger - 1.5) * 0.13 * scale, -0.1 * scale)
            path = spline(np.stack([root, knuckle, top]), 10)
            parts.append((taper(path, 0.17 * scale, 1, 0.75), skin * 0.62))
            parts.append((taper(path, 0.145 * scale, 1, 0.7), skin * 0.95))
    elif kind == 1:
        head = mouth + (rng.normal(0, 0.12) * scale, 0.22 * scale)
        parts.append((taper(np.stack([head, head + (rng.normal(0, 0.4) * scale, 1.6 * scale)]), 0.16 * scale, 1, 1), np.array((36, 36, 40))))
        parts.append((ellipse(*head, 0.19 * scale, 0.21 * scale), np.array((62, 62, 68))))
        parts.append((ellipse(head[0] - 0.06 * scale, head[1] - 0.07 * scale, 0.07 * scale, 0.08 * scale), np.array((110, 110, 118))))
    elif kind == 2:
        x, y = mouth + (rng.normal(0, 0.25) * scale, 0.20 * scale)
        half, tall = 0.30 * scale, 0.62 * scale
        mug = np.array([(x - half, y), (x + half, y), (x + half * 0.85, y + tall), (x - half * 0.85, y + tall)])
        parts += [(mug, colour * 0.8), (mug * (0.55, 1) + (0.40 * x, 0), colour), (ellipse(x, y, half, 0.07 * scale), colour * 0.5)]
    elif kind == 3:
        top = (points[19] + points[24]) / 2 + (rng.normal(0, 0.2) * scale, -0.55 * scale)
        for _ in range(7):
            path = np.stack([top + rng.normal(0, 0.06, 2) * scale, (top + eye) / 2 + rng.normal(0, 0.08, 2) * scale, eye + (rng.normal(0, 0.1) * scale, 0.3 * scale)])
            parts.append((taper(spline(path, 10), 0.08 * scale, 0.6, 0.1), colour * 0.45 * rng.uniform(0.8, 1.2)))
    else:
        edge = points[rng.choice((3, 13)), 0] + rng.normal(0, 0.1) * scale
        outside = -5.0 if edge < points[30, 0] else picture.width + 5.0
        inside = edge + np.sign(points[30, 0] - edge) * 0.22 * scale
        parts.append((np.array([(outside, -5), (inside, -5), (inside + rng.normal(0, 0.1) * scale, picture.height + 5), (outside, picture.height + 5)]), colour * 0.7))
    size = (picture.width * SUPERSAMPLE, picture.height * SUPERSAMPLE)
    for outline, tone in parts:
        mask = Image.new("L", size)
        ImageDraw.Draw(mask).polygon((outline * SUPERSAMPLE).ravel().tolist(), fill=255)
        picture.paste(tuple(np.clip(tone, 0, 255).astype(int).tolist()), mask=mask.reduce(SUPERSAMPLE))


def develop(picture: Image.Image, rng: np.random.Generator, blur: float = 0.9) -> bytes:
    """JPEG bytes of the picture as a poor camera takes it: blurred (up to `blur` pixels), noisy, sometimes coarse, pale
    or grey, and compressed at quality 35 to 95."""
    picture = picture.filter(ImageFilter.GaussianBlur(blur * rng.beta(1.2, 2.0) * 1.5))
    if rng.random() < 0.15:
        small = (int(picture.width * rng.uniform(0.4, 0.7)), int(picture.height * rng.uniform(0.4, 0.7)))
        picture = picture.resize(small, Image.Resampling.BILINEAR).resize(picture.size, Image.Resampling.BICUBIC)
    if rng.random() < GREY:
        picture = picture.convert("L").convert("RGB")
    values = np.asarray(picture, np.float32)
    contrast, brightness = rng.uniform(0.7, 1.15), rng.normal(0, 14)
    grain = rng.standard_normal(values.shape[:2], dtype=np.float32)[:, :, None] * np.float32(rng.uniform(0, 8))
    values = (values - 120) * np.float32(contrast) + np.float32(120 + brightness) + grain
    encoded = io.BytesIO()
    Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)).save(encoded, "JPEG", quality=int(rng.integers(35, 96)))
    return encoded.getvalue()
