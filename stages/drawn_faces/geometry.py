"""Where the features are: 68 landmarks from identity and action units, and their projection into the picture.

The landmarks are numbered as in the 300-W annotation (Sagonas et al. 2013) that AffectNet uses: 0-16 jaw, 17-21 and
22-26 brows, 27-30 nose bridge, 31-35 nose base, 36-41 and 42-47 eyes, 48-59 outer and 60-67 inner lips; always from the
picture's left to its right. Lengths are in face units (see `identity`).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stages.drawn_faces.expressions import Units
from stages.drawn_faces.identity import Identity

JAW, NOSE, LIPS = slice(0, 17), slice(27, 36), slice(48, 68)


@dataclass(frozen=True)
class View:
    """How the head is seen: angles in radians, `scale` in pixels per face unit, `centre` in pixels.

    yaw > 0 turns to the picture's right, pitch > 0 looks down, roll > 0 turns clockwise.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    scale: float = 50.0
    centre: tuple[float, float] = (64.0, 64.0)

    def project(self, points: np.ndarray) -> np.ndarray:
        """(n, 3) face units to (n, 2) pixels, without perspective."""
        return points @ self._matrix + self.centre

    @cached_property
    def _matrix(self) -> np.ndarray:
        """(3, 2): yaw, then pitch, then roll, then scale, with z dropped."""
        (sy, sp, sr), (cy, cp, cr) = (
            np.sin((self.yaw, self.pitch, self.roll)),
            np.cos((self.yaw, self.pitch, self.roll)),
        )
        turn = np.array([(cy, 0, -sy), (0, 1, 0), (sy, 0, cy)])
        nod = np.array([(1, 0, 0), (0, cp, -sp), (0, sp, cp)])
        tilt = np.array([(cr, sr), (-sr, cr), (0, 0)])
        return turn @ nod @ tilt * self.scale


def surface(identity: Identity, xy: np.ndarray) -> np.ndarray:
    """(n, 2) points on the face to (n, 3): the head is half an ellipsoid, 0.72 deep."""
    points = np.empty((len(xy), 3))
    points[:, :2] = xy
    squared = (points[:, :2] / (1.06 * identity.width, 1.25)) ** 2
    points[:, 2] = 0.72 * np.sqrt(np.maximum(1 - squared[:, 0] - squared[:, 1], 0))
    return points


def strength(units: Units, unit: int) -> float:
    """Mean intensity of an action unit over both sides, 0 where it is absent."""
    return sum(units.get(unit, (0.0, 0.0))) / 2


def landmarks(identity: Identity, units: Units) -> np.ndarray:
    """The (68, 3) landmarks of a face. Unknown action units have no effect."""
    flat = np.zeros((68, 2))
    flat[JAW] = _jaw(identity, units)
    flat[NOSE] = _nose(identity, units)
    for side, brow, eye in ((0, slice(17, 22), slice(36, 42)), (1, slice(22, 27), slice(42, 48))):
        one_side = {unit: both[side] for unit, both in units.items()}
        brow_points, eye_points = _brow(identity, one_side), _eye(identity, one_side)
        if side == 0:
            flat[brow] = brow_points[::-1] * (-1, 1)
            flat[eye] = eye_points[[0, 1, 2, 3, 4, 5]] * (-1, 1)
        else:
            flat[brow] = brow_points
            flat[eye] = eye_points[[3, 2, 1, 0, 5, 4]]
    flat[LIPS] = _lips(identity, units)
    points = surface(identity, flat)
    points[27:31, 2] += np.array((0.02, 0.07, 0.14, 0.22)) * identity.nose_bulk
    points[31:36, 2] += np.array((0.03, 0.09, 0.13, 0.09, 0.03)) * identity.nose_bulk
    points[LIPS, 2] += 0.05 * np.clip(1 - np.abs(flat[LIPS, 0]) / 0.3, 0, 1)
    return points


def jaw_drop(units: Units) -> float:
    """How far the chin goes down: AU26 opens the jaw, AU27 stretches it, AU17 pushes the chin up."""
    return 0.11 * strength(units, 26) + 0.20 * strength(units, 27) - 0.025 * strength(units, 17)


def _jaw(identity: Identity, units: Units) -> np.ndarray:
    along = np.linspace(-np.pi / 2, np.pi / 2, 17)
    sine, cosine = np.sin(along), np.cos(along)
    across = np.sign(sine) * np.abs(sine) ** (2 / identity.jaw)
    down = np.clip(cosine, 0, 1) ** (2 / identity.jaw)
    x = identity.width * across * (1 - identity.taper * down)
    y = -0.12 + (identity.chin + 0.12) * down + jaw_drop(units) * down**3
    return np.stack([x, y], axis=1)


def _brow(identity: Identity, units: dict[int, float]) -> np.ndarray:
    """Five points of the right brow, from the nose outwards."""
    t = np.linspace(0, 1, 5)
    inner, outer, frown = (units.get(unit, 0.0) for unit in (1, 2, 4))
    x = identity.eye_x + identity.eye_width * (-1.05 + 2.25 * t) - 0.055 * frown * (1 - t)
    y = identity.eye_y - identity.brow_gap - identity.brow_arch * np.sin(np.pi * (0.1 + 0.8 * t)) + 0.03 * t**2
    y -= 0.15 * inner * (1 - t) ** 1.3
    y -= 0.13 * outer * np.exp(-(((t - 0.7) / 0.35) ** 2))
    # Together with AU1 the frown draws the brows together but no longer down.
    y += 0.15 * frown * (1 - 0.8 * min(inner, 1.0)) * (1 - 0.75 * t)
    y += 0.05 * units.get(9, 0.0) * (1 - 0.6 * t) - 0.02 * units.get(5, 0.0)
    return np.stack([x, y], axis=1)


