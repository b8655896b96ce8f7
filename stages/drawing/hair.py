"""Hair, headwear, beards and glasses."""

import numpy as np

from stages.drawing.canvas import Canvas, ellipse, mix, spline
from stages.drawing.face import FEATURE, Sitter

HAIR = 0.75  # how strongly the light shows on it
#: Hairlines from the picture's left temple to its right: x in half face widths, y in face units.
HAIRLINES = {
    "short": ((-1.02, -0.02), (-0.93, -0.42), (-0.70, -0.66), (-0.33, -0.75), (0, -0.77), (0.33, -0.75), (0.70, -0.66), (0.93, -0.42), (1.02, -0.02)),
    "parted": ((-1.02, 0.0), (-0.93, -0.40), (-0.76, -0.62), (-0.48, -0.84), (0, -0.74), (0.40, -0.62), (0.75, -0.52), (0.95, -0.36), (1.02, 0.0)),
    "fringe": ((-1.03, 0.10), (-0.93, -0.34), (-0.68, -0.50), (-0.33, -0.53), (0, -0.52), (0.33, -0.53), (0.68, -0.50), (0.93, -0.34), (1.03, 0.10)),
    "long": ((-1.05, 0.42), (-0.97, -0.25), (-0.76, -0.58), (-0.36, -0.80), (0, -0.93), (0.36, -0.80), (0.76, -0.58), (0.97, -0.25), (1.05, 0.42)),
    "curly": ((-1.05, 0.05), (-0.92, -0.42), (-0.70, -0.62), (-0.33, -0.69), (0, -0.67), (0.33, -0.69), (0.70, -0.62), (0.92, -0.42), (1.05, 0.05)),
    "bun": ((-1.0, -0.05), (-0.93, -0.42), (-0.72, -0.66), (-0.36, -0.79), (0, -0.82), (0.36, -0.79), (0.72, -0.66), (0.93, -0.42), (1.0, -0.05)),
    "receding": ((-1.02, 0.0), (-0.94, -0.40), (-0.80, -0.72), (-0.45, -0.93), (0, -0.86), (0.45, -0.93), (0.80, -0.72), (0.94, -0.40), (1.02, 0.0)),
    "scarf": ((-0.90, 0.62), (-0.98, -0.10), (-0.80, -0.55), (-0.40, -0.76), (0, -0.80), (0.40, -0.76), (0.80, -0.55), (0.98, -0.10), (0.90, 0.62)),
    "beanie": ((-1.06, -0.22), (-0.95, -0.46), (-0.70, -0.57), (-0.33, -0.61), (0, -0.62), (0.33, -0.61), (0.70, -0.57), (0.95, -0.46), (1.06, -0.22)),
}


def _crown(sitter: Sitter, samples: int) -> np.ndarray:
    """The hair's outer edge from ear to ear, (samples, 2) face units."""
    person = sitter.identity
    volume = person.volume + {"curly": 0.16, "bun": -0.03, "scarf": 0.02, "receding": -0.02}.get(person.hairstyle, 0.0)
    angle = np.linspace(np.pi, 2 * np.pi, samples)
    return np.stack([(person.width + 0.02 + volume) * np.cos(angle), -0.10 + (1.0 + volume) * np.sin(angle)], axis=1)


def paint_back_hair(canvas: Canvas, sitter: Sitter) -> None:
    """What lies behind head and neck."""
    person, style = sitter.identity, sitter.identity.hairstyle
    dark = mix(person.hair, (0, 0, 0), 0.35)
    crown = _crown(sitter, 24)
    side = abs(crown[0, 0])
    if style == "long":
        fall = spline(np.array([(side, -0.1), (side + 0.06, 0.5), (side + 0.10, 1.1), (side - 0.15, 1.75), (-side + 0.15, 1.75), (-side - 0.10, 1.1), (-side - 0.06, 0.5), (-side, -0.1)]), 40)
        canvas.fill(sitter.place(np.concatenate([crown, fall]), -0.25), dark, HAIR)
    elif style == "scarf":
        fall = spline(np.array([(side, -0.1), (side + 0.02, 0.5), (side - 0.05, 1.1), (side + 0.35, 1.8), (-side - 0.35, 1.8), (-side + 0.05, 1.1), (-side - 0.02, 0.5), (-side, -0.1)]), 40)
        canvas.fill(sitter.place(np.concatenate([crown, fall]), -0.15), np.asarray(person.fabric) * 0.7, HAIR)
    elif style == "curly":
        canvas.fill(sitter.place(crown, -0.1), dark, HAIR)
        for x, y in np.concatenate([_crown(sitter, 18), [(side - 0.03, 0.06), (0.03 - side, 0.06)]]):
            canvas.fill(sitter.place(ellipse(x, y, 0.14, 0.14, 14), -0.1), dark, HAIR)
    elif style == "bun":
        canvas.fill(sitter.place(ellipse(0.0, -1.22, 0.30, 0.26), -0.2), dark, HAIR)


