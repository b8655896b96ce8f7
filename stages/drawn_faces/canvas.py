"""Paint with smooth edges: polygons and tapered strokes drawn large and reduced, along splines."""

from collections.abc import Sequence
from functools import cache, lru_cache

import numpy as np
from PIL import Image, ImageDraw
from scipy.interpolate import CubicSpline

Channels = Sequence[float] | np.ndarray  # red, green, blue, 0 to 255

#: Everything is drawn this many times larger, then reduced.
SUPERSAMPLE = 3


@cache
def _weights(points: int, samples: int, closed: bool) -> np.ndarray:
    """A spline through given points is linear in them: these are its (samples, points) weights."""
    if closed:
        identity = np.eye(points)[[*range(points), 0]]
        return CubicSpline(np.arange(points + 1), identity, bc_type="periodic")(
            np.linspace(0, points, samples, endpoint=False)
        )
    return CubicSpline(np.arange(points), np.eye(points), bc_type="natural")(np.linspace(0, points - 1, samples))


def spline(points: np.ndarray, samples: int = 24, closed: bool = False) -> np.ndarray:
    """(samples, d) points of the cubic spline through (n, d) points."""
    return _weights(len(points), samples, closed) @ points


def mix(one: Channels, other: Channels, share: float) -> np.ndarray:
    """Colour between `one` (share 0) and `other` (share 1)."""
    return np.asarray(one, float) * (1 - share) + np.asarray(other, float) * share


class Canvas:
    """A picture drawn to in pixels of the final picture, and how the light will take to it.

    Besides its colour each place has a material, how strongly the shading shows there, from 0 (backdrop) to 1 (skin),
    and a relief, how deep a groove of the skin is there, from 0 to 1.
    """

    def __init__(self, backdrop: Image.Image):
        size = (backdrop.width * SUPERSAMPLE, backdrop.height * SUPERSAMPLE)
        # CMYK is Pillow's mode of four plain channels: red, green, blue and material go through it in one pass.
        self._paint = Image.merge("CMYK", (*backdrop.split(), Image.new("L", backdrop.size))).resize(
            size, Image.Resampling.NEAREST
        )
        self._relief = Image.new("L", size)
        self._brush, self._chisel = ImageDraw.Draw(self._paint), ImageDraw.Draw(self._relief)

    def fill(self, outline: np.ndarray, colour: Channels, material: float) -> None:
        """Fill the polygon `outline`, (n, 2), with a colour (0 to 255)."""
        red, green, blue = colour
        ink = (int(min(red, 255)), int(min(green, 255)), int(min(blue, 255)), int(255 * material))
        self._brush.polygon((outline * SUPERSAMPLE).ravel().tolist(), fill=ink)

    def stroke(
        self, path: np.ndarray, width: float, colour: Channels, material: float, start: float = 0.0, end: float = 0.0
    ) -> None:
        """Draw along `path`, (n, 2), `width` wide in its middle, `start` and `end` times that at its ends."""
        self.fill(taper(path, width, start, end), colour, material)

    def groove(self, path: np.ndarray, width: float, depth: float) -> None:
        """Press a groove, 0 to 1 deep, along `path` into the skin."""
        corners = (taper(path, max(width, 0.8), 0.1, 0.1) * SUPERSAMPLE).ravel().tolist()
        self._chisel.polygon(corners, fill=int(255 * min(depth, 1.0)))

    def reduced(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Colours (h, w, 3), material and relief (h, w), all float32, 0 to 1."""
        paint, relief = (
            np.asarray(layer.reduce(SUPERSAMPLE), np.float32) / 255 for layer in (self._paint, self._relief)
        )
        return paint[:, :, :3].copy(), paint[:, :, 3].copy(), relief


def taper(path: np.ndarray, width: float, start: float, end: float) -> np.ndarray:
    """Outline, (2n, 2), of a brush stroke along `path` that swells from `start` over 1 to `end` times `width`."""
    along = np.empty_like(path)
    along[1:-1] = path[2:] - path[:-2]
    along[0], along[-1] = path[1] - path[0], path[-1] - path[-2]
    along *= (width / (np.sqrt((along**2).sum(axis=1)) + 1e-9) * _swell(len(path), start, end))[:, None]
    across = along[:, ::-1] * (-1, 1)
    return np.concatenate([path + across, (path - across)[::-1]])


@lru_cache(maxsize=256)
def _swell(samples: int, start: float, end: float) -> np.ndarray:
    """Half the width along a stroke, relative to its full width."""
    t = np.linspace(0, 1, samples)
    return 0.5 * np.maximum(np.sin(np.pi * t) ** 0.7, np.where(t < 0.5, start, end))


def ellipse(x: float, y: float, width: float, height: float, samples: int = 20) -> np.ndarray:
    """Outline, (samples, 2), of the ellipse with half axes `width` and `height`."""
    angle = np.linspace(0, 2 * np.pi, samples, endpoint=False)
    return np.stack([x + width * np.cos(angle), y + height * np.sin(angle)], axis=1)


def between(shape: np.ndarray, upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """The part of a shape, (n, 2), that lies below one edge and above another, each (m, 2) from left to right."""
    highest = np.interp(shape[:, 0], upper[:, 0], upper[:, 1])
    lowest = np.interp(shape[:, 0], lower[:, 0], lower[:, 1])
    return np.stack([shape[:, 0], np.clip(shape[:, 1], highest, np.maximum(highest, lowest))], axis=1)