def _eye(identity: Identity, units: dict[int, float]) -> np.ndarray:
    """Six points of the right eye: outer corner, upper lid, inner corner, lower lid."""
    cheek, wide, tight, wrinkle, shut = (units.get(unit, 0.0) for unit in (6, 5, 7, 9, 43))
    oblique = min(units.get(1, 0.0), 1.0) * units.get(4, 0.0)
    opening = identity.eye_open
    lower = opening * max(-0.35, 0.8 + 0.15 * wide - 0.5 * tight - 0.95 * cheek - 0.45 * wrinkle)
    upper = opening * (1 + 0.6 * wide - 0.3 * tight - 0.15 * cheek - 0.3 * wrinkle - 0.75 * shut)
    upper = max(upper, 0.25 * opening - lower)
    x = np.array((1.0, 0.36, -0.36, -1.0, -0.36, 0.36))
    y = np.array((0.0, -0.96 * upper, -upper, 0.012, lower, lower * 0.98))
    y -= identity.eye_tilt * x
    y[1] += 0.25 * opening * oblique
    y[0] += 0.2 * opening * oblique
    return np.stack([identity.eye_x + identity.eye_width * x, identity.eye_y + y], axis=1)


def _nose(identity: Identity, units: Units) -> np.ndarray:
    wrinkle, smile = strength(units, 9), strength(units, 12)
    base = identity.nose_y - 0.045 * wrinkle - 0.012 * strength(units, 10)
    bridge = np.linspace(identity.eye_y, base - 0.07, 4)
    wing = identity.nose_width * (1 + 0.14 * smile + 0.16 * wrinkle)
    across = np.array((-1, -0.5, 0, 0.5, 1.0)) * wing
    below = base + np.array((-0.045, -0.008, 0.015, -0.008, -0.045)) - 0.02 * wrinkle * np.array((1, 0.4, 0, 0.4, 1.0))
    return np.concatenate([np.stack([np.zeros(4), bridge], axis=1), np.stack([across, below], axis=1)])


def _lips(identity: Identity, units: Units) -> np.ndarray:
    """Twelve outer and eight inner points of the mouth."""
    get = lambda unit: strength(units, unit)  # noqa: E731
    thin = 1 - 0.55 * min(1.0, max(get(23), get(24))) - 0.12 * get(12) - 0.15 * get(20)
    gape = 0.05 * get(25) * (1 + 0.5 * get(12) + 0.4 * get(20)) + 0.21 * get(26) + 0.16 * get(27)
    lift = 0.05 * get(10) + 0.035 * get(9)
    top = identity.mouth_y - lift - 0.012 * get(12) - 0.03 * get(17) - 0.1 * gape
    bottom = top + lift * min(1.0, 4 * get(25)) * 0.4 + gape
    drop = 0.45 * gape
    corner_x, corner_y = [], []
    for side in (0, 1):
        one = {unit: both[side] for unit, both in units.items()}
        pull, down, stretch = (one.get(unit, 0.0) for unit in (12, 15, 20))
        narrow = (
            0.14 * one.get(23, 0.0)
            + 0.10 * one.get(24, 0.0)
            + 0.30 * get(26) * (1 - pull) * (1 - stretch)
            + 0.10 * get(27)
        )
        corner_x.append(identity.mouth_width * (1 + 0.28 * pull + 0.28 * stretch + 0.08 * one.get(14, 0.0) - narrow))
        corner_y.append(top + drop - 0.125 * pull + 0.10 * down + 0.035 * stretch - 0.03 * one.get(14, 0.0))

    def row(fractions, middle: float, bulge) -> np.ndarray:
        """Points across the mouth: `middle` at the centre, the corners' height at the ends."""
        fractions = np.asarray(fractions, float)
        right = fractions > 0
        x = fractions * np.where(right, corner_x[1], corner_x[0])
        ends = np.where(right, corner_y[1], corner_y[0])
        profile = 1 - np.abs(fractions) ** 2.0
        return np.stack([x, ends + (middle - ends) * profile + bulge], axis=1)

    upper, lower = identity.upper_lip * thin, identity.lower_lip * thin * (1 - 0.2 * get(17))
    # AU10 lifts the lip beside the middle most, so that the upper lip becomes angular.
    square = 0.03 * get(10) * np.array((0, 0.8, 1, 0.2, 1, 0.8, 0))
    fractions = np.array((-1, -0.62, -0.24, 0, 0.24, 0.62, 1))
    outer_top = row(fractions, top, -upper * np.array((0, 0.55, 1.05, 0.82, 1.05, 0.55, 0)) - square)
    outer_bottom = row((0.66, 0.3, 0, -0.3, -0.66), bottom, lower * np.array((0.55, 0.95, 1, 0.95, 0.55)))
    inner_top = row((-0.92, -0.45, 0, 0.45, 0.92), top, -0.5 * np.array((0, square[2], square[3], square[2], 0)))
    inner_bottom = row((0.45, 0, -0.45), bottom, 0.0)
    return np.concatenate([outer_top, outer_bottom, inner_top, inner_bottom])
