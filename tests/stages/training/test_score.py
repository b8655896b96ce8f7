import numpy as np
import pytest
from sklearn.metrics import f1_score

from stages.training.score import macro_f1

# By hand: class 0 has 2 hits, 1 false alarm, 1 miss: F1 = 4/6. Class 1: 1 hit, 1 alarm, no miss: 2/3. Class 2: 0.
ACTUAL, PREDICTED = [0, 0, 0, 1, 2], [0, 0, 1, 1, 0]


def f1_by_definition(actual, predicted, label):
    hits = sum(a == label == p for a, p in zip(actual, predicted))
    precision = hits / max(1, sum(p == label for p in predicted))
    recall = hits / max(1, sum(a == label for a in actual))
    return 2 * precision * recall / (precision + recall) if hits else 0.0


def test_a_case_by_hand():
    assert macro_f1(ACTUAL, PREDICTED, 3) == pytest.approx((4 / 6 + 2 / 3 + 0) / 3)


def test_against_the_definition_on_random_labels():
    random = np.random.default_rng(0)
    actual, predicted = random.integers(0, 7, (2, 500))
    expected = [f1_by_definition(actual, predicted, label) for label in range(7)]
    assert macro_f1(actual, predicted, 7) == pytest.approx(np.mean(expected))


def test_a_class_without_examples_is_left_out_and_one_never_hit_counts_as_zero():
    assert macro_f1([0, 0, 1], [0, 0, 0], 3) == pytest.approx((0.8 + 0.0) / 2)
    assert macro_f1([0, 0, 1], [0, 0, 2], 3) == pytest.approx((1.0 + 0.0 + 0.0) / 3), "predicted, though never there"


@pytest.mark.parametrize(
    "actual, predicted, line",
    [
        ([], [], "N >= 1"),
        ([0, 1], [0], r"\(2,\) against predictions of shape \(1,\)"),
        ([[0, 1]], [[0, 1]], r"\(1, 2\) against"),
        ([0, 3], [0, 1], "labels from 0 to 3: expected 0 to 2"),
        ([0, 1], [-1, 1], "predictions from -1 to 1"),
    ],
)
def test_impossible_labels_are_named(actual, predicted, line):
    with pytest.raises(ValueError, match=line):
        macro_f1(actual, predicted, 3)


@pytest.mark.parametrize(("classes", "size"), [(7, 300), (10, 12)])  # the second leaves some classes out
def test_against_scikit_learn(classes, size):
    actual, predicted = np.random.default_rng(1).integers(0, classes, (2, size))
    each = f1_score(actual, predicted, labels=range(classes), average=None, zero_division=np.nan)
    assert macro_f1(actual, predicted, classes) == pytest.approx(np.nanmean(each))
    assert macro_f1(actual, predicted, classes) == pytest.approx(f1_score(actual, predicted, average="macro"))
