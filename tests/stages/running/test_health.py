import math
from pathlib import Path

import pytest
import torch

from stages.params import read
from stages.running.health import COLLAPSED_EPOCHS, after, before, must_fit
from stages.variants import load

PARAMS = read(Path(__file__).parents[3] / "params.yaml")


def changed(**sections):
    parts = {
        name: getattr(PARAMS, name).model_copy(update=values)
        for name, values in sections.items()
        if isinstance(values, dict)
    }
    parts = {"dynamic": PARAMS.dynamic.model_copy(update={"start": 0.001})} | parts  # not "auto", which is settled
    return PARAMS.model_copy(update={**sections, **parts})


def warned(variant, params, steps_per_epoch):
    return before(variant, load(variant).reads, params, steps_per_epoch)


@pytest.mark.parametrize(
    ("interval", "unit", "warns"),
    [(12, "epoch", False), (13, "epoch", True), (13, "step", False), (120, "step", False), (121, "step", True)],
)
@pytest.mark.parametrize("variant", ["periodic", "dropout-periodic"])
def test_an_interval_longer_than_the_run_is_named(variant, interval, unit, warns):
    params = changed(interval=interval, periodic={"unit": unit}, train={"epochs": 12})
    lines = warned(variant, params, steps_per_epoch=10)
    length = 12 if unit == "epoch" else 120
    line = (
        f"{variant}: interval {interval} is longer than the run of {length} {unit}s: the flag never turns; "
        f"choose an interval of at most {length}, or more epochs"
    )
    assert lines == ([line] if warns else [])


def algorithm_1_turns(interval, steps):
    """Whether any of so many steps finds the flag of Algorithm 1 set."""
    flag = False
    for step in range(1, steps + 1):
        if flag:
            return True
        flag ^= step % interval == interval - 1
    return False


def test_it_is_named_exactly_where_algorithm_1_never_turns():
    for interval in range(1, 8):
        for epochs in range(1, 10):
            lines = warned("periodic", changed(interval=interval, train={"epochs": epochs}), 10)
            assert bool(lines) != algorithm_1_turns(interval, epochs), (interval, epochs)


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_a_start_from_which_w_cannot_turn_is_named(schedule):
    options = {"epochs": 4, "learning_rate": 1e-3, "weight_decay": 1e-4, "schedule": schedule}
    steps = 4 * 25
    starts = [0.005 * (place + 1) for place in range(20)]
    ends = torch.tensor(starts, requires_grad=True)
    optimizer = torch.optim.Adam([ends], lr=1e-3, weight_decay=1e-4)
    turned = torch.zeros(len(starts), dtype=torch.bool)
    for step in range(steps):
        if schedule == "cosine":
            optimizer.param_groups[0]["lr"] = 1e-3 * (1 + math.cos(math.pi * step / steps)) / 2
        ends.grad = torch.zeros(len(starts))
        optimizer.step()
        turned |= ends.detach() < 0
    assert 2 < turned.sum() < 18
    for start, turns in zip(starts, turned.tolist()):
        lines = warned("dynamic", changed(dynamic={"start": start}, train=options), 25)
        assert len(lines) != turns
        assert all("does not turn within 100 steps; choose dynamic.start: auto" in line for line in lines)


def test_where_nothing_moves_w_that_is_named():
    possible = {"start": 0.001}
    assert "coupled weight decay" in warned("dynamic", changed(dynamic=possible, train={"optimizer": "adamw"}), 100)[0]
    assert "coupled weight decay" in warned("dynamic", changed(dynamic=possible, train={"optimizer": "sgd"}), 100)[0]
    assert "coupled weight decay" in warned("dynamic", changed(dynamic=possible, train={"weight_decay": 0.0}), 100)[0]
    assert not warned("dynamic", changed(dynamic=possible), 100)


@pytest.mark.parametrize("variant", ["baseline", "dropout", "gaussian"])
def test_a_variant_is_told_nothing_of_parameters_that_it_does_not_read(variant):
    assert warned(variant, changed(interval=1000, dynamic={"start": 0.9}, train={"optimizer": "sgd"}), 1) == []


def test_nothing_injected_is_named_where_there_is_a_sign_to_turn():
    fine = [{"predicted_classes": 3}] * 5
    assert after("dynamic", fine, signed=8, first_turn=7) == []
    assert after("dynamic", fine, signed=8, first_turn=1) == []
    assert after("baseline", fine, signed=0, first_turn=None) == []
    assert after("dynamic", fine, signed=8, first_turn=None) == [
        "dynamic: NOTHING WAS INJECTED: no sign ever turned, so this run is the baseline under another name"
    ]


@pytest.mark.parametrize(
    ("classes", "epochs"),
    [
        ((1, 1, 2, 1, 1, 1), 3),  # in a row, not in all
        ((1, 1, 1, 1, 3), 4),
        ((1, 1, 2, 1, 1), None),
        ((1, 1), None),
        ((2, 2, 2, 2), None),
        ((1, 1, 1, 2, 1, 1, 1, 1, 2, 1), 4),
    ],
)
def test_a_collapsed_network_is_named(classes, epochs):
    lines = after("baseline", [{"predicted_classes": number} for number in classes], 0, None)
    expected = [f"baseline: the network predicted one single class for {epochs} epochs in a row"] if epochs else []
    assert lines == expected
    assert COLLAPSED_EPOCHS == 3


def test_a_batch_that_does_not_fit_is_refused_in_one_line():
    with pytest.raises(
        SystemExit, match="^params.yaml: train.batch_size: 64 is more than the 63 training images there are$"
    ):
        must_fit(PARAMS.train, images=63, processes=1)
    with pytest.raises(SystemExit, match="^params.yaml: train.batch_size: 64 cannot be shared by 3 processes$"):
        must_fit(PARAMS.train, images=64, processes=3)
    must_fit(PARAMS.train, images=64, processes=2)
