import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from stages.drawn_faces.expressions import BASIC, CODES, affect, sample_units
from stages.drawn_faces.geometry import landmarks
from stages.drawn_faces.identity import sample_identity

# The prototypes as FACS tables print them.
EMFACS = {
    "happiness": {6, 12},
    "sadness": {1, 4, 15},
    "surprise": {1, 2, 5, 26},
    "fear": {1, 2, 4, 5, 7, 20},
    "disgust": {9, 15},
    "anger": {4, 5, 7, 23},
    "contempt": {12, 14},
}


def faces(per_expression, rng):
    """Landmarks, centred and scaled by the distance of the eyes, of many persons at good intensity; and the labels."""
    shapes, labels = [], []
    for label, name in enumerate(BASIC):
        for _ in range(per_expression):
            points = landmarks(sample_identity(rng), sample_units(name, rng.uniform(0.7, 1.0), rng))[:, :2]
            left, right = points[36:42].mean(axis=0), points[42:48].mean(axis=0)
            shapes.append(((points - (left + right) / 2) / np.linalg.norm(right - left)).ravel())
            labels.append(label)
    return np.array(shapes), np.array(labels)


@pytest.mark.parametrize("expression", EMFACS)
def test_expression_is_its_emfacs_prototype(expression):
    rng = np.random.default_rng(0)
    for _ in range(20):
        units = sample_units(expression, 1.0, rng)
        assert EMFACS[expression] <= units.keys()
        assert all(max(units[unit]) > 0.1 for unit in EMFACS[expression])
        assert all(0 <= side <= 1 for sides in units.values() for side in sides)


def test_intensity_scales_the_prototype():
    weak, strong = (sample_units("happiness", intensity, np.random.default_rng(4))[12] for intensity in (0.4, 0.8))
    np.testing.assert_allclose(np.array(strong), 2 * np.array(weak))


def test_contempt_shows_on_one_side_only():
    sides = [sample_units("contempt", 1.0, np.random.default_rng(seed))[14] for seed in range(20)]
    assert all(min(side) == 0 < max(side) for side in sides)
    assert len({side[0] > side[1] for side in sides}) == 2


def test_expressions_can_be_told_apart_by_the_landmarks_alone():
    train, test = faces(60, np.random.default_rng(1)), faces(40, np.random.default_rng(2))
    right = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(*train).predict(test[0]) == test[1]
    assert right.mean() > 0.85
    assert min(right[test[1] == label].mean() for label in range(7)) > 0.7


def test_affect_agrees_with_the_expression():
    mean = {
        name: np.mean([affect(name, 0.8, np.random.default_rng(seed)) for seed in range(200)], axis=0) for name in BASIC
    }
    assert np.abs(mean["neutral"]).max() < 0.02
    assert mean["happiness"][0] > 0.5
    assert max(mean[name][0] for name in ("sadness", "fear", "disgust", "anger")) < -0.4
    assert mean["sadness"][1] < -0.2 < 0.5 < min(mean[name][1] for name in ("surprise", "fear", "anger"))


@pytest.mark.parametrize("expression", CODES)
def test_affect_is_in_range_or_minus_two_where_nothing_can_be_judged(expression):
    values = np.array([affect(expression, 1.0, np.random.default_rng(seed)) for seed in range(50)])
    if expression in ("uncertain", "no-face"):
        assert (values == -2).all()
    else:
        assert np.abs(values).max() <= 1
