"""Hair and headwear. A style is a hairline, and what is drawn for it behind the head and over the forehead."""

import numpy as np

from stages.drawn_faces.canvas import Canvas, ellipse, mix, spline
from stages.drawn_faces.face import Sitter

HAIR = 0.75  # how strongly the light shows on it
#: Half a hairline, from the middle of the forehead to the temple: x in half face widths, y in face units.
HAIRLINES = {
    "short": ((0, -0.77), (0.33, -0.75), (0.70, -0.66), (0.93, -0.42), (1.02, -0.02)),
    "parted": ((0, -0.74), (0.40, -0.62), (0.75, -0.52), (0.95, -0.36), (1.02, 0.0)),
    "fringe": ((0, -0.52), (0.33, -0.53), (0.68, -0.50), (0.93, -0.34), (1.03, 0.10)),
    "long": ((0, -0.93), (0.36, -0.80), (0.76, -0.58), (0.97, -0.25), (1.05, 0.42)),
    "curly": ((0, -0.67), (0.33, -0.69), (0.70, -0.62), (0.92, -0.42), (1.05, 0.05)),
    "bun": ((0, -0.82), (0.36, -0.79), (0.72, -0.66), (0.93, -0.42), (1.0, -0.05)),
    "receding": ((0, -0.86), (0.45, -0.93), (0.80, -0.72), (0.94, -0.40), (1.02, 0.0)),
    "scarf": ((0, -0.80), (0.40, -0.76), (0.80, -0.55), (0.98, -0.10), (0.90, 0.62)),
    "beanie": ((0, -0.62), (0.33, -0.61), (0.70, -0.57), (0.95, -0.46), (1.06, -0.22)),
}
#: The other half where the two differ: parted hair starts high on one side.
PARTING = ((-0.48, -0.84), (-0.76, -0.62), (-0.93, -0.40), (-1.02, 0.0))
CLOTH = ("scarf", "beanie")
EXTRA_VOLUME = {"curly": 0.16, "bun": -0.03, "scarf": 0.02, "receding": -0.02}
#: Where the strands of a style come from, as a share of the way over the crown.
ROOTS = {"parted": 0.25, "short": 0.4}
SAMPLES = 40  # points along crown and hairline


def hairline(style: str) -> np.ndarray:
    """(9, 2) points from the picture's left temple to its right, x in half face widths."""
    right = np.array(HAIRLINES[style])
    left = np.array(PARTING) if style == "parted" else right[1:] * (-1, 1)
    return np.concatenate([left[::-1], right])


def _crown(sitter: Sitter) -> np.ndarray:
    """The hair's outer edge from ear to ear, (SAMPLES, 2) face units."""
    person = sitter.identity
    volume = person.volume + EXTRA_VOLUME.get(person.hairstyle, 0.0)
    angle = np.linspace(np.pi, 2 * np.pi, SAMPLES)
    return np.stack([(person.width + 0.02 + volume) * np.cos(angle), -0.10 + (1.0 + volume) * np.sin(angle)], axis=1)


def paint_back_hair(canvas: Canvas, sitter: Sitter) -> None:
    """What lies behind head and neck."""
    person, style = sitter.identity, sitter.identity.hairstyle
    if style == "bald":
        return
    crown = _crown(sitter)
    dark = mix(person.fabric if style in CLOTH else person.hair, (0, 0, 0), 0.35)
    canvas.fill(sitter.place(crown, 0.1), dark, HAIR)
    if style in BEHIND:
        BEHIND[style](canvas, sitter, crown, dark)


def _fall(canvas: Canvas, sitter: Sitter, crown: np.ndarray, colour: np.ndarray) -> None:
    """Long hair on the back, or a scarf on the shoulders."""
    side = abs(crown[0, 0])
    edge = {
        "long": ((0.0, -0.1), (0.06, 0.5), (0.10, 1.1), (-0.15, 1.75)),
        "scarf": ((0.0, -0.1), (0.02, 0.5), (-0.05, 1.1), (0.35, 1.8)),
    }
    right = np.array(edge[sitter.identity.hairstyle]) + (side, 0)
    fall = spline(np.concatenate([right, right[::-1] * (-1, 1)]), SAMPLES)
    canvas.fill(sitter.place(np.concatenate([crown, fall]), -0.2), colour, HAIR)


