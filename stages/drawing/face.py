"""Paint a face: skin, eyes, brows, nose, mouth and the wrinkles that the action units press into it."""

from dataclasses import dataclass

import numpy as np

from stages.drawing.canvas import Canvas, ellipse, mix, spline
from stages.drawing.expressions import Units
from stages.drawing.geometry import View, strength, surface
from stages.drawing.identity import Identity

SKIN, FEATURE, DARK = 1.0, 0.6, 0.35  # how strongly the light shows on them
LASH = (34, 24, 22)


@dataclass(frozen=True)
class Sitter:
    """A person in one moment, placed in the picture: `points` are the (68, 3) landmarks in face units."""

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
    neck = width * 0.62
    canvas.fill(sitter.place(np.array([(-neck, 0.5), (neck, 0.5), (neck * 1.05, 1.35), (neck * 1.5, 1.6), (-neck * 1.5, 1.6), (-neck * 1.05, 1.35)]), -0.1), skin * 0.90, SKIN)
    shoulders = spline(np.array([(-2.2, 3.2), (-1.7, 1.62), (-1.0, 1.34), (-0.45, 1.16), (0, 1.46), (0.45, 1.16), (1.0, 1.34), (1.7, 1.62), (2.2, 3.2)]), 40)
    canvas.fill(sitter.place(shoulders, -0.1), person.fabric, 0.8)
    collar = spline(np.array([(-0.47, 1.14), (-0.3, 1.38), (0, 1.50), (0.3, 1.38), (0.47, 1.14)]), 16)
    canvas.stroke(sitter.place(collar, -0.1), sitter.pixels(0.06), mix(person.fabric, (0, 0, 0), 0.25), 0.8, 1, 1)
    under = spline(sitter.points[2:15], 24) + (0, 0.16, -0.3)
    canvas.fill(sitter.view.project(under * (0.66, 1, 1)), shadow, SKIN)
    for side in (-1, 1):
        canvas.fill(sitter.place(ellipse(side * (width + 0.03), 0.04, 0.11, 0.21), 0.02), skin * (0.97, 0.90, 0.88), SKIN)
        canvas.fill(sitter.place(ellipse(side * (width + 0.05), 0.03, 0.055, 0.13), 0.02), shadow, SKIN)
    canvas.fill(outline(sitter), skin, SKIN)


def paint_eyes(canvas: Canvas, sitter: Sitter) -> None:
    """Lids, eyeballs with iris, pupil and highlight, and lashes."""
    person = sitter.identity
    skin = np.asarray(person.skin)
    for side, first in ((-1, 36), (1, 42)):
        points = sitter.points[first : first + 6, :2]
        depth = sitter.points[first : first + 6, 2].mean()
        upper = spline(points[:4], 20)
        lower = spline(points[[3, 4, 5, 0]], 20)[::-1]
        middle, half = points[[0, 3]].mean(axis=0), abs(points[3, 0] - points[0, 0]) / 2
        lift = np.sin(np.linspace(0.1, np.pi - 0.1, 20))[:, None]
        crease = upper - (0, 0.055 if person.age < 0.6 else 0.04) * lift
        place = lambda xy: sitter.place(np.asarray(xy), depth)  # noqa: E731
        lid = mix(skin * (0.86, 0.76, 0.75), person.fabric, 0.35 * max(person.makeup - 0.5, 0))
        canvas.fill(place(np.concatenate([crease, upper[::-1]])), lid, SKIN)
        canvas.groove(place(crease), sitter.pixels(0.022), 0.75)
        canvas.fill(place(np.concatenate([upper, lower[::-1]])), (240, 236, 232), FEATURE)

        def within(shape: np.ndarray) -> np.ndarray:
            """The part of a convex shape that the lids leave open."""
            low, high = np.interp(shape[:, 0], upper[:, 0], upper[:, 1]), np.interp(shape[:, 0], lower[:, 0], lower[:, 1])
            return place(np.stack([shape[:, 0], np.clip(shape[:, 1], low, np.maximum(low, high))], axis=1))

        iris_x, iris_y = middle[0] + sitter.gaze[0] * 0.3 * half, person.eye_y + sitter.gaze[1] * 0.025
        radius = 0.52 * half
        canvas.fill(within(ellipse(iris_x, iris_y, radius, radius, 28)), np.asarray(person.iris) * 0.45, FEATURE)
        canvas.fill(within(ellipse(iris_x, iris_y, radius * 0.86, radius * 0.86, 28)), person.iris, FEATURE)
        canvas.fill(within(ellipse(iris_x, iris_y + radius * 0.3, radius * 0.6, radius * 0.45)), mix(person.iris, (255, 240, 210), 0.25), FEATURE)
        canvas.fill(within(ellipse(iris_x, iris_y, radius * 0.45, radius * 0.45)), (14, 12, 14), FEATURE)
        shade_strip = np.concatenate([upper, (upper + (0, 0.022))[::-1]])
        canvas.fill(within(shade_strip), mix(person.iris, LASH, 0.75), FEATURE)
        canvas.fill(within(ellipse(iris_x - 0.33 * radius, iris_y - 0.36 * radius, 0.2 * radius, 0.22 * radius, 10)), (255, 255, 255), 0.2)
        weight = 0.020 + 0.016 * person.makeup
        wing = upper if side < 0 else upper[::-1]
        tip = wing[0] + ((wing[0] - wing[3]) * (0.25 + 0.3 * person.makeup) + (0, -0.012 * person.makeup))
        canvas.stroke(place(np.concatenate([[tip], wing])), sitter.pixels(weight), LASH, DARK, 0.1, 0.3)
        canvas.stroke(place(lower), sitter.pixels(0.011), mix(skin * 0.55, LASH, 0.4 * person.makeup), DARK, 0.3, 0.3)


