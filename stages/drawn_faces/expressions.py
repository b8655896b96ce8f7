"""Facial expressions as sets of action units.

An action unit (AU) is the visible effect of one facial muscle or muscle group in the Facial Action Coding System
(Ekman, Friesen & Hager 2002, FACS). The emotions' prototypes are those of EMFACS (Friesen & Ekman 1983), which every
FACS table repeats: happiness 6+12, sadness 1+4+15, surprise 1+2+5+26, fear 1+2+4+5+7+20+26, disgust 9+15+17 (or 9+10),
anger 4+5+7+23, contempt 12+14 on one side.
"""

from dataclasses import dataclass, field

import numpy as np

#: AffectNet's expression names; the position is AffectNet's code.
CODES = (
    "neutral",
    "happiness",
    "sadness",
    "surprise",
    "fear",
    "disgust",
    "anger",
    "contempt",
    "none",
    "uncertain",
    "no-face",
)
#: The seven basic expressions, in the order of AffectNet's codes 0 to 6.
BASIC = CODES[:7]

#: Intensities of action units, 0 (absent) to 1 (as strong as it gets), each on the picture's left and right side.
Units = dict[int, tuple[float, float]]


@dataclass(frozen=True)
class Prototype:
    """Which action units make an expression.

    always:    AU -> its range of intensity, relative to the expression's intensity.
    sometimes: AU -> (probability, lowest, highest).
    valence, arousal: where the full expression lies in the circumplex (Russell 1980), each -1 to 1.
    """

    always: dict[int, tuple[float, float]] = field(default_factory=dict)
    sometimes: dict[int, tuple[float, float, float]] = field(default_factory=dict)
    valence: float = 0.0
    arousal: float = 0.0
    one_sided: bool = False


PROTOTYPES = {
    "neutral": Prototype(),
    "happiness": Prototype({6: (0.5, 1.0), 12: (0.75, 1.0)}, {25: (0.65, 0.4, 1.0), 26: (0.3, 0.2, 0.6)}, 0.85, 0.25),
    "sadness": Prototype(
        {1: (0.75, 1.0), 4: (0.4, 0.8), 15: (0.65, 1.0)}, {17: (0.5, 0.3, 0.8), 43: (0.5, 0.2, 0.5)}, -0.75, -0.35
    ),
    "surprise": Prototype(
        {1: (0.75, 1.0), 2: (0.75, 1.0), 5: (0.5, 0.9), 26: (0.6, 1.0)}, {27: (0.3, 0.2, 0.6)}, 0.2, 0.85
    ),
    "fear": Prototype(
        {1: (0.75, 1.0), 2: (0.3, 0.6), 4: (0.5, 0.9), 5: (0.7, 1.0), 7: (0.2, 0.5), 20: (0.7, 1.0), 25: (0.6, 1.0)},
        {26: (0.5, 0.1, 0.4)},
        -0.65,
        0.85,
    ),
    "disgust": Prototype(
        {9: (0.8, 1.0), 15: (0.5, 0.9), 10: (0.6, 1.0), 7: (0.3, 0.6)},
        {17: (0.6, 0.3, 0.8), 25: (0.35, 0.5, 1.0), 4: (0.4, 0.2, 0.5)},
        -0.75,
        0.4,
    ),
    "anger": Prototype(
        {4: (0.8, 1.0), 5: (0.4, 0.8), 7: (0.4, 0.8), 23: (0.6, 1.0)},
        {24: (0.4, 0.4, 0.9), 17: (0.3, 0.2, 0.6), 25: (0.3, 0.6, 1.0)},
        -0.65,
        0.75,
    ),
    "contempt": Prototype({12: (0.5, 0.8), 14: (0.7, 1.0)}, {}, -0.5, 0.3, one_sided=True),
}

#: Units that come and go without any emotion: speech, blinks, a frown at the sun.
INCIDENTAL = {1: 0.2, 2: 0.25, 4: 0.3, 7: 0.35, 12: 0.2, 15: 0.2, 17: 0.25, 25: 0.5, 26: 0.3, 43: 0.35}


def sample_units(expression: str, intensity: float, rng: np.random.Generator) -> Units:
    """Action units of one face that shows `expression` at `intensity` (0 to 1).

    `expression` is a key of `PROTOTYPES`, "none" or "uncertain".
    Sides differ by up to a tenth, and one incidental unit joins in about one face of three.
    Faces of "none" and "uncertain" show incidental units only.
    """
    prototype = PROTOTYPES.get(expression, Prototype())
    strengths = {unit: intensity * rng.uniform(*limits) for unit, limits in prototype.always.items()}
    for unit, (probability, low, high) in prototype.sometimes.items():
        if rng.random() < probability:
            strengths[unit] = intensity * rng.uniform(low, high)
    count = int(rng.random() < 0.35) if expression in PROTOTYPES else 3
    for unit in rng.choice(list(INCIDENTAL), count, replace=False).tolist():
        strengths[unit] = max(strengths.get(unit, 0.0), INCIDENTAL[unit] * rng.random())
    weaker = 0.0 if prototype.one_sided else rng.uniform(0.9, 1.0)
    sides = (1.0, weaker) if rng.random() < 0.5 else (weaker, 1.0)
    return {unit: (strength * sides[0], strength * sides[1]) for unit, strength in strengths.items()}


def affect(expression: str, intensity: float, rng: np.random.Generator) -> tuple[float, float]:
    """Valence and arousal, each -1 to 1, as an annotator would note them: the prototype's, scaled, spread by 0.07.

    AffectNet writes -2 for both where nothing could be judged ("uncertain", "no-face").
    """
    if expression in ("uncertain", "no-face"):
        return -2.0, -2.0
    prototype = PROTOTYPES.get(expression, Prototype())
    judged = intensity * np.array([prototype.valence, prototype.arousal]) + rng.normal(0, 0.07, 2)
    valence, arousal = np.clip(judged, -1, 1).round(6).tolist()
    return valence, arousal
