import math

import pytest
import torch

from stages.training.schedule import factor


def lr_by_torch(make, steps):
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler, rates = make(optimiser), []
    for _ in range(steps):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        scheduler.step()
    return rates


def test_cosine_equals_torch():
    theirs = lr_by_torch(lambda optimiser: torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=60), 60)
    assert [factor(step, 60, 5, "cosine") for step in range(1, 61)] == pytest.approx(theirs)


def test_one_cycle_equals_torch():
    theirs = lr_by_torch(
        lambda optimiser: torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=1.0, total_steps=100), 100
    )
    assert [factor(step, 100, 5, "one-cycle") for step in range(1, 101)] == pytest.approx(theirs, abs=1e-9)


def test_step_falls_at_half_and_three_quarters():
    rates = [factor(step, 8, 1, "step") for step in range(1, 9)]
    assert rates == pytest.approx([1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01])


def test_constant_is_the_papers():
    assert {factor(step, 1000, 10, "constant") for step in range(1, 1001)} == {1.0}


@pytest.mark.parametrize("schedule", ["constant", "step", "cosine", "one-cycle"])
def test_warm_up_rises_linearly_to_the_schedule(schedule):
    rates = [factor(step, 100, 5, schedule, warmup=2) for step in range(1, 101)]
    assert rates[:10] == pytest.approx([step / 11 for step in range(1, 11)])
    assert all(math.isfinite(rate) and 0 <= rate <= 1 for rate in rates)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_runs_of_a_few_steps_have_a_rate(steps):
    for schedule in ("constant", "step", "cosine", "one-cycle"):
        assert all(0 < factor(step, steps, 1, schedule) <= 1 for step in range(1, steps + 1))
