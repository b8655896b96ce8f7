"""Surroundings out of focus: a wall, and clutter before it."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter


def book(pen: ImageDraw.ImageDraw, x: float, y: float, colour: tuple, rng: np.random.Generator) -> None:
    """An upright book, its upper left corner at (x, y) in pixels."""
    pen.rectangle([x, y, x + rng.uniform(2, 11), y + rng.uniform(8, 35)], fill=colour)


def lamp(pen: ImageDraw.ImageDraw, x: float, y: float, colour: tuple, rng: np.random.Generator) -> None:
    """A round lamp around (x, y) in pixels."""
    radius = rng.uniform(1.5, 8)
    pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=colour)


def leaf(pen: ImageDraw.ImageDraw, x: float, y: float, colour: tuple, rng: np.random.Generator) -> None:
    """A triangle of any shape around (x, y) in pixels."""
    pen.polygon(rng.normal((x, y), 9, (3, 2)).ravel().tolist(), fill=colour)


CLUTTER = (book, lamp, leaf)


def draw_backdrop(size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    """An RGB picture of `size` (width, height): a wall in changing light, in three of four with clutter before it."""
    width, height = (side // 2 for side in size)  # nothing here is sharp, so half the size will do
    corners = rng.uniform(20, 235) + rng.normal(0, 26, 3) + rng.normal(0, 26, (2, 2, 3))
    picture = Image.fromarray(np.clip(corners, 0, 255).astype(np.uint8)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    pen = ImageDraw.Draw(picture)
    kind = rng.integers(0, 1 + len(CLUTTER))
    for _ in range(rng.integers(6, 26) if kind < len(CLUTTER) else 0):
        colour = np.clip(rng.uniform(20, 235) + rng.normal(0, 30, 3), 0, 255).astype(int)
        CLUTTER[kind](pen, rng.uniform(0, width), rng.uniform(0, height), tuple(colour.tolist()), rng)
    return picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.2, 2))).resize(size, Image.Resampling.BILINEAR)
