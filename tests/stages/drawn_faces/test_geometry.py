import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from stages.drawn_faces.geometry import View, landmarks
from stages.drawn_faces.identity import sample_identity

PERSON = sample_identity(np.random.default_rng(0))
REST = landmarks(PERSON, {})


def moved(**units):
    """How the landmarks move from rest; y points down, so a negative y is up."""
    return landmarks(PERSON, {int(name[2:]): (value, value) for name, value in units.items()}) - REST


def eye_opening(points):
    return points[[40, 41, 46, 47], 1].mean() - points[[37, 38, 43, 44], 1].mean()


# What the FACS manual says each unit does, as (landmarks, axis, direction).
EFFECTS = {
    "AU1": ([21, 22], 1, -1),  # inner brow raiser
    "AU2": ([18, 25], 1, -1),  # outer brow raiser
    "AU4": ([21, 22], 1, +1),  # brow lowerer
    "AU9": ([31, 35], 1, -1),  # nose wrinkler: wings go up
    "AU10": ([50, 52], 1, -1),  # upper lip raiser
    "AU12": ([48, 54], 1, -1),  # lip corner puller
    "AU15": ([48, 54], 1, +1),  # lip corner depressor
    "AU17": ([57, 66], 1, -1),  # chin raiser pushes the lower lip up
    "AU25": ([57, 66], 1, +1),  # lips part
    "AU26": ([8, 57], 1, +1),  # jaw drops
    "AU27": ([8, 57], 1, +1),  # mouth stretches
    "AU6": ([40, 41, 46, 47], 1, -1),  # cheek raiser lifts the lower lid
    "AU5": ([37, 38, 43, 44], 1, -1),  # upper lid raiser
    "AU7": ([37, 38, 43, 44], 1, +1),  # lid tightener
    "AU43": ([37, 38, 43, 44], 1, +1),  # eyes close
}


@pytest.mark.parametrize(("unit", "effect"), EFFECTS.items())
def test_action_unit_moves_its_landmarks_the_way_facs_says(unit, effect):
    indices, axis, direction = effect
    half, full = (direction * moved(**{unit: value})[indices, axis] for value in (0.5, 1.0))
    assert (half > 0.003).all()
    assert (full > half).all()


@pytest.mark.parametrize(("unit", "indices"), [("AU1", [17, 26]), ("AU2", [21, 22])])
def test_brow_raisers_leave_the_other_end_of_the_brow(unit, indices):
    assert np.abs(moved(**{unit: 1.0})[indices, 1]).max() < 0.03


def test_frown_draws_the_brows_together():
    move = moved(AU4=1.0)
    assert move[21, 0] > 0.02 and move[22, 0] < -0.02


def test_mouth_widths():
    width = {unit: np.ptp((REST + moved(**{unit: 1.0}))[[48, 54], 0]) for unit in ("AU12", "AU20", "AU23", "AU26")}
    rest = np.ptp(REST[[48, 54], 0])
    assert min(width["AU12"], width["AU20"]) > 1.15 * rest
    assert max(width["AU23"], width["AU26"]) < 0.95 * rest


@pytest.mark.parametrize("unit", ["AU23", "AU24"])
def test_lip_tightener_and_pressor_thin_the_lips(unit):
    tight = REST + moved(**{unit: 1.0})
    assert tight[57, 1] - tight[51, 1] < 0.7 * (REST[57, 1] - REST[51, 1])


def test_brow_units_leave_the_mouth_and_mouth_units_the_brows():
    assert np.abs(moved(AU1=1, AU2=1, AU4=1)[48:68]).max() == 0
    assert np.abs(moved(AU12=1, AU15=1, AU26=1)[17:27]).max() == 0


def test_equal_sides_give_a_symmetric_face():
    mirror = np.array(
        [
            *range(16, -1, -1),
            *range(26, 16, -1),
            27,
            28,
            29,
            30,
            35,
            34,
            33,
            32,
            31,
            45,
            44,
            43,
            42,
            47,
            46,
            39,
            38,
            37,
            36,
            41,
            40,
            54,
            53,
            52,
            51,
            50,
            49,
            48,
            59,
            58,
            57,
            56,
            55,
            64,
            63,
            62,
            61,
            60,
            67,
            66,
            65,
        ]
    )
    points = landmarks(PERSON, {4: (0.7, 0.7), 6: (0.4, 0.4), 9: (0.5, 0.5), 12: (0.8, 0.8), 26: (0.5, 0.5)})
    np.testing.assert_allclose(points[mirror] * (-1, 1, 1), points, atol=1e-12)


def test_one_sided_unit_moves_one_corner():
    move = landmarks(PERSON, {12: (0.0, 1.0)}) - REST
    assert move[54, 1] < -0.05
    assert abs(move[48, 1]) < 0.02


def test_eyes_never_turn_inside_out():
    rng = np.random.default_rng(1)
    for _ in range(300):
        person = sample_identity(rng)
        units = {unit: tuple(rng.random(2)) for unit in (1, 2, 4, 5, 6, 7, 9, 43)}
        points = landmarks(person, units)
        assert eye_opening(points) > 0


def test_view_is_yaw_then_pitch_then_roll():
    points = np.random.default_rng(2).normal(size=(20, 3))
    view = View(yaw=0.3, pitch=-0.2, roll=0.15, scale=40.0, centre=(50.0, 60.0))
    # With y down and z to the viewer: a turn to the right is about y, a nod down about -x, clockwise about z.
    turn = Rotation.from_euler("yxz", [0.3, 0.2, 0.15])
    expected = turn.apply(points)[:, :2] * 40.0 + (50.0, 60.0)
    np.testing.assert_allclose(view.project(points), expected, atol=1e-9)


def test_turning_right_brings_the_nose_to_the_right_and_nodding_brings_it_down():
    tip = REST[30:31]
    straight, right, down = (view.project(tip)[0] for view in (View(), View(yaw=0.3), View(pitch=0.3)))
    assert right[0] > straight[0] + 5
    assert down[1] > straight[1] + 5
