"""The sign of AutoReLU in a running average is the network's at every update."""

import copy

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_avg_fn, get_ema_multi_avg_fn, update_bn

import noise
from noise.first_turn import first_turn

AVERAGES = {
    "SWA": {},
    "EMA": {"multi_avg_fn": get_ema_multi_avg_fn(0.99)},
    "EMA with buffers": {"avg_fn": get_ema_avg_fn(0.9), "use_buffers": True},
}


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(4, 4), nn.BatchNorm1d(4), noise.AutoReLU(4, 0.003, gradient="exact"), nn.Linear(4, 2)
    )


def train(model, optimizer, step):
    optimizer.zero_grad()
    model.train()(torch.randn(8, 4, generator=torch.Generator().manual_seed(step))).square().mean().backward()
    optimizer.step()


def as_evaluated(layer):
    """The sign that an evaluation shows."""
    with torch.no_grad():
        ones = torch.ones(1, 4)
        return int(layer.eval()(ones).sum() - layer(-ones).sum()) // 4


@pytest.mark.parametrize("kind", AVERAGES)
def test_sign_of_an_average(kind):
    model = network()
    average = AveragedModel(model, **AVERAGES[kind])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-4)
    seen = set()
    for step in range(1, 60):
        train(model, optimizer, step)
        average.update_parameters(model)
        sign = as_evaluated(model[2])
        seen.add(sign)
        assert as_evaluated(average.module[2]) == average.module[2].sign() == sign
        assert (average.module.state_dict()["2.weight"].mean() < 0) == (sign < 0)
        if step % 20 == 0:
            update_bn([torch.randn(8, 4)], average)
            assert as_evaluated(average.module[2]) == sign
    assert seen == {1, -1}


def test_copies_keep_their_own():
    model = network()
    best = copy.deepcopy(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-4)
    for step in range(1, 1 + first_turn(0.003, lr=1e-3)):
        train(model, optimizer, step)
    assert (as_evaluated(model[2]), as_evaluated(best[2])) == (-1, 1)
    alone = copy.deepcopy(model)
    optimizer = torch.optim.Adam(alone.parameters(), lr=1e-3, weight_decay=1e-4)
    with torch.no_grad():
        model[2].weight.fill_(-0.5)
    for step in range(1, 30):
        train(alone, optimizer, step)
        assert alone[2].weight.abs().max() < 0.1
    best[2].reset_parameters()
    assert best[2].weight.unique() == torch.tensor(0.003)


@pytest.mark.parametrize("frozen", [lambda p: p.requires_grad_(False), lambda p: p.detach_()])
def test_a_teacher_that_is_called_in_training_mode_follows_the_student(frozen):
    student = network()
    teacher = copy.deepcopy(student)
    for parameter in teacher.parameters():
        frozen(parameter)
    optimizer = torch.optim.Adam(student.parameters(), lr=1e-3, weight_decay=1e-4)
    for step in range(1, 30):
        teacher.train()(torch.randn(8, 4))
        train(student, optimizer, step)
        with torch.no_grad():
            for mine, theirs in zip(teacher.parameters(), student.parameters()):
                mine.lerp_(theirs, 0.01)
        assert teacher[2].sign() == student[2].sign()
    assert student[2].sign() == -1
