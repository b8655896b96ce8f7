"""The skin: its tints, the bumps that bone, fat and muscle make, and the lines of age and of action units."""

from collections.abc import Sequence

import numpy as np

from stages.drawn_faces.canvas import Canvas, spline
from stages.drawn_faces.face import Sitter
from stages.drawn_faces.geometry import strength
from stages.drawn_faces.shading import Bump, window


def bumps(sitter: Sitter) -> list[Bump]:
    """The hills and hollows of a face, moved by its action units."""
    points, units, person = sitter.points, sitter.units, sitter.identity
    cheek = max(strength(units, 6), 0.7 * strength(units, 12))
    chin = strength(units, 17)
    hills = []

    def add(x: float, y: float, height: float, width: float, length: float) -> None:
        centre = sitter.place(np.array([(x, y)]))[0]
        hills.append(Bump(tuple(centre.tolist()), height, width, length))

    bulk = person.nose_bulk
    bridge, tip = sitter.view.project(points[27:31]), sitter.view.project(points[30:31])[0]
    for centre, height, width, length in (
        (bridge[1], 0.05 * bulk, 0.055, 0.12),
        (bridge[2], 0.07 * bulk, 0.06, 0.12),
        (tip, 0.10 * bulk, 0.075, 0.07),
    ):
        hills.append(Bump(tuple(centre.tolist()), height, width, length))
    for side, corner, wing, first in ((-1, 48, 31, 36), (1, 54, 35, 42)):
        eye = points[first : first + 6, :2].mean(axis=0)
        add(eye[0] - 0.05 * side, eye[1] - 0.07, -0.055, 0.15, 0.09)
        add(eye[0], eye[1], 0.03, 0.10, 0.07)
        add(eye[0] + 0.02 * side, eye[1] - 0.22, 0.035, 0.2, 0.06)
        add(side * 0.42, 0.22 - 0.07 * cheek, 0.045 + 0.06 * cheek, 0.14, 0.12)
        add(points[wing, 0] * 0.85, points[wing, 1] - 0.01, 0.05, 0.045, 0.045)
        add(points[corner, 0] + 0.03 * side, points[corner, 1], -0.02 - 0.02 * strength(units, 14), 0.04, 0.04)
        add(side * 0.55, 0.42, -0.035, 0.1, 0.16)
    add(0, points[51, 1] - 0.07, -0.012, 0.025, 0.05)
    add(0, points[51, 1] + 0.02, 0.025, 0.16, 0.035)
    add(0, points[57, 1] - 0.02, 0.035, 0.13, 0.035)
    add(0, points[57, 1] + 0.07, -0.04, 0.14, 0.04)
    add(0, points[8, 1] - 0.13, 0.05 + 0.03 * chin, 0.14, 0.09)
    add(0, -0.55, 0.03, 0.3, 0.15)
    return hills


