"""The sitter, and what of a head keeps its shape: neck, ears, bare face and nose."""

from dataclasses import dataclass

import numpy as np

from stages.drawn_faces.canvas import Canvas, ellipse, mix, spline
from stages.drawn_faces.expressions import Units
from stages.drawn_faces.geometry import View, surface
from stages.drawn_faces.identity import Identity

SKIN, FEATURE, DARK = 1.0, 0.6, 0.35  # how strongly the light shows on them
# Left halves of paths below the head, in face units; the neck's x in its own half widths.
NECK = ((-1.5, 1.6), (-1.05, 1.35), (-1, 0.5))
SHOULDERS = ((-2.2, 3.2), (-1.7, 1.62), (-1.0, 1.34), (-0.45, 1.16), (0, 1.46))
COLLAR = ((-0.47, 1.14), (-0.3, 1.38), (0, 1.50))


@dataclass(frozen=True)
class Sitter:
    """A person in one moment, placed in the picture.

    points: the (68, 3) landmarks in face units. gaze: where the eyes look, -1 to 1 to the right and down.
    """

    identity: Identity
    units: Units
    points: np.ndarray
    view: View
    gaze: tuple[float, float]

    def place(self, xy: np.ndarray, depth: float | None = None) -> np.ndarray:
        """(n, 2) face units to pixels: on the face's surface, or at one depth."""
        if depth is None:
            return self.view.project(surface(self.identity, xy))
        points = np.full((len(xy), 3), float(depth))
        points[:, :2] = xy
        return self.view.project(points)

    def pixels(self, length: float) -> float:
        """A length in face units, in pixels."""
        return length * self.view.scale


def outline(sitter: Sitter) -> np.ndarray:
    """The face's outline in pixels, jaw and skull."""
    width = sitter.identity.width
    angle = np.linspace(0, np.pi, 24)[1:-1]
    skull = np.stack([width * np.cos(angle), -0.12 - 0.96 * np.sin(angle)], axis=1)
    jaw = sitter.view.project(spline(sitter.points[:17], 48))
    return np.concatenate([jaw, sitter.place(skull, 0.1)])


def paint_head(canvas: Canvas, sitter: Sitter) -> None:
    """Neck, shoulders, ears and the bare face."""
    person, width = sitter.identity, sitter.identity.width
    skin = np.asarray(person.skin)
    shadow = skin * (0.70, 0.62, 0.60)
    canvas.fill(sitter.place(_mirrored(np.array(NECK) * (0.62 * width, 1)), -0.1), skin * 0.90, SKIN)
    canvas.fill(sitter.place(spline(_mirrored(np.array(SHOULDERS)), 40), -0.1), person.fabric, 0.8)
    collar = sitter.place(spline(_mirrored(np.array(COLLAR)), 16), -0.1)
    canvas.stroke(collar, sitter.pixels(0.06), mix(person.fabric, (0, 0, 0), 0.25), 0.8, 1, 1)
    below_jaw = (spline(sitter.points[2:15], 24) + (0, 0.16, -0.3)) * (0.66, 1, 1)
    canvas.fill(sitter.view.project(below_jaw), shadow, SKIN)
    for side in (-1, 1):
        canvas.fill(
            sitter.place(ellipse(side * (width + 0.03), 0.04, 0.11, 0.21), 0.02), skin * (0.97, 0.90, 0.88), SKIN
        )
        canvas.fill(sitter.place(ellipse(side * (width + 0.05), 0.03, 0.055, 0.13), 0.02), shadow, SKIN)
    canvas.fill(outline(sitter), skin, SKIN)


def _mirrored(left: np.ndarray) -> np.ndarray:
    """A symmetric path from its left half; a last point on the axis stays single."""
    return np.concatenate([left, (left[:-1] if left[-1, 0] == 0 else left)[::-1] * (-1, 1)])


def paint_nose(canvas: Canvas, sitter: Sitter) -> None:
    """Nostrils and the shadow under the tip; the rest of the nose is light on bumps."""
    skin, base = np.asarray(sitter.identity.skin), sitter.points[31:36]
    canvas.stroke(
        sitter.view.project(spline(base, 20)), sitter.pixels(0.035), skin * (0.72, 0.60, 0.57), SKIN, 0.5, 0.5
    )
    for nostril in (base[1] - (0.012, 0, 0), base[3] + (0.012, 0, 0)):
        arch = spline(nostril + np.array([(-0.055, 0.012, 0), (0, -0.022, 0), (0.055, 0.012, 0)]), 8)
        canvas.stroke(sitter.view.project(arch), sitter.pixels(0.032), skin * (0.34, 0.24, 0.23), SKIN, 0.2, 0.2)