def paint_brows(canvas: Canvas, sitter: Sitter) -> None:
    """Brows as a body with single hairs over its edge."""
    person = sitter.identity
    dark = mix(person.hair, (30, 22, 20), 0.45)
    for brow in (sitter.points[17:22][::-1], sitter.points[22:27]):
        path = sitter.view.project(spline(brow, 16))
        width = sitter.pixels(person.brow_thickness) * np.interp(np.linspace(0, 1, 16), (0, 0.12, 0.55, 1), (0.75, 1.1, 0.95, 0.2))
        along = np.gradient(path, axis=0)
        along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-9
        across = along[:, ::-1] * (-1, 1)
        across *= np.sign(across[:, 1:2].sum()) or 1.0
        edge = across * width[:, None] / 2
        canvas.fill(np.concatenate([path + edge, (path - edge)[::-1]]), dark, FEATURE)
        for i in range(0, 13, 2):
            hair = np.stack([path[i] + edge[i] * 0.5, path[i] - edge[i] * 0.3 + along[i] * width[i] * 0.4, path[i] - edge[i] * 1.2 + along[i] * width[i] * 0.9])
            canvas.stroke(hair, sitter.pixels(0.016), mix(dark, person.hair, (i % 4) / 8), FEATURE)


def paint_nose(canvas: Canvas, sitter: Sitter) -> None:
    """Nostrils and the shadow under the tip; the rest of the nose is light on bumps."""
    skin = np.asarray(sitter.identity.skin)
    base = sitter.view.project(sitter.points[31:36])
    canvas.stroke(spline(base, 20), sitter.pixels(0.035), skin * (0.72, 0.60, 0.57), SKIN, 0.5, 0.5)
    for index, side in ((1, -1), (3, 1)):
        x, y = base[index]
        nostril = spline(np.array([(-0.055, 0.012), (0, -0.022), (0.055, 0.012)]), 8) * (1, 1)
        canvas.stroke(nostril * sitter.view.scale + (x + side * sitter.pixels(0.012), y), sitter.pixels(0.032), skin * (0.34, 0.24, 0.23), SKIN, 0.2, 0.2)


def paint_mouth(canvas: Canvas, sitter: Sitter) -> None:
    """Lips and, between them, teeth and tongue."""
    lips, points = np.asarray(sitter.identity.lips), sitter.points
    depth = float(points[48:68, 2].mean())
    outer_top = spline(points[48:55, :2], 28)
    outer_bottom = spline(points[[54, 55, 56, 57, 58, 59, 48], :2], 28)
    inner_top = spline(points[[48, 61, 62, 63, 54], :2], 28)
    inner_bottom = spline(points[[54, 65, 66, 67, 48], :2], 28)[::-1]
    inner_bottom[:, 1] = np.maximum(inner_bottom[:, 1], inner_top[:, 1])
    place = lambda xy: sitter.place(xy, depth)  # noqa: E731
    gape = points[66, 1] - points[62, 1]
    canvas.fill(place(np.concatenate([outer_top, outer_bottom])), lips, 0.9)
    canvas.fill(place(np.concatenate([outer_top, inner_top[::-1]])), lips * (0.86, 0.80, 0.80), 0.9)
    if gape > 0.012:
        canvas.fill(place(np.concatenate([inner_top, inner_bottom[::-1]])), (64, 22, 26), DARK)
        tongue = ellipse((inner_top[14, 0]), points[66, 1] + 0.02, 0.5 * sitter.identity.mouth_width, 0.45 * gape, 24)
        low, high = (np.interp(tongue[:, 0], inner_top[:, 0], edge[:, 1]) for edge in (inner_top, inner_bottom))
        if gape > 0.1:
            canvas.fill(place(np.stack([tongue[:, 0], np.clip(tongue[:, 1], low, high)], axis=1)), (176, 84, 84), DARK)
        # A dropped jaw alone hardly bares the upper teeth; a smile, a stretch or a sneer does.
        bared = min(1.0, 0.25 + max(strength(sitter.units, unit) for unit in (12, 20, 10, 23)))
        teeth = np.minimum(inner_top[2:-2, 1] + bared * min(0.075, 0.02 + 0.75 * gape), inner_bottom[2:-2, 1])
        canvas.fill(place(np.concatenate([inner_top[2:-2], np.stack([inner_top[2:-2, 0], teeth], axis=1)[::-1]])), (244, 240, 230), 0.5)
        bared = max(strength(sitter.units, 20), strength(sitter.units, 23) * (gape > 0.03))
        if bared > 0.3:
            row = np.maximum(inner_bottom[4:-4, 1] - 0.05 * bared, inner_top[4:-4, 1])
            canvas.fill(place(np.concatenate([inner_bottom[4:-4], np.stack([inner_bottom[4:-4, 0], row], axis=1)[::-1]])), (228, 222, 210), 0.5)
    else:
        canvas.stroke(place(inner_top), sitter.pixels(0.022), lips * (0.42, 0.30, 0.32), FEATURE, 0.4, 0.4)
    for corner in (inner_top[:3], inner_top[-3:]):
        canvas.stroke(place(corner), sitter.pixels(0.028), lips * (0.45, 0.34, 0.35), FEATURE, 0.6, 0.6)
