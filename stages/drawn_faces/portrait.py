"""A finished portrait: all parts in the order in which they cover each other, then the light."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from stages.drawn_faces.beard import grow_beard
from stages.drawn_faces.canvas import Canvas
from stages.drawn_faces.expressions import Units
from stages.drawn_faces.eyes import paint_brows, paint_eyes
from stages.drawn_faces.face import Sitter, paint_head, paint_nose
from stages.drawn_faces.geometry import View, landmarks
from stages.drawn_faces.glasses import paint_glasses
from stages.drawn_faces.hair import paint_back_hair, paint_front_hair
from stages.drawn_faces.identity import Identity
from stages.drawn_faces.mouth import paint_mouth
from stages.drawn_faces.shading import Light, shade
from stages.drawn_faces.skin import bumps, press_wrinkles, tint_skin


@dataclass(frozen=True)
class Portrait:
    """colours: (h, w, 3) float32, 0 to 1; points: the 68 landmarks in pixels, (68, 2)."""

    colours: np.ndarray
    points: np.ndarray


def draw_portrait(
    identity: Identity, units: Units, view: View, light: Light, backdrop: Image.Image, rng: np.random.Generator
) -> Portrait:
    """Draw a person before `backdrop`, an RGB picture, which sets the size.

    `rng` draws hairs, freckles and the gaze.
    """
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
    tint_skin(colours, skin, sitter, rng)
    colours = grow_beard(colours, skin, sitter, rng)
    lit = shade(colours, material, relief * skin, bumps(sitter), view, light, identity.width)
    return Portrait(lit, view.project(sitter.points))