def _curls_behind(canvas: Canvas, sitter: Sitter, crown: np.ndarray, colour: np.ndarray) -> None:
    side = abs(crown[0, 0]) - 0.03
    for x, y in np.concatenate([crown[::2], [(side, 0.06), (-side, 0.06)]]):
        canvas.fill(sitter.place(ellipse(x, y, 0.14, 0.14, 14), -0.1), colour, HAIR)


def _bun(canvas: Canvas, sitter: Sitter, crown: np.ndarray, colour: np.ndarray) -> None:
    canvas.fill(sitter.place(ellipse(0.0, -1.22, 0.30, 0.26), -0.2), colour, HAIR)


BEHIND = {"long": _fall, "scarf": _fall, "curly": _curls_behind, "bun": _bun}


def paint_front_hair(canvas: Canvas, sitter: Sitter, rng: np.random.Generator) -> None:
    """What lies over the forehead: the mass of the hair and single strands in it, or headwear."""
    person, style = sitter.identity, sitter.identity.hairstyle
    if style == "bald":
        return
    colour = np.asarray(person.fabric if style in CLOTH else person.hair)
    inner = spline(hairline(style) * (person.width, 1.0), SAMPLES)
    if style == "fringe":
        inner[8:-8, 1] += 0.035 * np.abs(np.sin(np.linspace(0, 11, SAMPLES - 16)))
    inner, outer = sitter.place(inner), sitter.place(_crown(sitter), 0.1)
    canvas.fill(np.concatenate([outer, inner[::-1]]), colour, HAIR)
    IN_FRONT.get(style, _strands)(canvas, sitter, outer, inner, colour, rng)


def _strands(
    canvas: Canvas, sitter: Sitter, outer: np.ndarray, inner: np.ndarray, colour: np.ndarray, rng: np.random.Generator
) -> None:
    tips = np.sort(rng.integers(0, SAMPLES, 26))
    middle = (SAMPLES - 1) * ROOTS.get(sitter.identity.hairstyle, 0.5)
    roots = (middle + (tips - middle) * 0.55).astype(int)
    bends = 0.33 * outer[roots] + 0.55 * inner[tips] + 0.12 * outer[tips]
    paths = spline(np.stack([outer[roots], bends, inner[tips]]).reshape(3, -1), 7).reshape(7, -1, 2).swapaxes(0, 1)
    for path, width, tone in zip(paths, rng.uniform(0.015, 0.05, len(tips)), rng.uniform(0.72, 1.38, len(tips))):
        canvas.stroke(path, sitter.pixels(width), colour * tone + 4, HAIR, 0.3, 0.3)


def _curls(
    canvas: Canvas, sitter: Sitter, outer: np.ndarray, inner: np.ndarray, colour: np.ndarray, rng: np.random.Generator
) -> None:
    for _ in range(60):
        k, share = rng.integers(0, SAMPLES), rng.random() ** 0.7
        x, y = outer[k] * share + inner[k] * (1 - share) + rng.normal(0, sitter.pixels(0.02), 2)
        canvas.fill(ellipse(x, y, sitter.pixels(0.07), sitter.pixels(0.06), 10), colour * rng.uniform(0.82, 1.2), HAIR)


def _folds(
    canvas: Canvas, sitter: Sitter, outer: np.ndarray, inner: np.ndarray, colour: np.ndarray, rng: np.random.Generator
) -> None:
    for share in (0.2, 0.45, 0.7):
        canvas.stroke(outer * share + inner * (1 - share), sitter.pixels(0.03), colour * 0.74, HAIR, 0.4, 0.4)


def _cuff(
    canvas: Canvas, sitter: Sitter, outer: np.ndarray, inner: np.ndarray, colour: np.ndarray, rng: np.random.Generator
) -> None:
    edge = inner * 0.72 + outer * 0.28
    canvas.fill(np.concatenate([edge, (inner + (inner - outer) * 0.04)[::-1]]), colour * 0.84, HAIR)
    for i in range(1, SAMPLES - 1, 2):
        canvas.stroke(np.stack([edge[i], inner[i]]), sitter.pixels(0.018), colour * 0.62, HAIR, 0.6, 0.6)


IN_FRONT = {"curly": _curls, "scarf": _folds, "beanie": _cuff}
