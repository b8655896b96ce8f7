"""Eyes and brows."""

import numpy as np

from stages.drawn_faces.canvas import Canvas, between, ellipse, mix, spline, taper
from stages.drawn_faces.face import DARK, FEATURE, SKIN, Sitter

LASH, SCLERA, PUPIL, HIGHLIGHT = (34, 24, 22), (240, 236, 232), (14, 12, 14), (255, 255, 255)


def paint_eyes(canvas: Canvas, sitter: Sitter) -> None:
    """Lids with their crease, eyeballs, and lashes."""
    person = sitter.identity
    skin = np.asarray(person.skin)
    shadowed = mix(skin * (0.86, 0.76, 0.75), person.fabric, 0.35 * max(person.makeup - 0.5, 0))  # or eye-shadow
    lift = np.sin(np.linspace(0.1, np.pi - 0.1, 20))[:, None] * (0, 0.055 if person.age < 0.6 else 0.04)
    for side, points in ((-1, sitter.points[36:42]), (1, sitter.points[42:48])):
        depth = points[:, 2].mean()
        upper, lower = spline(points[:4, :2], 20), spline(points[[0, 5, 4, 3], :2], 20)
        crease = upper - lift
        canvas.fill(sitter.place(np.concatenate([crease, upper[::-1]]), depth), shadowed, SKIN)
        canvas.groove(sitter.place(crease, depth), sitter.pixels(0.022), 0.75)
        canvas.fill(sitter.place(np.concatenate([upper, lower[::-1]]), depth), SCLERA, FEATURE)
        _paint_iris(canvas, sitter, upper, lower, depth)
        wing = upper if side < 0 else upper[::-1]
        tip = wing[0] + (wing[0] - wing[3]) * (0.25 + 0.3 * person.makeup) - (0, 0.012 * person.makeup)
        lashes = sitter.place(np.concatenate([[tip], wing]), depth)
        canvas.stroke(lashes, sitter.pixels(0.020 + 0.016 * person.makeup), LASH, DARK, 0.1, 0.3)
        canvas.stroke(
            sitter.place(lower, depth),
            sitter.pixels(0.011),
            mix(skin * 0.55, LASH, 0.4 * person.makeup),
            DARK,
            0.3,
            0.3,
        )


def _paint_iris(canvas: Canvas, sitter: Sitter, upper: np.ndarray, lower: np.ndarray, depth: float) -> None:
    """Iris, pupil and highlight, as far as the lids leave them open, and the lid's shadow on them."""
    iris, half = np.asarray(sitter.identity.iris), np.ptp(upper[:, 0]) / 2
    x, y = upper[:, 0].mean() + 0.3 * half * sitter.gaze[0], sitter.identity.eye_y + 0.025 * sitter.gaze[1]
    radius = 0.52 * half
    for shape, colour, material in (
        (ellipse(x, y, radius, radius, 28), iris * 0.45, FEATURE),
        (ellipse(x, y, 0.86 * radius, 0.86 * radius, 28), iris, FEATURE),
        (ellipse(x, y + 0.3 * radius, 0.6 * radius, 0.45 * radius), mix(iris, (255, 240, 210), 0.25), FEATURE),
        (ellipse(x, y, 0.45 * radius, 0.45 * radius), PUPIL, FEATURE),
        (np.concatenate([upper, upper[::-1] + (0, 0.022)]), mix(iris, LASH, 0.75), FEATURE),
        (ellipse(x - 0.33 * radius, y - 0.36 * radius, 0.2 * radius, 0.22 * radius, 10), HIGHLIGHT, 0.2),
    ):
        canvas.fill(sitter.place(between(shape, upper, lower), depth), colour, material)


def paint_brows(canvas: Canvas, sitter: Sitter) -> None:
    """Brows as a body with single hairs over its upper edge."""
    person = sitter.identity
    dark = mix(person.hair, (30, 22, 20), 0.45)
    swell = np.interp(np.linspace(0, 1, 16), (0, 0.12, 0.55, 1), (0.75, 1.1, 0.95, 0.2))
    width = sitter.pixels(person.brow_thickness) * swell[:, None]
    for brow in (sitter.points[17:22][::-1], sitter.points[22:27]):
        path = sitter.view.project(spline(brow, 16))
        along = np.gradient(path, axis=0)
        along *= width / np.linalg.norm(along, axis=1, keepdims=True)
        down = along[:, ::-1] * (-0.5, 0.5) * np.sign(path[-1, 0] - path[0, 0])
        canvas.fill(np.concatenate([path + down, (path - down)[::-1]]), dark, FEATURE)
        hairs = np.stack([path + 0.5 * down, path - 0.3 * down + 0.4 * along, path - 1.2 * down + 0.9 * along], axis=1)
        for i in range(0, 13, 2):
            canvas.fill(taper(hairs[i], sitter.pixels(0.016), 0, 0), mix(dark, person.hair, (i % 4) / 8), FEATURE)
