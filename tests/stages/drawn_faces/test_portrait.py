import numpy as np
import pytest
from PIL import Image, ImageDraw

from stages.drawn_faces.expressions import sample_units
from stages.drawn_faces.geometry import View
from stages.drawn_faces.identity import sample_identity
from stages.drawn_faces.portrait import draw_portrait
from stages.drawn_faces.shading import Light

SIDE = 128
VIEW = View(scale=SIDE * 0.36, centre=(SIDE / 2, SIDE / 2))
LAMP = Light()


def portrait(units, seed=8, light=LAMP):
    """The same person and hair, drawn with other units or in other light. Seed 8 has no glasses and no beard."""
    person = sample_identity(np.random.default_rng(seed))
    return draw_portrait(
        person,
        {unit: (value, value) for unit, value in units.items()},
        VIEW,
        light,
        Image.new("RGB", (SIDE, SIDE), (90, 110, 130)),
        np.random.default_rng(0),
    )


def inside(polygon):
    mask = Image.new("1", (SIDE, SIDE))
    ImageDraw.Draw(mask).polygon(polygon.ravel().tolist(), fill=1)
    return np.asarray(mask)


REST = portrait({})


@pytest.mark.parametrize(
    ("unit", "around"),
    [
        (1, [21, 22]),
        (2, [18, 25]),
        (4, [21, 22]),
        (5, [37, 44]),
        (6, [41, 46]),
        (7, [37, 44]),
        (9, [28, 31, 35]),
        (12, [48, 54]),
        (15, [48, 54]),
        (17, [57, 8]),
        (20, [48, 54]),
        (23, [51, 57]),
        (26, [66, 57]),
    ],
)
def test_action_unit_changes_the_picture_where_its_muscle_is(unit, around):
    changed = portrait({unit: 1.0})
    difference = np.abs(changed.colours - REST.colours).sum(axis=2)
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    both = np.concatenate([REST.points[around], changed.points[around]])
    near = np.min([np.hypot(x - px, y - py) for px, py in both], axis=0) < 0.15 * SIDE
    assert difference[near].mean() > 4 * difference[~near].mean()
    assert difference[near].max() > 0.25


def test_open_mouth_is_dark_between_the_inner_lips():
    opened = portrait({26: 1.0, 27: 0.5})
    mouth = inside(opened.points[60:68])
    assert mouth.sum() > 30
    assert opened.colours[mouth].mean() < 0.6 * REST.colours[mouth].mean()


def test_eyes_hold_a_dark_pupil_and_a_light_sclera():
    for first in (36, 42):
        eye = REST.colours[inside(REST.points[first : first + 6])].mean(axis=1)
        assert eye.min() < 0.2 and eye.max() > 0.6


def test_light_from_the_left_brightens_the_left_cheek():
    left, right = (portrait({}, light=Light(azimuth=azimuth)).colours for azimuth in (-1.0, 1.0))
    (x1, y1), (x2, y2) = REST.points[[3, 13]].astype(int)
    cheeks = [(slice(y1 - 4, y1 + 4), slice(x1 + 6, x1 + 14)), (slice(y2 - 4, y2 + 4), slice(x2 - 14, x2 - 6))]
    assert left[cheeks[0]].mean() > 1.2 * left[cheeks[1]].mean()
    assert right[cheeks[1]].mean() > 1.2 * right[cheeks[0]].mean()


def test_backdrop_stays_as_it_was_beside_the_person():
    assert np.abs(REST.colours[2:20, 2:20] * 255 - (90, 110, 130)).max() < 1


def test_every_kind_of_person_can_be_drawn():
    rng = np.random.default_rng(3)
    drawn = set()
    for seed in range(36):
        person = sample_identity(np.random.default_rng(seed))
        drawn |= {person.hairstyle, person.beard, person.glasses}
        result = draw_portrait(
            person, sample_units("fear", 1.0, rng), VIEW, Light(), Image.new("RGB", (SIDE, SIDE)), rng
        )
        assert np.isfinite(result.colours).all() and np.isfinite(result.points).all()
        assert result.colours.shape == (SIDE, SIDE, 3)
    assert {"bald", "scarf", "full", "moustache", "round", "square", "none"} <= drawn
