"""`first_turn` against torch's own optimisers, really run on the float32 weight of a layer without derivative."""

import time

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler
from torch.optim.optimizer import register_optimizer_step_post_hook

import noise
from noise.first_turn import first_turn, start_for


def really(start, make, steps, schedule=None, dtype=torch.float32):
    """The first step after which the weight is negative."""
    weight = torch.nn.Parameter(torch.tensor([start], dtype=dtype))
    optimizer = make([weight])
    scheduler = None if schedule is None else schedule(optimizer)
    weight.grad = torch.zeros_like(weight)
    for step in range(1, steps + 1):
        optimizer.step()
        if weight < 0:
            return step
        if scheduler is not None:
            scheduler.step()
    return None


def adam(parameters, lr=1e-4, weight_decay=1e-4, **others):
    return torch.optim.Adam(parameters, lr=lr, weight_decay=weight_decay, foreach=False, **others)


@pytest.mark.parametrize("start", [1e-6, 5e-4, 1e-3, 2e-3, 3e-3, 5e-3, 0.01])
def test_adam_at_the_defaults(start):
    expected = really(start, adam, 500)
    assert first_turn(start) == first_turn(start, optimizer=adam([torch.nn.Parameter(torch.zeros(4))])) == expected


@pytest.mark.parametrize(
    "numbers",
    [
        {"lr": 1e-2, "weight_decay": 1e-4},
        {"lr": 1e-3, "weight_decay": 5e-2, "betas": (0.8, 0.99)},
        {"lr": 1e-3, "weight_decay": 1e-4, "eps": 1e-4},
        {"lr": 1e-3, "weight_decay": 1e-4, "betas": (0.0, 0.9)},
    ],
)
def test_adam_with_other_numbers(numbers):
    expected = really(0.03, lambda parameters: adam(parameters, **numbers), 1500)
    optimizer = adam([torch.nn.Parameter(torch.zeros(4))], **numbers)
    assert first_turn(0.03, within=1500, **numbers) == first_turn(0.03, optimizer=optimizer, within=1500) == expected


def test_a_long_way_fast():
    started = time.perf_counter()
    assert first_turn(0.5) == pytest.approx(13_300, rel=0.01)
    assert time.perf_counter() - started < 0.3
    assert first_turn(0.1) == pytest.approx(6_300, rel=0.01)


def test_schedule_as_numbers_and_as_a_function():
    steps = 300
    rates = [1e-3 * (1 + np.cos(np.pi * step / steps)) / 2 for step in range(steps)]

    def cosine(optimizer):
        return lr_scheduler.CosineAnnealingLR(optimizer, steps)

    optimizer = adam([torch.nn.Parameter(torch.zeros(4))], lr=1e-3)
    for start in (0.01, 0.03, 0.05):
        expected = really(start, lambda parameters: adam(parameters, lr=1e-3), steps, cosine)
        assert expected is not None
        assert first_turn(start, lr=rates) == first_turn(start, lr=lambda step: rates[step - 1]) == expected
        assert first_turn(start, lr=np.array(rates)) == first_turn(start, optimizer=optimizer, lr=rates) == expected
    assert first_turn(0.5, lr=rates) is None  # not before the end of the schedule
    assert first_turn(0.5, lr=np.float32(1e-3), within=300) is None


OTHERS = {
    "NAdam": dict(lr=1e-3, weight_decay=1e-4),
    "RAdam": dict(lr=1e-3, weight_decay=1e-4),
    "Adamax": dict(lr=1e-3, weight_decay=1e-4),
    "RMSprop": dict(lr=1e-3, weight_decay=1e-4),
    "RMSprop momentum": dict(lr=1e-3, weight_decay=1e-4, momentum=0.9),
    "Adagrad": dict(lr=1e-2, weight_decay=1e-4),
    "Adam amsgrad": dict(lr=1e-3, weight_decay=1e-4, amsgrad=True),
    "Adam decoupled": dict(lr=1e-3, weight_decay=1e-2, decoupled_weight_decay=True),
    "AdamW": dict(lr=1e-3, weight_decay=1e-2),
    "SGD": dict(lr=0.1, weight_decay=1e-3),
    "SGD momentum": dict(lr=0.1, weight_decay=1e-3, momentum=0.9),
    "Adam no decay": dict(lr=1e-3),
}


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("start", [0.003, 0.03])
def test_other_optimisers_are_run(kind, start):
    def make(parameters):
        return getattr(torch.optim, kind.split()[0])(parameters, **OTHERS[kind])

    weight = torch.nn.Parameter(torch.ones(4))
    # In float64: RMSprop takes some weights to 1e-38, where float32 decides by its underflow.
    expected = really(start, make, 1000, dtype=torch.float64)
    assert first_turn(start, optimizer=make([weight]), within=1000) == expected
    assert torch.equal(weight, torch.ones(4))


@pytest.mark.parametrize("kind", ["AdamW", "SGD", "SGD momentum", "Adam no decay", "Adam decoupled"])
def test_never_is_known_before_a_million_steps(kind):
    parameters = [torch.nn.Parameter(torch.ones(4))]
    assert first_turn(0.03, optimizer=getattr(torch.optim, kind.split()[0])(parameters, **OTHERS[kind])) is None