def press_wrinkles(canvas: Canvas, sitter: Sitter) -> None:
    """Grooves by action units, deeper with age: forehead (1, 2), between the brows (4), nose (9), beside the eyes (6),
    under them (6, 7), from the nose to the mouth (6, 9, 10, 12) and on the chin (17)."""
    units, person, points = sitter.units, sitter.identity, sitter.points
    get = lambda unit: strength(units, unit)  # noqa: E731
    age = person.age

    def press(path: Sequence | np.ndarray, depth: float, width: float = 0.028) -> None:
        if depth > 0.12:
            canvas.groove(sitter.place(spline(np.asarray(path, float), 12)), sitter.pixels(width), depth)

    inner, outer = get(1), get(2)
    top = min(points[19, 1], points[24, 1]) - 0.10
    reach = 0.22 + 0.24 * outer
    for i in range(3):
        y = top - 0.085 * i
        sag = 0.02 if outer > 0.3 else -0.03 * inner
        press(
            [(-reach, y + sag), (-reach / 2, y), (0, y + 0.012), (reach / 2, y), (reach, y + sag)],
            0.85 * max(inner * (1 if i < 2 else 0.7), outer) * (0.6 + 0.4 * age)
            + 0.45 * max(age - 0.35, 0) * (i < 2 or age > 0.6),
        )
    frown = get(4)
    brow = (points[21, :2] + points[22, :2]) / 2
    gap = (points[22, 0] - points[21, 0]) / 2
    for side in (-1, 1):
        press(
            [
                (side * gap * 0.55, brow[1] - 0.10),
                (side * gap * 0.45, brow[1] - 0.02),
                (side * gap * 0.62, brow[1] + 0.07),
            ],
            0.95 * frown * (0.75 + 0.25 * age),
            0.032,
        )
    wrinkle = get(9)
    for i in range(3):
        y = points[27, 1] + 0.02 + 0.055 * i
        press([(-0.085, y + 0.025), (0, y - 0.012), (0.085, y + 0.025)], 0.9 * wrinkle, 0.026)
    for side, corner, wing, first, outer_corner in ((-1, 48, 31, 36, 36), (1, 54, 35, 42, 45)):
        eye, cheek = points[outer_corner, :2], units.get(6, (0, 0))[side > 0]
        for tilt in (-0.045, 0.0, 0.05):
            press(
                [
                    (eye[0] + side * 0.05, eye[1] + tilt * 0.5),
                    (eye[0] + side * 0.10, eye[1] + tilt),
                    (eye[0] + side * 0.16, eye[1] + tilt * 2.0),
                ],
                0.75 * cheek * (0.55 + 0.45 * age) + 0.4 * max(age - 0.5, 0),
                0.018,
            )
        under = points[
            [first + 3, first + 4, first + 5, first] if first == 36 else [first, first + 5, first + 4, first + 3], :2
        ]
        bag = under + (0, 0.05)
        press(bag, 0.7 * max(cheek, 0.7 * get(7)) + 0.55 * max(age - 0.3, 0) + 0.12, 0.022)
        if wrinkle:
            press(
                [
                    (side * 0.12, points[27, 1] + 0.14),
                    (side * 0.17, points[27, 1] + 0.20),
                    (side * 0.2, points[27, 1] + 0.28),
                ],
                0.7 * wrinkle,
            )
        start = points[wing, :2] + (side * 0.035, -0.05)
        end = points[corner, :2] + (side * (0.075 + 0.02 * get(12)), 0.0)
        bow = (start + end) / 2 + (side * (0.035 + 0.06 * get(12) + 0.05 * get(10)), -0.02)
        fold = 0.95 * max(get(12), get(9), 0.9 * get(10), 0.5 * cheek, 0.4 * get(20)) + 0.55 * max(age - 0.2, 0) + 0.1
        press([start, bow, end], fold, 0.036)
        down = units.get(15, (0, 0))[side > 0]
        press(
            [
                points[corner, :2] + (side * 0.02, 0.03),
                points[corner, :2] + (side * 0.045, 0.10),
                points[corner, :2] + (side * 0.04, 0.17),
            ],
            0.8 * down + 0.3 * max(age - 0.6, 0),
        )
    chin = max(get(17), 0.4 * get(23))
    y = points[57, 1] + 0.06
    press([(-0.13, y + 0.035), (0, y - 0.005), (0.13, y + 0.035)], 0.85 * chin + 0.2, 0.04)


def tint_skin(colours: np.ndarray, skin: np.ndarray, sitter: Sitter, rng: np.random.Generator) -> None:
    """Blush, freckles and shadowed eye sockets, in place.

    `colours` are (h, w, 3), `skin` (h, w) says where the skin is bare, all 0 to 1.
    """
    person, scale = sitter.identity, sitter.view.scale

    def tint(xy: tuple[float, float], radius: float, factor: tuple[float, float, float]) -> None:
        """Multiply the colours around a place, softly."""
        x, y = sitter.place(np.array([xy]))[0]
        rows, columns = near = window((x, y), 2.6 * radius * scale, skin.shape)
        down, across = np.ogrid[rows, columns]
        distance = ((across + 0.5 - x) ** 2 + (down + 0.5 - y) ** 2) / (radius * scale) ** 2
        share = skin[near] * np.exp(-0.5 * distance).astype(np.float32)
        colours[near] *= 1 - share[:, :, None] * (1 - np.asarray(factor, np.float32))

    rosy = 0.5 + 0.5 * person.makeup
    for side in (-1, 1):
        tint((side * 0.43, 0.25), 0.15, (1.0, 1 - 0.13 * rosy, 1 - 0.12 * rosy))
        tint((side * (person.eye_x - 0.04), person.eye_y - 0.03), 0.13, (0.86, 0.79, 0.78))
    tint((0, person.nose_y - 0.06), 0.09, (1.0, 0.91, 0.90))
    for _ in range(int(30 * person.freckles)):
        tint((rng.normal(0, 0.3), rng.normal(0.17, 0.08)), 0.013, (0.78, 0.68, 0.62))
