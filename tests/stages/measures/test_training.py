import numpy as np
import pandas as pd
import pytest

from stages.measures import training


def measured(f1, loss=None, train=None):
    epochs = len(f1)
    columns = {"val_macro_f1": f1, "val_loss": np.ones(epochs) if loss is None else loss}
    columns |= {"train_loss": np.full(epochs, 0.7), "train_eval_loss": np.full(epochs, 0.5)} | (train or {})
    return {f"{split} {name}": value for split, name, value in training.measures(pd.DataFrame(columns))}


def test_by_hand():
    found = measured([0.1, 0.4, 0.35, 0.3], [1.5, 1.2, 1.3, 1.6], {"train_loss": [2, 1, 0.5, 0.2]})
    assert found["train loss"] == 0.2 and found["train eval_loss"] == 0.5
    assert found["val peak_to_last"] == pytest.approx(0.1) and found["val loss_rise"] == pytest.approx(0.4)
    # Of four epochs the last quarter is one, and two are the least that have a line: its slope, times two.
    assert found["val macro_f1_trend"] == pytest.approx(-0.1) and found["val loss_trend"] == pytest.approx(0.6)
    assert found["val converged"] == 1


@pytest.mark.parametrize(("epochs", "quarter"), [(2, 2), (8, 2), (9, 3), (14, 4), (24, 6)])
def test_the_last_quarter(epochs, quarter):
    """What was before it counts for nothing; a line over it rises by its slope in each of its epochs."""
    f1 = np.concatenate([np.linspace(0.9, 0, epochs - quarter), 0.3 + 0.01 * np.arange(quarter)])
    assert measured(f1)["val macro_f1_trend"] == pytest.approx(0.01 * quarter)


@pytest.mark.parametrize(
    ("f1_rise", "loss_fall", "converged"),
    [(0.019, 0, 1), (0.021, 0, 0), (-0.5, 0, 1), (0, 0.09, 1), (0, 0.11, 0), (0, -1, 1), (0.019, 0.09, 1)],
)
def test_a_run_has_converged_where_neither_score_nor_loss_get_better(f1_rise, loss_fall, converged):
    """The loss is 2 in the middle of the quarter, of which a twentieth is 0.1; what gets worse has converged."""
    line = (np.arange(4) - 1.5) / 4
    f1 = np.concatenate([np.zeros(12), 0.4 + f1_rise * line])
    loss = np.concatenate([np.full(12, 3.0), 2 - loss_fall * line])
    assert measured(f1, loss)["val converged"] == converged


def test_one_epoch_has_no_trend():
    assert list(measured([0.3])) == ["train loss", "train eval_loss", "val peak_to_last", "val loss_rise"]
