from pathlib import Path

import pytest
import torch

from stages.params import read
from stages.running.health import after, before, explain, must_fit

PARAMS = read(Path(__file__).parents[3] / "params.yaml")


def changed(**sections):
    parts = {
        name: getattr(PARAMS, name).model_copy(update=values)
        for name, values in sections.items()
        if isinstance(values, dict)
    }
    return PARAMS.model_copy(update={**sections, **parts})


@pytest.mark.parametrize(
    ("interval", "unit", "warned"),
    [(12, "epoch", False), (13, "epoch", True), (13, "step", False), (121, "step", True)],
)
def test_an_interval_longer_than_the_run_is_named(interval, unit, warned):
    params = changed(interval=interval, periodic={"unit": unit}, train={"epochs": 12})
    lines = before("periodic", params, steps_per_epoch=10)
    assert bool(lines) == warned
    assert all("never turns" in line for line in lines)


def test_a_start_from_which_w_cannot_turn_is_named():
    params = changed(dynamic={"start": 0.5}, train={"epochs": 12, "learning_rate": 1e-4})
    assert "cannot turn within 1200 steps" in before("dynamic", params, 100)[0]
    assert not before("dynamic", changed(dynamic={"start": 0.01}, train={"epochs": 12, "learning_rate": 1e-4}), 100)
    assert "coupled weight decay" in before("dynamic", changed(train={"optimizer": "adamw"}), 100)[0]
    assert "coupled weight decay" in before("dynamic", changed(train={"weight_decay": 0.0}), 100)[0]


def test_nothing_injected_and_a_collapsed_network_are_named():
    fine = [{"predicted_classes": 3}] * 5
    assert after("dynamic", fine, first_turn=7) == []
    assert after("baseline", fine, first_turn=None) == []
    assert "NOTHING WAS INJECTED" in after("dynamic", fine, first_turn=None)[0]
    collapsed = [{"predicted_classes": classes} for classes in (1, 1, 2, 1, 1, 1)]
    assert "one single class for 3 epochs" in after("baseline", collapsed, None)[0]
    assert after("baseline", collapsed[:5], None) == []


def test_a_batch_that_does_not_fit_is_refused_in_one_line():
    with pytest.raises(
        SystemExit, match="^params.yaml: train.batch_size: 64 is more than the 63 training images there are$"
    ):
        must_fit(PARAMS.train, images=63, processes=1)
    with pytest.raises(SystemExit, match="^params.yaml: train.batch_size: 64 cannot be shared by 3 processes$"):
        must_fit(PARAMS.train, images=64, processes=3)
    must_fit(PARAMS.train, images=64, processes=2)


def test_what_pytorch_stops_over_is_explained_and_bugs_are_not():
    # As torch words them: the second on a GPU, for AlexNet and VGG.
    crowded = torch.OutOfMemoryError(
        "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 139.81 GiB of which ..."
    )
    assert explain(crowded) == "CUDA out of memory: lower train.batch_size or data.size"
    random = "adaptive_avg_pool2d_backward_cuda does not have a deterministic implementation, but you set 'torch.use_deterministic_algorithms(True)'."
    assert explain(RuntimeError(random)) == (
        "adaptive_avg_pool2d_backward_cuda does not have a deterministic implementation: "
        "set train.deterministic to false, or choose another train.network"
    )
    assert explain(RuntimeError("mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)")) is None
