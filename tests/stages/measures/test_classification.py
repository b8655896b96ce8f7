import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, confusion_matrix

from stages.measures import classification


def test_the_recall_of_a_class_is_the_accuracy_among_its_images():
    random = np.random.default_rng(0)
    actual, predicted = random.integers(0, 3, 90), random.integers(0, 3, 90)
    found = dict(classification.measures(actual, predicted, 1.5, ["a", "b", "c"]))
    shares = np.diag(confusion_matrix(actual, predicted, normalize="true"))
    assert [found[f"recall/{name}"] for name in "abc"] == pytest.approx(shares)
    assert (
        found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(actual, predicted)) and found["loss"] == 1.5
    )


def test_a_class_without_an_image_has_no_recall_and_counts_in_no_average():
    found = dict(classification.measures(np.array([0, 0, 1, 1]), np.array([0, 2, 1, 1]), 1.0, ["a", "b", "c", "d"]))
    assert [found[f"recall/{name}"] for name in "ab"] == [0.5, 1] and found["balanced_accuracy"] == 0.75
    assert np.isnan([found["recall/c"], found["recall/d"], found["f1/d"]]).all() and found["f1/c"] == 0
