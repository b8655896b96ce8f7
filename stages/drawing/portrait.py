"""A finished portrait: all parts in the order in which they cover each other, then the light."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from stages.drawing.canvas import Canvas
from stages.drawing.expressions import Units
from stages.drawing.face import Sitter, paint_brows, paint_eyes, paint_head, paint_mouth, paint_nose
from stages.drawing.geometry import View, landmarks
from stages.drawing.hair import beard_parts, paint_back_hair, paint_front_hair, paint_glasses
from stages.drawing.identity import Identity
from stages.drawing.shading import Light, shade, soften, window
from stages.drawing.skin import bumps, press_wrinkles


@dataclass(frozen=True)
class Portrait:
    """colours: (h, w, 3) float32, 0 to 1; points: the 68 landmarks in pixels, (68, 2)."""

    colours: np.ndarray
    points: np.ndarray


def draw_portrait(identity: Identity, units: Units, view: View, light: Light, backdrop: Image.Image,
                  rng: np.random.Generator) -> Portrait:
    """Draw a person before `backdrop` (an RGB picture, which sets the size). `rng` draws hairs, freckles and the gaze."""
    gaze = tuple(np.clip(rng.normal(0, 0.35, 2), -1, 1).tolist())
    sitter = Sitter(identity, units, landmarks(identity, units), view, gaze)
    canvas = Canvas(backdrop)
    paint_back_hair(canvas, sitter)
    paint_head(canvas, sitter)
    press_wrinkles(canvas, sitter)
    paint_nose(canvas, sitter)
    paint_mouth(canvas, sitter)
    paint_eyes(canvas, sitter)
    paint_brows(canvas, sitter)
    paint_front_hair(canvas, sitter, rng)
    paint_glasses(canvas, sitter)
    colours, material, relief = canvas.reduced()
    skin = np.clip(material * 4 - 3, 0, 1)
    colours = _complexion(colours, skin, sitter, rng)
    lit = shade(colours, material, relief * skin, bumps(sitter), view, light, identity.width)
    return Portrait(lit, view.project(sitter.points))


def _complexion(colours: np.ndarray, skin: np.ndarray, sitter: Sitter, rng: np.random.Generator) -> np.ndarray:
    """Blush, freckles, shadowed eye sockets and the beard, where bare skin is."""
    person, view = sitter.identity, sitter.view
    height, width = skin.shape

    def tint(xy, radius: float, factor) -> None:
        """Multiply the skin around a place, softly."""
        x, y = sitter.place(np.array([xy]))[0]
        rows, columns = near = window((x, y), 3 * radius * view.scale, skin.shape)
        down, across = np.ogrid[rows, columns]
        distance = ((across + 0.5 - x) ** 2 + (down + 0.5 - y) ** 2) / (radius * view.scale) ** 2
        share = skin[near] * np.exp(-0.5 * distance).astype(np.float32)
        colours[near] *= 1 - share[:, :, None] * (1 - np.asarray(factor, np.float32))

    rosy = 0.5 + 0.5 * person.makeup
    for side in (-1, 1):
        tint((side * 0.43, 0.25), 0.15, (1.0, 1 - 0.13 * rosy, 1 - 0.12 * rosy))
        tint((side * (person.eye_x - 0.04), person.eye_y - 0.03), 0.13, (0.86, 0.79, 0.78))
    tint((0, person.nose_y - 0.06), 0.09, (1.0, 0.91, 0.90))
    for _ in range(int(30 * person.freckles)):
        tint((rng.normal(0, 0.3), rng.normal(0.17, 0.08)), 0.013, (0.78, 0.68, 0.62))
    parts = beard_parts(sitter)
    if parts:
        layer = Image.new("L", (width * 2, height * 2))
        for part in parts:
            ImageDraw.Draw(layer).polygon((part * 2).ravel().tolist(), fill=255)
        mask = soften(np.asarray(layer.reduce(2), np.float32) / 255, max(0.5, 0.03 * view.scale))
        texture = soften(rng.random((height, width), dtype=np.float32), max(0.4, 0.010 * view.scale))
        cover = (0.38 if person.beard == "stubble" else 0.93) * mask * skin
        hair = np.asarray(person.hair, np.float32) / 255 * (0.6 + 0.7 * texture)[:, :, None]
        colours = colours + cover[:, :, None] * (hair - colours)
    return colours
