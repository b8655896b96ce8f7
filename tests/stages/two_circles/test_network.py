import pytest
import torch
from scipy import stats
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from stages.two_circles.network import Backward, Forward, Perceptrons, glorot_uniform, with_ones

MODELS, UNITS, POINTS = 3, 17, 30


@pytest.fixture
def perceptrons():
    models = Perceptrons(MODELS, UNITS)
    models.flat.normal_(std=0.5, generator=torch.Generator().manual_seed(0))
    return models


def draw(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def forward(kernel, output, bias, x, before=0.0, after=0.0):
    """One model, written with PyTorch's own functions."""
    hidden = nn.functional.linear(x, kernel[:2].T, kernel[2]) + before
    return nn.functional.linear(hidden.relu() + after, output, bias[0])[:, 0]


def parameters(models, index):
    return [getattr(models, name)[index].clone().requires_grad_() for name in ("kernel", "output", "bias")]


@pytest.mark.parametrize("site", [None, "before", "after"])
def test_derivatives_are_those_of_autograd(perceptrons, site):
    x, y = draw(MODELS, POINTS, 2), (draw(MODELS, 1, POINTS, seed=2) > 0).float()
    noise = 0.3 * draw(MODELS, POINTS, UNITS, seed=3)
    backward = Backward(perceptrons, with_ones(x), y, torch.empty(2 * MODELS * POINTS * UNITS))
    adders = {
        name: (lambda: backward.hidden.add_(noise)) if site == name else (lambda: None) for name in ("before", "after")
    }
    logits = backward(**adders)
    for index in range(MODELS):
        ours = parameters(perceptrons, index)
        expected = forward(*ours, x[index], **({site: noise[index]} if site else {}))
        torch.testing.assert_close(logits[index, 0], expected, rtol=1e-5, atol=1e-5)
        gradients = torch.autograd.grad(binary_cross_entropy_with_logits(expected, y[index, 0]), ours)
        for name, gradient in zip(("kernel", "output", "bias"), gradients):
            torch.testing.assert_close(getattr(backward.gradient, name)[index], gradient, rtol=1e-4, atol=1e-6)


def test_a_unit_exactly_at_zero_has_no_gradient():
    models = Perceptrons(1, 1)
    models.output.fill_(1.0)
    backward = Backward(models, with_ones(torch.ones(1, 1, 2)), torch.ones(1, 1, 1), torch.empty(2))
    backward(lambda: None, lambda: None)
    assert not backward.gradient.kernel.any() and backward.gradient.bias.item() == -0.5


@pytest.mark.parametrize(
    "memory", [None, torch.full((MODELS * UNITS * POINTS + 5,), float("nan"))], ids=["own", "lent"]
)
def test_logits_are_those_of_one_model_at_a_time(perceptrons, memory):
    x = draw(MODELS, POINTS, 2)
    logits = Forward(perceptrons, with_ones(x), memory)()
    for index in range(MODELS):
        torch.testing.assert_close(
            logits[index, 0], forward(*parameters(perceptrons, index), x[index]).detach(), rtol=1e-5, atol=1e-5
        )


def test_an_optimiser_of_the_flat_buffer_moves_every_parameter(perceptrons):
    perceptrons.flat.fill_(7.0)
    assert all((part == 7).all() for part in (perceptrons.kernel, perceptrons.output, perceptrons.bias))
    assert (
        perceptrons.kernel.numel() + perceptrons.output.numel() + perceptrons.bias.numel() == perceptrons.flat.numel()
    )


def test_kernels_are_uniform_within_keras_glorot_bounds():
    first, second = glorot_uniform(500, torch.Generator().manual_seed(0))
    for kernel, bound in ((first, 0.10932), (second, 0.10943)):  # sqrt(6 / 502), sqrt(6 / 501)
        assert kernel.abs().max() <= bound + 1e-5
        assert stats.kstest(kernel.flatten(), "uniform", args=(-bound, 2 * bound)).pvalue > 1e-3
