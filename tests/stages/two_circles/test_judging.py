import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss

from stages.two_circles import judging
from stages.two_circles.points import draw_circles
from stages.two_circles.scoring import logits
from stages.two_circles.training import Schedule, train
from tests.stages.two_circles.conftest import VARIANTS


def test_each_model_is_judged_at_its_own_peak(repetitions):
    """On the large points, by scikit-learn; the rates make some models best early and others late."""
    trained = train(repetitions, VARIANTS, 10, Schedule(60, 0.2, test_interval=2, keep_interval=10))
    validation, large = draw_circles(300, 0.3, 5), draw_circles(400, 0.3, 6)
    curves = judging.curves(trained, 5, validation, workers=1)
    scores = judging.scores(trained, curves, np.arange(10, 61, 10), large, workers=1)
    assert {len(np.ravel(values)) for values in scores.values()} == {20} and len(scores) == 14
    assert len(set(scores["peak_accuracy_epoch"])) > 1 and len(set(scores["peak_loss_epoch"])) > 1
    for model in range(20):
        answers = [logits(kept, validation.x)[model] for kept in trained.kept]
        best = int(np.argmax([accuracy_score(validation.y, answer > 0) for answer in answers]))
        assert scores["peak_accuracy_epoch"][model] == 10 * (best + 1)
        then = logits(trained.kept[best], large.x)[model]
        assert scores["peak_large_accuracy"][model] == pytest.approx(accuracy_score(large.y, then > 0))
        assert scores["peak_accuracy"][model] == trained.test_curve.reshape(20, -1)[model, 5 * best + 4]
        least = int(np.argmin([log_loss(validation.y, answer.double().sigmoid()) for answer in answers]))
        then = logits(trained.kept[least], large.x)[model].double().sigmoid()
        assert scores["peak_loss_epoch"][model] == 10 * (least + 1)
        assert scores["peak_large_loss"][model] == pytest.approx(log_loss(large.y, then), rel=1e-5)
        assert scores["peak_loss"][model] == trained.test_loss_curve.reshape(20, -1)[model, 5 * least + 4]


def test_roughness_is_the_spread_of_the_steps():
    curves = np.array([[0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.5, 0.6]])
    assert judging.roughness(curves) == pytest.approx([0, np.std([0.1, -0.1, 0.1])])
    assert judging.roughness(np.ones((2, 3, 1))).tolist() == [[0] * 3] * 2
