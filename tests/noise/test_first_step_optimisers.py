"""The warning at the first optimiser step, over a weight that this optimiser does not move, or not far enough."""

import re
import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import noise
from noise.attaching.first_step import NoiseWarning
from tests.noise.stepping import adam, dynamic, network, step, watched

pytestmark = pytest.mark.usefixtures("no_hook_stays")

TURN = {
    "Adam": dict(lr=1e-4, weight_decay=1e-4),
    "Adam foreach": dict(lr=1e-4, weight_decay=1e-4, foreach=True),
    "Adam fused": dict(lr=1e-4, weight_decay=1e-4, fused=True),
    "Adam capturable": dict(lr=torch.tensor(1e-4), weight_decay=1e-4),
    "NAdam": dict(lr=1e-3, weight_decay=1e-4),
    "RAdam": dict(lr=1e-3, weight_decay=1e-4),
    "Adamax": dict(lr=1e-3, weight_decay=1e-4),
    "Adagrad": dict(lr=1e-2, weight_decay=1e-4),
}


@pytest.mark.parametrize("kind", TURN)
def test_optimisers_that_turn_the_sign(kind):
    model = dynamic()
    assert step(model, getattr(torch.optim, kind.split()[0])(model.parameters(), **TURN[kind])) == []


REST = {
    "Adam": (dict(lr=1e-4), "without weight decay and never turns"),
    "AdamW": (dict(lr=1e-4), r"under decoupled weight decay \(AdamW\) and never turns"),
    "Adam ": (dict(lr=1e-4, weight_decay=1e-2, decoupled_weight_decay=True), "under decoupled weight decay"),
    "NAdam": (dict(lr=1e-4, weight_decay=1e-2, decoupled_weight_decay=True), "under decoupled weight decay"),
    "RAdam": (dict(lr=1e-4, weight_decay=1e-2, decoupled_weight_decay=True), "under decoupled weight decay"),
    "SGD": (dict(lr=0.1, weight_decay=1e-4), "does not turn within 20,000 steps under SGD"),
    "SGD ": (
        dict(lr=0.1, weight_decay=1e-4, momentum=0.9),
        "does not turn within 20,000 steps under SGD",
    ),
    "Rprop": (dict(lr=0.1), "without weight decay"),
    "Adagrad": (
        dict(lr=1e-5, weight_decay=1e-4),
        "does not turn within 20,000 steps under Adagrad",
    ),
    "Adam  ": (
        dict(lr=1e-9, weight_decay=1e-4),
        "does not turn within 500,000 steps under Adam at learning rate 1e-09",
    ),
    "Adam   ": (dict(lr=3e-8, weight_decay=0.1), "first turns after [0-9]{3},[0-9]{3} steps at learning rate 3e-08"),
}


@pytest.mark.parametrize("kind", REST)
def test_optimisers_that_do_not(kind):
    numbers, message = REST[kind]
    model = dynamic()
    (said,) = step(model, getattr(torch.optim, kind.strip())(model.parameters(), **numbers))
    assert "\n" not in said
    assert re.search(f"AutoReLU.weight .*{message}", said), said


def test_no_decay_on_vectors():
    """As timm and many others group them."""
    model = dynamic()
    groups = [
        {"params": [p for p in model.parameters() if p.ndim > 1]},
        {"params": [p for p in model.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    (said,) = step(model, adam(groups))
    assert "without weight decay" in said


def test_made_before_attaching():
    model = network()
    optimizer = adam(model.parameters())
    names = noise.attach_dynamic(model, 0.003, "all")
    watched(model)
    (said,) = step(model, optimizer)
    assert "is in no optimiser" in said
    assert len(names) == 2


def test_many_sites_are_counted():
    model = nn.Sequential(
        *(network()[:3] for _ in range(1)), *(nn.Sequential(nn.BatchNorm2d(4), nn.ReLU()) for _ in range(6))
    )
    optimizer = adam(model.parameters())
    noise.attach_dynamic(model, 0.003, "all")
    watched(model)
    with pytest.warns(NoiseWarning, match="and 4 more: AutoReLU.weight is in no optimiser") as caught:
        model(torch.randn(2, 3, 8, 8)).sum().backward()
        optimizer.step()
    assert caught[0].filename == __file__


def test_two_optimisers_hold_it_between_them():
    model = dynamic()
    first = adam(model[:3].parameters())
    second = adam(model[3:].parameters())
    assert step(model, first, second) == []


def test_one_of_two_optimisers_lacks_it():
    model = network()
    first = adam(model[:3].parameters())
    noise.attach_dynamic(model, 0.003, "all")
    watched(model)
    second = adam(model[3:].parameters())
    (said,) = step(model, first, second)
    assert "is in no optimiser" in said
    assert "more" not in said
    assert said.count("AutoReLU") == 1


def test_frozen_weight():
    model = dynamic()
    model[:3].requires_grad_(False)
    (said,) = step(model, adam(p for p in model.parameters() if p.requires_grad))
    assert "requires no gradient" in said
    assert said.count(",") == 0


def test_accumulation_scaler_and_schedulers_are_no_matter():
    model = dynamic()
    optimizer = adam(model.parameters())
    # A warm-up: the first learning rate is tiny, and the group knows of the highest.
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=50, div_factor=1e9)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for micro in range(4):
            F.cross_entropy(model(torch.randn(4, 3, 8, 8)), torch.tensor([0, 1, 2, 0])).backward()
            if micro % 2:
                optimizer.step()
                scheduler.step()
                optimizer.zero_grad()


def test_a_run_that_goes_on_is_not_asked_for_its_first_turn():
    model = dynamic(0.5)
    optimizer = adam(model.parameters(), lr=1e-7)
    first = step(model, optimizer)
    assert "first turns after" in first[0] or "does not turn" in first[0]
    resumed = dynamic(0.5)
    again = adam(resumed.parameters(), lr=1e-7)
    again.load_state_dict(optimizer.state_dict())
    assert step(resumed, again) == []


@pytest.mark.parametrize(("dtype", "start", "lost"), [(torch.bfloat16, 0.5, True), (torch.bfloat16, 0.003, False)])
def test_a_dtype_that_loses_the_steps(dtype, start, lost):
    model = dynamic(start).to(dtype)
    optimizer = adam(model.parameters())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model(torch.randn(4, 3, 8, 8, dtype=dtype)).float().square().sum().backward()
        optimizer.step()
    assert ["loses steps" in str(warning.message) for warning in caught] == [True] * lost