def paint_front_hair(canvas: Canvas, sitter: Sitter, rng: np.random.Generator) -> None:
    """What lies over the forehead: the mass of the hair and single strands in it, or headwear."""
    person, style = sitter.identity, sitter.identity.hairstyle
    if style == "bald":
        return
    cloth = style in ("scarf", "beanie")
    colour = np.asarray(person.fabric if cloth else person.hair)
    crown = _crown(sitter, 40)
    hairline = spline(np.array(HAIRLINES[style]) * (person.width, 1.0), 40)
    if style == "fringe":
        hairline[8:-8, 1] += 0.035 * np.abs(np.sin(np.linspace(0, 11, 24)))
    outer, inner = sitter.place(crown, 0.1), sitter.place(hairline)
    canvas.fill(np.concatenate([outer, inner[::-1]]), colour, HAIR)
    if style == "curly":
        for _ in range(60):
            k, t = rng.integers(0, 40), rng.random() ** 0.7
            x, y = crown[k] * t + hairline[k] * (1 - t) + rng.normal(0, 0.02, 2)
            tone = colour * rng.uniform(0.82, 1.2)
            canvas.fill(sitter.place(ellipse(x, y, 0.07, 0.06, 10), 0.1), tone, HAIR)
    elif cloth:
        if style == "scarf":
            for t in (0.2, 0.45, 0.7):
                canvas.stroke(outer * t + inner * (1 - t), sitter.pixels(0.03), colour * 0.74, HAIR, 0.4, 0.4)
        else:
            cuff = inner * 0.72 + outer * 0.28
            canvas.fill(np.concatenate([cuff, (inner + (inner - outer) * 0.04)[::-1]]), colour * 0.84, HAIR)
            for i in range(1, 39, 2):
                canvas.stroke(np.stack([cuff[i], inner[i]]), sitter.pixels(0.018), colour * 0.62, HAIR, 0.6, 0.6)
    else:
        parting = {"parted": 0.25, "long": 0.5, "short": 0.4, "fringe": 0.5}.get(style, 0.5)
        tips = np.sort(rng.integers(0, 40, 26))
        roots = (39 * parting + (tips - 39 * parting) * 0.55).astype(int)
        bends = 0.33 * outer[roots] + 0.55 * inner[tips] + 0.12 * outer[tips]
        strands = spline(np.stack([outer[roots], bends, inner[tips]]).reshape(3, -1), 7).reshape(7, -1, 2).swapaxes(0, 1)
        for strand, width, tone in zip(strands, rng.uniform(0.015, 0.05, len(tips)), rng.uniform(0.72, 1.38, len(tips))):
            canvas.stroke(strand, sitter.pixels(width), colour * tone + 4, HAIR, 0.3, 0.3)


def beard_parts(sitter: Sitter) -> list[np.ndarray]:
    """Outlines, in pixels, of the skin that a beard grows on."""
    points, kind = sitter.points, sitter.identity.beard
    lip, chin = points[48:60], points[8]
    parts = []
    if kind in ("moustache", "goatee", "full", "stubble"):
        # Wide, with ends that hang beside the corners of the mouth.
        left, right = lip[0] + (-0.07, 0.05, 0), lip[6] + (0.07, 0.05, 0)
        nose = points[33] * (0, 1, 1) + (0, 0.05, 0)
        shoulder = (lip[6, 0] - lip[0, 0]) * 0.34
        top = spline(np.stack([left, nose + (-shoulder, 0.05, 0), nose, nose + (shoulder, 0.05, 0), right]), 20)
        parts.append(np.concatenate([top, spline(lip[:7], 20)[::-1]]))
    if kind == "goatee":
        below = spline(np.stack([lip[0] + (-0.05, 0.02, 0), (lip[0] + chin) / 2 + (-0.06, 0, 0), chin + (0, 0.02, 0), (lip[6] + chin) / 2 + (0.06, 0, 0), lip[6] + (0.05, 0.02, 0)]), 24)
        parts.append(np.concatenate([below, spline(lip[[6, 7, 8, 9, 10, 11, 0]], 20)]))
    if kind in ("full", "stubble"):
        jaw = spline(points[1:16], 40)
        inner = spline(np.stack([points[1] * (0.93, 1, 1), points[3] * (0.82, 0.95, 1), lip[0] + (-0.05, 0, 0), lip[11], lip[9], lip[7], lip[6] + (0.05, 0, 0), points[13] * (0.82, 0.95, 1), points[15] * (0.93, 1, 1)]), 40)
        parts.append(np.concatenate([jaw, inner[::-1]]))
    return [sitter.view.project(part) for part in parts]


def paint_glasses(canvas: Canvas, sitter: Sitter) -> None:
    """Rims, bridge and temples; dark lenses hide the eyes."""
    person = sitter.identity
    if person.glasses == "none":
        return
    rim = (38, 34, 36) if person.glasses != "round" else (122, 92, 52)
    power = 2.0 if person.glasses == "round" else 3.6
    width, height, depth = 0.245, 0.19 if person.glasses == "round" else 0.165, 0.62
    angle = np.linspace(0, 2 * np.pi, 37)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    shape = np.sign(circle) * np.abs(circle) ** (2 / power) * (width, height)
    thick = sitter.pixels(0.026 if person.glasses == "round" else 0.036)
    y = person.eye_y + 0.02
    for side in (-1, 1):
        lens = sitter.place(shape + (side * (person.eye_x + 0.01), y), depth)
        if person.glasses == "dark":
            canvas.fill(lens, (30, 28, 34), FEATURE)
            canvas.stroke(lens[22:30] * 0.8 + lens.mean(axis=0) * 0.2, thick, (120, 120, 130), FEATURE)
        canvas.stroke(lens, thick, rim, FEATURE, 1, 1)
        temple = np.array([(side * (person.eye_x + width), y - 0.05, depth), (side * (person.width + 0.05), y - 0.06, 0.0)])
        canvas.stroke(sitter.view.project(temple), thick, rim, FEATURE, 1, 1)
    bridge = np.array([(-person.eye_x + width, y - 0.03), (0, y - 0.07), (person.eye_x - width, y - 0.03)])
    canvas.stroke(sitter.place(spline(bridge, 8), depth), thick, rim, FEATURE, 1, 1)
