import math
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from stages.params import read
from stages.running.health import COLLAPSED_EPOCHS, after, before, must_fit, of_the_crops
from stages.training.optimisation import make_average
from stages.training.schedule import rates
from stages.variants import load

PARAMS = read(Path(__file__).parents[3] / "params.yaml")


ALL = PARAMS.train.model_copy(update={"images": None})


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


@pytest.mark.parametrize(
    ("variant", "sections", "warns"),
    [
        ("dropout", {"dropout": {"p": 0.0}}, "dropout.p 0 drops nothing"),
        ("dropout-periodic", {"dropout": {"p": 0.0}}, "dropout.p 0 drops nothing"),
        ("dropout", {"dropout": {"p": 1e-9}}, None),
        ("periodic", {"dropout": {"p": 0.0}}, None),
        ("gaussian", {"gaussian": {"stddev": 0.0}}, "gaussian.stddev 0 adds nothing"),
        ("gaussian", {"gaussian": {"stddev": 1e-9}}, None),
        ("baseline", {"gaussian": {"stddev": 0.0}}, None),
        ("bursts", {"bursts": {"stddev": 0.0}}, "bursts.stddev 0 adds nothing"),
    ],
    ids=str,
)
def test_a_method_without_strength_is_named(variant, sections, warns):
    lines = warned(variant, changed(**sections), 100)
    assert [line.startswith(f"{variant}: {warns}") for line in lines] == ([True] if warns else [])


@pytest.mark.parametrize("epochs", [1, 2, 3, 8])
def test_a_warm_up_that_the_run_does_not_outlast_is_named(epochs):
    for warmup in range(12):
        options = changed(train={"epochs": epochs, "warmup": warmup})
        reached = max(rates(options.train, 4 * options.train.batch_size)) == options.train.learning_rate
        assert bool(warned("baseline", options, 4)) != reached, warmup


@pytest.mark.parametrize("epochs", [1, 2, 3, 4, 8])
def test_early_stopping_that_cannot_stop_is_named(epochs):
    for patience in range(1, 12):
        # The longest wait that there can be: nothing is better than the first epoch.
        spared = any(epoch - 1 >= patience for epoch in range(1, epochs))
        assert bool(warned("baseline", changed(train={"epochs": epochs, "early_stopping": patience}), 4)) != spared


@pytest.mark.parametrize("decay", [0.5, 0.9, 0.99, 0.999, 0.9999, 1 - 1e-12])
@pytest.mark.parametrize("steps", [1, 2, 10, 100, 1000])
def test_an_average_that_hardly_moves_is_named(decay, steps):
    """Weights of 1 after the first step and 0 from then on: what is left of the 1 in the average."""
    weight = torch.nn.Linear(1, 1, bias=False).requires_grad_(False)
    average = make_average(weight, decay)
    for step in range(steps):
        weight.weight.fill_(float(step == 0))
        average.update_parameters(weight)
    left = average.module.weight.item()
    lines = warned("baseline", changed(train={"epochs": 1, "ema": decay}), steps)
    assert len(lines) == (left >= 0.5)
    assert all(f"{left:.0%} of the average" in line for line in lines)


class OfCrops(dict):
    """What is asked of the crops."""

    def __init__(self, counts=(3, 4), soft=None):
        super().__init__(train=SimpleNamespace(soft=soft))
        self.summary = {"title": "T", "size": 48, "counts": {"train": dict(enumerate(counts))}}


@pytest.mark.parametrize(
    ("sections", "crops", "warns"),
    [
        ({}, OfCrops(), None),
        ({"data": {"soft_labels": True}}, OfCrops(), "data.soft_labels has no effect: T has no votes"),
        ({"data": {"soft_labels": True}}, OfCrops(soft=[1]), None),
        ({"data": None}, OfCrops(), None),
        ({"train": {"class_balance": "weights"}}, OfCrops((5, 5)), "train.class_balance: weights has no effect"),
        ({"train": {"class_balance": "weights"}}, OfCrops((5, 6)), None),
        ({"train": {"class_balance": "sampling"}}, OfCrops((5, 5)), None),
        (
            {"train": {"augment": PARAMS.train.augment.model_copy(update={"shift": 48})}},
            OfCrops(),
            "train.augment.shift",
        ),
    ],
    ids=str,
)
def test_what_has_no_effect_on_these_crops_is_named(sections, crops, warns):
    lines = of_the_crops("baseline", changed(**sections), crops)
    assert [line.startswith(f"baseline: {warns}") for line in lines] == ([True] if warns else [])


def rows(*classes):
    """Curves of epochs with so many predicted classes each."""
    return [{"epoch": 1 + index, "predicted_classes": n, "val_loss": 1.0} for index, n in enumerate(classes)]


def test_a_validation_loss_that_means_nothing_is_named():
    curves = rows(3, 3)
    curves[0]["val_loss"] = 1e14
    (line,) = after("baseline", curves, 0, None)
    assert line.startswith("baseline: the validation loss was 1e+14 in epoch 1: the averages of BatchNorm do not fit")
    curves[0]["val_loss"] = 9e3
    assert after("baseline", curves, 0, None) == []


def test_nothing_injected_is_named_where_there_is_a_sign_to_turn():
    fine = rows(3, 3, 3, 3, 3)
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
    lines = after("baseline", rows(*classes), 0, None)
    expected = [f"baseline: the network predicted one single class for {epochs} epochs in a row"] if epochs else []
    assert lines == expected
    assert COLLAPSED_EPOCHS == 3


def test_a_batch_that_does_not_fit_is_refused_in_one_line():
    with pytest.raises(
        SystemExit, match="^params.yaml: train.batch_size: 64 is more than the 63 training images there are$"
    ):
        must_fit(ALL, 63, 7, processes=1)
    with pytest.raises(SystemExit, match="^params.yaml: train.batch_size: 64 cannot be shared by 3 processes$"):
        must_fit(ALL, 64, 7, processes=3)
    must_fit(ALL, 64, 7, processes=2)


@pytest.mark.parametrize(
    ("images", "line"), [(71, "71 is more than the 70 training"), (6, "6 leaves some of 7 classes")]
)
def test_a_subset_that_cannot_be_drawn_is_refused_in_one_line(images, line):
    with pytest.raises(SystemExit, match=f"^params.yaml: train.images: {line} [a-z ]+$"):
        must_fit(ALL.model_copy(update={"images": images, "batch_size": 2}), 70, 7, processes=1)