def test_hooks_and_state_of_the_optimiser_are_left_alone():
    weight = torch.nn.Parameter(torch.ones(4))
    optimizer = torch.optim.NAdam([weight], lr=1e-3, weight_decay=1e-4)
    weight.grad = torch.ones(4)
    scheduler = lr_scheduler.StepLR(optimizer, 1, 0.5)
    steps = []
    optimizer.register_step_post_hook(lambda *_: steps.append(1))
    handle = register_optimizer_step_post_hook(lambda *_: steps.append(2))
    optimizer.step()
    scheduler.step()
    state = {name: value.clone() for name, value in optimizer.state[weight].items()}
    slower = torch.optim.NAdam([weight], lr=5e-4, weight_decay=1e-4)
    assert first_turn(0.003, optimizer=optimizer) == first_turn(0.003, optimizer=slower) > 5
    handle.remove()
    assert sorted(steps) == [1, 2]
    assert all(torch.equal(value, state[name]) for name, value in optimizer.state[weight].items())


def test_the_group_with_decay_that_holds_most_is_taken():
    def group(size, **numbers):
        return {"params": [torch.nn.Parameter(torch.ones(size))], **numbers}

    groups = [group(50, weight_decay=0), group(3, lr=1e-2), group(9), group(5, lr=1e-2)]
    assert first_turn(0.003, optimizer=torch.optim.Adam(groups, lr=1e-4, weight_decay=1e-4)) == first_turn(0.003)


@pytest.mark.parametrize("step", [2, 3, 5, 10, 43, 100, 370, 1000, 3000])
def test_start_for_is_the_inverse(step):
    start = start_for(step)
    assert first_turn(start) == step
    if step < 1000:
        assert really(start, adam, step + 10) == step


def test_start_for_a_schedule_and_another_optimiser():
    rates = [1e-3 * (step + 1) / 20 for step in range(20)] + [1e-3 * 0.99**step for step in range(200)]
    for step in (5, 20, 60, 200):
        assert first_turn(start_for(step, lr=rates), lr=rates) == step
    optimizer = torch.optim.NAdam([torch.nn.Parameter(torch.ones(4))], lr=1e-3, weight_decay=1e-4)
    for step in (10, 100):
        assert first_turn(start_for(step, optimizer=optimizer), optimizer=optimizer) == step


@pytest.mark.parametrize("lr", [1e-4, 1e-2, [1e-3 * 0.98**step for step in range(400)]], ids=["slow", "fast", "falls"])
def test_a_larger_start_turns_no_earlier(lr):
    steps = [first_turn(start, lr=lr, within=400) or 401 for start in np.geomspace(1e-6, 0.5, 200)]
    assert steps == sorted(steps)
    assert len(set(steps)) > 10


def test_a_step_out_of_reach_gives_the_nearest_start():
    assert first_turn(start_for(1)) == 2  # the earliest there is
    assert 0.999 < start_for(1000, lr=1e-2) < 1
    rates = [1e-2] * 10 + [0.0] * 10
    assert first_turn(start_for(15, lr=rates), lr=rates) == 10


SCHEDULER = torch.optim.lr_scheduler.StepLR(torch.optim.SGD([torch.ones(1)]), 1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: first_turn(0.0), "start must lie between 0 and 1"),
        (lambda: first_turn(1.0), "start must lie between 0 and 1"),
        (lambda: first_turn(0.1, weight_decay=-1), "weight_decay must be finite and >= 0"),
        (lambda: first_turn(0.1, betas=(0.9, 1.0)), r"betas must lie in \[0, 1\)"),
        (lambda: first_turn(0.1, lr=-1e-4), "lr must be finite and >= 0"),
        (lambda: first_turn(0.1, lr=[1e-4, float("nan")]), "lr must be finite and >= 0"),
        (lambda: first_turn(0.1, lr=SCHEDULER), "lr must be a number, one for each step, or a function .* got StepLR"),
        (lambda: first_turn(0.1, lr="1e-4"), "lr must be a number"),
        (lambda: first_turn(0.1, optimizer=SCHEDULER), "optimizer must be one of torch.optim, got StepLR"),
        (lambda: start_for(0), "step must be >= 1"),
        (lambda: start_for(5, weight_decay=0), "no start turns by step 5"),
        (lambda: start_for(5, lr=[]), "no start turns by step 5"),
        (lambda: first_turn(0.1, optimizer=torch.optim.LBFGS([torch.ones(1)])), "LBFGS cannot be run on a single"),
    ],
)
def test_what_cannot_be_answered_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_autorelu_turns_then():
    layer = noise.AutoReLU(3, start_for(20), gradient="exact")
    optimizer = torch.optim.Adam(layer.parameters(), lr=1e-4, weight_decay=1e-4)
    for step in range(1, 21):
        optimizer.zero_grad()
        layer(torch.ones(2, 3)).sum().backward()
        optimizer.step()
        assert (layer.in_force() < 0) == (step == 20)
