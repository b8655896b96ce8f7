"""A snapshot: a person in surroundings, in some light, seen through a poor camera."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from stages.drawn_faces.backdrop import draw_backdrop
from stages.drawn_faces.expressions import affect, sample_units
from stages.drawn_faces.geometry import View, landmarks
from stages.drawn_faces.identity import sample_identity
from stages.drawn_faces.occlusion import cover
from stages.drawn_faces.portrait import draw_portrait
from stages.drawn_faces.shading import Light

#: The least intensity of an expression; the greatest is 1.
FAINTEST = 0.8
#: Shares of snapshots in which something covers a part of the face, that are grey, and whose box leaves the picture.
OCCLUDED, GREY, CUT_OFF = 0.12, 0.1, 0.03


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
    size, view = _framing(rng)
    identity = sample_identity(rng)
    intensity = rng.uniform(FAINTEST, 1.0)
    scenery = draw_backdrop(size, rng)
    if expression == "no-face":
        picture, points = scenery, view.project(landmarks(identity, {}))
    else:
        units = sample_units(expression, intensity, rng)
        portrait = draw_portrait(identity, units, view, _light(rng), scenery, rng)
        points = portrait.points
        picture = Image.fromarray((np.clip(portrait.colours, 0, 1) * 255).astype(np.uint8))
        if rng.random() < (0.9 if expression == "uncertain" else OCCLUDED):
            cover(picture, points, view.scale, rng)
    jpeg = develop(picture, rng, blur=2.2 if expression == "uncertain" else 0.9)
    return Snapshot(jpeg, size, face_box(points, rng), points, *affect(expression, intensity, rng))


def _framing(rng: np.random.Generator) -> tuple[tuple[int, int], View]:
    """The picture's size (width, height), and where in it a head of about 56 to 92 pixels looks in which direction."""
    side = rng.uniform(56, 92)
    width, height = (int(rng.uniform(max(96, 1.24 * side), 146)) for _ in range(2))
    # The head's middle lies above the box's.
    aside, above, below = np.array((0.36, 0.34, 0.40) if rng.random() < CUT_OFF else (0.58, 0.50, 0.72)) * side
    centre = (float(rng.uniform(aside, width - aside)), float(rng.uniform(above, height - below)))
    yaw = float(np.clip(rng.normal(0, 0.14), -0.42, 0.42))
    return (width, height), View(yaw, rng.normal(0.03, 0.07), rng.normal(0, 0.12), side / 1.72, centre)


def _light(rng: np.random.Generator) -> Light:
    """A lamp somewhere in front, from full front to far aside, with a slight cast of colour."""
    return Light(
        azimuth=rng.uniform(-1.1, 1.1),
        height=rng.uniform(-0.1, 0.9),
        ambient=rng.uniform(0.25, 0.55),
        gain=rng.uniform(0.8, 1.2),
        tint=tuple((1 + rng.normal(0, 0.04, 3)).tolist()),
    )


def face_box(points: np.ndarray, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """The square box (x, y, width, height) that a face detector would give for (68, 2) landmarks: around forehead and
    chin, off by some hundredths of its side."""
    low, high = points.min(axis=0), points.max(axis=0)
    side = 1.12 * (high - low).max() * rng.uniform(0.94, 1.08)
    middle = (low + high) / 2 - (0, 0.04 * side) + rng.normal(0, 0.02, 2) * side
    x, y = (middle - side / 2).round().astype(int).tolist()
    return x, y, round(side), round(side)


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
