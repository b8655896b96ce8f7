import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, log_loss

from stages.two_circles.network import Forward, Perceptrons, with_ones
from stages.two_circles.points import draw_circles
from stages.two_circles.scoring import accuracy, cross_entropy, logits


@pytest.fixture(scope="module")
def answers():
    models = Perceptrons(5, 12)
    models.flat.normal_(generator=torch.Generator().manual_seed(0))
    points = draw_circles(600, 0.1, 0)
    return models, points, logits(models, points.x, workers=2)


def test_logits_of_points_in_pieces(answers):
    models, points, found = answers
    x = with_ones(torch.from_numpy(points.x)).expand(5, -1, -1)
    torch.testing.assert_close(found, Forward(models, x)()[:, 0], rtol=1e-5, atol=1e-5)


def test_scores_are_those_of_scikit_learn(answers):
    _, points, found = answers
    y = torch.from_numpy(points.y)
    for row, share, loss in zip(found, accuracy(found, y), cross_entropy(found, y)):
        assert share.item() == pytest.approx(accuracy_score(points.y, row > 0))
        assert loss.item() == pytest.approx(log_loss(points.y, row.double().sigmoid()), rel=1e-5)


def test_a_logit_of_zero_is_class_zero():
    assert accuracy(torch.zeros(1, 4), torch.tensor([0.0, 0.0, 0.0, 1.0])).item() == 0.75


def test_a_sure_mistake_costs_its_logit():
    np.testing.assert_allclose(cross_entropy(torch.tensor([[200.0]]), torch.tensor([0.0])), [200.0])
