import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import balanced_accuracy_score, f1_score

from stages.ledger.images import influences

RANDOM = np.random.default_rng(0)
ACTUAL = RANDOM.integers(0, 4, 80)
PREDICTED = np.where(RANDOM.random(80) < 0.5, ACTUAL, RANDOM.integers(0, 4, 80))
TRUTH = RANDOM.random(80).astype(np.float16)
SCORES = {
    "macro_f1": lambda kept: f1_score(ACTUAL[kept], PREDICTED[kept], average="macro"),
    "balanced_accuracy": lambda kept: balanced_accuracy_score(ACTUAL[kept], PREDICTED[kept]),
    "accuracy": lambda kept: (ACTUAL[kept] == PREDICTED[kept]).mean(),
    "loss": lambda kept: -np.log(TRUTH[kept].astype(float)).mean(),
}


@pytest.mark.parametrize("measure", SCORES)
def test_it_is_the_jackknife_of_the_score(measure):
    without = np.array([SCORES[measure](np.arange(80) != image) for image in range(80)])
    expected = (without - without.mean()) * (79 / 80) ** 0.5
    assert influences(measure, ACTUAL, PREDICTED, TRUTH) == pytest.approx(expected)


def test_its_variance_is_that_of_scipys_bootstrap():
    variance = (influences("macro_f1", ACTUAL, PREDICTED, TRUTH) ** 2).sum()

    def macro_f1(kept):
        matrix = np.bincount(4 * ACTUAL[kept] + PREDICTED[kept], minlength=16).reshape(4, 4)
        return (2 * np.diag(matrix) / (matrix.sum(0) + matrix.sum(1))).mean()

    assert macro_f1(np.arange(80)) == pytest.approx(SCORES["macro_f1"](np.arange(80)))
    images = (np.arange(80),)
    bootstrap = stats.bootstrap(images, macro_f1, n_resamples=1000, method="percentile", rng=1, vectorized=False)
    assert variance**0.5 == pytest.approx(bootstrap.standard_error, rel=0.1)


def test_a_class_of_one_image_and_a_truth_of_none_are_finite():
    actual, predicted = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 1, 3, 2])
    for measure in SCORES:
        assert np.isfinite(influences(measure, actual, predicted, np.zeros(5, np.float16))).all()


def test_of_other_measures_nothing_is_known():
    assert influences("ece", ACTUAL, PREDICTED, TRUTH) is None
    assert influences("gap", ACTUAL, PREDICTED, TRUTH) == pytest.approx(influences("loss", ACTUAL, PREDICTED, TRUTH))
