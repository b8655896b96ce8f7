"""Who is drawn: what differs between persons and stays while the expression changes.

Lengths are in face units: the head is about 2 high and 1.5 wide, x points to the picture's right, y down, z to the
viewer, and the origin lies between the eyes, at the middle of the head's height.
"""

from dataclasses import dataclass

import numpy as np

Colour = tuple[float, float, float]  # sRGB, 0 to 255

SKINS = np.array(
    [
        (246, 214, 192),
        (240, 201, 174),
        (233, 188, 152),
        (219, 168, 128),
        (196, 141, 100),
        (164, 110, 75),
        (138, 92, 64),
        (108, 72, 52),
    ],
    float,
)
HAIRS = (
    (38, 30, 28),
    (58, 40, 30),
    (92, 60, 38),
    (134, 90, 52),
    (196, 152, 88),
    (228, 196, 138),
    (156, 70, 38),
    (166, 164, 162),
    (222, 220, 216),
)
IRISES = ((84, 56, 36), (112, 74, 40), (110, 108, 58), (76, 116, 88), (78, 122, 160), (108, 124, 136))
FABRICS = (
    (188, 62, 58),
    (48, 84, 136),
    (60, 112, 92),
    (218, 178, 82),
    (120, 84, 142),
    (70, 74, 84),
    (228, 224, 214),
    (40, 42, 48),
    (206, 126, 144),
)
STYLES_WITH_BEARD = ("short", "parted", "receding", "bald", "curly", "long", "beanie")
STYLES_WITHOUT = ("short", "parted", "fringe", "long", "curly", "bun", "scarf", "beanie")
BEARDS = ("none", "stubble", "moustache", "goatee", "full")
GLASSES = ("none", "round", "square", "dark")


@dataclass(frozen=True)
class Identity:
    """One person. See the module for units; shares and amounts are 0 to 1."""

    width: float  # half the face's width at the eyes
    jaw: float  # exponent of the jaw's superellipse: 2 round, 3 square
    taper: float  # how much narrower the jaw is than the temples
    chin: float  # y of the chin
    eye_x: float
    eye_y: float
    eye_width: float  # half of it
    eye_open: float  # half of it, relaxed
    eye_tilt: float  # how much the outer corner lies above the inner
    brow_gap: float  # brow above the eye's centre
    brow_arch: float
    brow_thickness: float
    nose_y: float
    nose_width: float  # half of it
    nose_bulk: float  # how far it stands out
    mouth_y: float
    mouth_width: float  # half of it
    upper_lip: float
    lower_lip: float
    skin: Colour
    hair: Colour
    iris: Colour
    lips: Colour
    fabric: Colour
    hairstyle: str
    volume: float  # of the hair, in face units
    beard: str
    glasses: str
    age: float
    makeup: float
    freckles: float


def sample_identity(rng: np.random.Generator) -> Identity:
    """A person at random; beard and make-up come together with what usually goes with them, the rest independently."""

    def between(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    age = float(rng.beta(1.2, 2.0))
    bearded = rng.random() < 0.45
    styles = STYLES_WITH_BEARD if bearded else STYLES_WITHOUT
    depth = between(0, len(SKINS) - 1.001)
    skin = SKINS[int(depth)] + (depth % 1) * (SKINS[int(depth) + 1] - SKINS[int(depth)]) + rng.normal(0, 2.5, 3)
    dark = depth > 4.5
    hair = HAIRS[rng.integers(0, 2)] if dark else HAIRS[rng.integers(0, 7)]
    iris = IRISES[rng.integers(0, 2)] if dark else IRISES[rng.integers(0, len(IRISES))]
    if rng.random() < age * 0.9 - 0.2:
        hair = HAIRS[rng.integers(7, 9)]
    makeup = 0.0 if bearded else between(0, 1)
    lips = skin * (0.84, 0.64, 0.62) + (6, 0, 2)
    lips = lips + makeup * between(0, 0.75) * (np.array((190, 44, 62)) - lips)
    beards = BEARDS if bearded else BEARDS[:1]
    glasses = rng.choice(GLASSES, p=(0.74, 0.12, 0.115, 0.025))

    def colour(values) -> Colour:
        return tuple(np.clip(np.asarray(values, float) * between(0.92, 1.08), 0, 255).tolist())

    return Identity(
        width=between(0.68, 0.80),
        jaw=between(2.0, 2.8),
        taper=between(0.02, 0.20),
        chin=between(0.96, 1.10),
        eye_x=between(0.305, 0.35),
        eye_y=between(-0.10, -0.03),
        eye_width=between(0.152, 0.188),
        eye_open=between(0.076, 0.104),
        eye_tilt=between(-0.015, 0.03),
        brow_gap=between(0.235, 0.285),
        brow_arch=between(0.015, 0.055),
        brow_thickness=between(0.035, 0.065) * (1.15 if bearded else 0.9),
        nose_y=between(0.30, 0.39),
        nose_width=between(0.115, 0.165),
        nose_bulk=between(0.7, 1.2),
        mouth_y=between(0.585, 0.655),
        mouth_width=between(0.22, 0.28),
        upper_lip=between(0.035, 0.062),
        lower_lip=between(0.05, 0.085),
        skin=colour(skin),
        hair=colour(hair),
        iris=colour(iris),
        lips=colour(lips),
        fabric=colour(FABRICS[rng.integers(0, len(FABRICS))]),
        hairstyle=str(rng.choice(styles)),
        volume=between(0.05, 0.13),
        beard=str(rng.choice(beards)),
        glasses=str(glasses),
        age=age,
        makeup=makeup,
        freckles=between(0, 1) if rng.random() < 0.15 else 0.0,
    )
