import warnings

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from stages.measures import calibration

NETCAL = {(60, 3, 1): 0.261772377165161, (500, 7, 3): 0.16822408538762268, (1000, 20, 5): 0.12411834759724812}


def said(images, classes, sharpness):
    """True classes, of which a third is foreseen, and probabilities as stage evaluate keeps them: no random numbers."""
    logits = sharpness * np.sin(1 + 0.7 * np.arange(images)[:, None] * np.arange(1, classes + 1))
    each = np.exp(logits)
    probability = (each / each.sum(axis=1, keepdims=True)).astype(np.float16)
    predicted = probability.argmax(axis=1)
    return np.where(np.arange(images) % 3 == 0, predicted, np.arange(images) ** 2 % classes), predicted, probability


@pytest.mark.parametrize(("case", "ece"), NETCAL.items())
def test_the_calibration_error_is_netcals(case, ece):
    """netcal.metrics.confidence.ECE(15) of version 1.4.0 gave these numbers; it would bring Pyro and GPyTorch along."""
    actual, predicted, probability = said(*case)
    found = dict(calibration.measures(actual, predicted, probability))
    assert found["ece"] == pytest.approx(ece, abs=1e-5)  # a float16 may round elsewhere


@pytest.mark.parametrize("case", NETCAL)
def test_the_definitions_to_the_letter(case):
    actual, predicted, probability = said(*case)
    found = dict(calibration.measures(actual, predicted, probability))
    rows = probability.astype(float) / probability.astype(float).sum(axis=1, keepdims=True)
    labels = list(range(case[1]))
    brier = brier_score_loss(actual, rows, labels=labels, scale_by_half=False)
    assert found["brier"] == pytest.approx(brier, abs=1e-12)
    error = 0
    for low in np.arange(calibration.BINS) / calibration.BINS:
        among = (rows.max(axis=1) >= low) & (rows.max(axis=1) < low + 1 / calibration.BINS)
        if among.any():
            error += among.mean() * abs(rows.max(axis=1)[among].mean() - (actual == predicted)[among].mean())
    assert found["ece"] == pytest.approx(error, abs=1e-9)


def test_by_hand():
    """Sure and right, sure and wrong, torn between two classes and right by chance: in one bin errors cancel."""
    actual, predicted = np.array([0, 1, 0, 1]), np.array([0, 0, 0, 0])
    sure, torn = np.array([[1, 0]] * 4, np.float16), np.array([[0.5, 0.5]] * 4, np.float16)
    assert dict(calibration.measures(actual, predicted, sure)) == {"brier": 1.0, "ece": 0.5}
    assert dict(calibration.measures(actual, predicted, torn)) == {"brier": 0.5, "ece": 0.0}
    assert dict(calibration.measures(actual, actual, np.eye(2)[actual])) == {"brier": 0.0, "ece": 0.0}


def test_one_class_and_probabilities_that_do_not_add_up():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one = dict(calibration.measures(np.zeros(3, int), np.zeros(3, int), np.ones((3, 1), np.float16)))
    assert one == {"brier": 0.0, "ece": 0.0}
    rounded = np.full((2, 3), 1 / 3, np.float16)
    assert dict(calibration.measures(np.zeros(2, int), np.zeros(2, int), rounded))["ece"] == pytest.approx(2 / 3)
