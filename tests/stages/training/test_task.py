"""Balance, against torch's own weighted mean and against counts by hand."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from stages.training.processes import Processes
from stages.training.task import Classification

ALONE = Processes()
LOGITS = torch.randn(16, 3, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0] * 12 + [1] * 3 + [2])


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_weighted_cross_entropy_is_torchs_for_hard_labels_and_the_same_for_their_one_hot_form(smoothing):
    task = Classification(3, LABELS, "weights", smoothing)
    weights = torch.tensor([16 / 36, 16 / 9, 16 / 3])  # images / (classes x images of the class)
    torch.testing.assert_close(task.class_weights, weights)
    expected = F.cross_entropy(LOGITS, LABELS, weight=weights, label_smoothing=smoothing)
    torch.testing.assert_close(task.loss(LOGITS, LABELS, ALONE), expected)
    if not smoothing:
        one_hot = F.one_hot(LABELS, 3).float()
        soft = Classification(3, one_hot, "weights")
        torch.testing.assert_close(soft.class_weights, weights)
        torch.testing.assert_close(soft.loss(LOGITS, one_hot, ALONE), expected)


def test_soft_targets_count_with_their_shares():
    soft = torch.tensor([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [0.5, 0.25, 0.25]])
    weights = Classification(3, soft, "weights").class_weights
    torch.testing.assert_close(weights, torch.tensor([3 / 6, 1.0, 1.0]))  # less than one image counts as one


def test_sampling_gives_every_class_the_same_weight_in_all():
    images = Classification(3, LABELS, "sampling").image_weights
    assert images[0] * 12 == pytest.approx(images[12] * 3) == pytest.approx(images[15])
    assert Classification(3, LABELS, "sampling").class_weights is None
    plain = Classification(3, LABELS)
    assert plain.image_weights is None and plain.class_weights is None


def test_label_smoothing_is_the_formula():
    for share in (0.0, 0.1):
        targets = torch.full((16, 3), share / 3).scatter(1, LABELS[:, None], 1 - share + share / 3)
        expected = -(targets * torch.log_softmax(LOGITS, 1)).sum(1).mean()
        torch.testing.assert_close(Classification(3, LABELS, "none", share).loss(LOGITS, LABELS, ALONE), expected)


def test_the_loss_is_computed_in_float32():
    logits = (100 + LOGITS).bfloat16()
    assert Classification(3, LABELS).loss(logits, LABELS, ALONE).dtype == torch.float32
    expected = F.cross_entropy(logits.float(), LABELS)
    torch.testing.assert_close(Classification(3, LABELS).loss(logits, LABELS, ALONE), expected)


def test_validation_is_scored_by_scikit_learn():
    from sklearn.metrics import accuracy_score, f1_score

    actual, predicted = np.random.default_rng(0).integers(0, 3, (2, 200))
    columns, score = Classification(4, LABELS).validate(actual, predicted, 1.25)
    assert score == columns["val_macro_f1"] == pytest.approx(f1_score(actual, predicted, average="macro"))
    assert columns["val_accuracy"] == pytest.approx(accuracy_score(actual, predicted))
    assert columns["val_loss"] == 1.25 and columns["predicted_classes"] == 3
    assert not math.isnan(score), "class 3, which nobody has, is left out"
