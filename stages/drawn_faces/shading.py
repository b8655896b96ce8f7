"""Light on the head: Lambert's law on an ellipsoid with bumps and grooves, with a little gloss."""

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from stages.drawn_faces.geometry import View


@dataclass(frozen=True)
class Light:
    """One lamp and the light from all around.

    `azimuth` and `height` in radians, 0 is straight ahead; `tint` is a factor for each channel.
    """

    azimuth: float = -0.6
    height: float = 0.5
    ambient: float = 0.42
    gain: float = 1.0
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)

    @property
    def direction(self) -> np.ndarray:
        """Unit vector to the lamp: x right, y down, z to the viewer."""
        level = np.cos(self.height)
        return np.array([np.sin(self.azimuth) * level, -np.sin(self.height), np.cos(self.azimuth) * level])


@dataclass(frozen=True)
class Bump:
    """A Gaussian hill on the face: centre in pixels, height and the two widths in face units."""

    centre: tuple[float, float]
    height: float
    width: float
    length: float


def window(centre: tuple[float, float], reach: float, shape: tuple[int, int]) -> tuple[slice, slice]:
    """The rows and columns of an (h, w) layer within `reach` pixels of `centre`, (x, y)."""
    (x, y), (height, width) = centre, shape
    rows = slice(max(0, min(height, int(y - reach))), max(0, min(height, int(y + reach) + 2)))
    return rows, slice(max(0, min(width, int(x - reach))), max(0, min(width, int(x + reach) + 2)))


def soften(layer: np.ndarray, radius: float) -> np.ndarray:
    """Gaussian blur of an (h, w) layer of values 0 to 1, `radius` in pixels."""
    picture = Image.fromarray((np.clip(layer, 0, 1) * 255).astype(np.uint8))
    return np.asarray(picture.filter(ImageFilter.GaussianBlur(radius)), np.float32) / 255


def shade(
    colours: np.ndarray,
    material: np.ndarray,
    relief: np.ndarray,
    bumps: list[Bump],
    view: View,
    light: Light,
    width: float,
) -> np.ndarray:
    """Colours (h, w, 3) in the light, 0 to 1. `width` is half the face's width in face units.

    Skin turns redder where it is darker, as light that has passed through it does.
    """
    rows, columns = material.shape
    # Python's floats leave the layers in float32, NumPy's would make them float64.
    cosine, sine = math.cos(view.roll), math.sin(view.roll)
    across = (np.arange(columns, dtype=np.float32)[None, :] + 0.5 - view.centre[0]) / view.scale
    down = (np.arange(rows, dtype=np.float32)[:, None] + 0.5 - view.centre[1]) / view.scale
    u, v = across * cosine + down * sine, down * cosine - across * sine

    hills = np.zeros(material.shape, np.float32)
    for bump in bumps:
        x, y = (bump.centre[0] - view.centre[0]) / view.scale, (bump.centre[1] - view.centre[1]) / view.scale
        near = window(bump.centre, 2.8 * view.scale * max(bump.width, bump.length), material.shape)
        du, dv = u[near] - (x * cosine + y * sine), v[near] - (y * cosine - x * sine)
        hills[near] += bump.height * np.exp(-0.5 * ((du / bump.width) ** 2 + (dv / bump.length) ** 2))
    grooves = soften(relief, max(0.5, 0.012 * view.scale))
    hills -= 0.035 * grooves
    slope_y, slope_x = np.gradient(hills, 1 / view.scale)

    a, b = 1.12 * width, 1.35
    nu, nv = u / a * 0.9, v / b * 0.8
    outside = np.maximum(1.0, np.sqrt(nu**2 + nv**2) / 0.95)
    nu, nv = nu / outside, nv / outside
    normal = (nu * cosine - nv * sine - slope_x, nu * sine + nv * cosine - slope_y, np.sqrt(1 - nu**2 - nv**2))
    length = np.sqrt(normal[0] ** 2 + normal[1] ** 2 + normal[2] ** 2)

    def facing_to(direction: np.ndarray) -> np.ndarray:
        """Cosine between the surface and a direction."""
        x, y, z = (float(part) for part in direction / np.linalg.norm(direction))
        return (x * normal[0] + y * normal[1] + z * normal[2]) / length

    diffuse = np.clip((facing_to(light.direction) + 0.25) / 1.25, 0, 1)
    bright = light.gain * (light.ambient + (1.08 - light.ambient) * diffuse) * (1 - 0.38 * grooves)
    bright = 1 + material * (bright - 1)
    gloss = np.clip(facing_to(light.direction + (0, 0, 1)), 0, 1)
    for _ in range(4):
        gloss = gloss * gloss
    gloss *= 0.13 * light.gain * np.clip(material * 3 - 2, 0, 1)
    logarithm = np.log(np.maximum(bright, 0.01))
    lit = np.empty_like(colours)
    for channel, (power, tint) in enumerate(zip((0.88, 1.03, 1.08), light.tint)):
        lit[:, :, channel] = (colours[:, :, channel] * np.exp(power * logarithm) + gloss) * tint
    return lit
