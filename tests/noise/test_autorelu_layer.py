"""AutoReLU as a layer: its weight over training and evaluation, and the layouts and precisions that it meets."""

import math

import pytest
import torch
from torch import nn

import noise


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_memory_format_is_kept_forward_and_backward(memory_format):
    x = torch.randn(2, 8, 5, 7).to(memory_format=memory_format).requires_grad_()
    y = noise.AutoReLU(8, 0.5)(x)
    (gradient,) = torch.autograd.grad(y, x, torch.ones_like(y))
    assert y.is_contiguous(memory_format=memory_format)
    assert gradient.is_contiguous(memory_format=memory_format)


@pytest.mark.parametrize("shape", [(6, 8), (6, 8, 3), (6, 8, 3, 2), (6, 8, 3, 2, 2)])
def test_channels_are_dimension_one(shape):
    x = torch.randn(shape)
    layer = noise.AutoReLU(8, 0.5, reinitialise=False)
    with torch.no_grad():
        layer.weight[3] = -0.5
    sign = torch.ones(8)
    sign[3] = -1
    assert torch.equal(layer(x), torch.relu((x.movedim(1, -1) * sign).movedim(-1, 1)))


def test_autocast_network_stays_the_baseline():
    def network(activation):
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), activation, nn.Conv2d(8, 4, 3), nn.Flatten())

    torch.manual_seed(1)
    x = torch.randn(4, 3, 6, 6)
    gradients = []
    for plain in (True, False):
        model = network(nn.ReLU() if plain else nn.Sequential(noise.AutoReLU(8, 0.5), nn.ReLU(inplace=True)))
        with torch.autocast("cpu", torch.bfloat16):
            output = model(x)
        assert output.dtype == torch.bfloat16
        output.float().square().mean().backward()
        gradients.append([output.detach(), model[0].weight.grad, model[1].weight.grad, model[3].weight.grad])
    assert all(map(torch.equal, *gradients))


def test_training_sets_every_weight_to_the_mean_in_place():
    layer = noise.AutoReLU(4, 0.5)
    parameter = layer.weight
    start = torch.tensor([0.5, -0.25, -0.125, -0.5])
    with torch.no_grad():
        parameter.copy_(start)
    x = torch.randn(3, 4)

    evaluated = layer.eval()(x)
    assert torch.equal(parameter, start)
    trained = layer.train()(x)
    assert layer.weight is parameter
    assert torch.equal(parameter, torch.full((4,), start.mean().item()))
    assert torch.equal(trained, torch.relu(-x))
    assert torch.equal(evaluated, trained)


def test_second_forward_before_the_backward_is_allowed():
    layer = noise.AutoReLU(4, 0.5)
    x = torch.randn(3, 4)
    (layer(x) + layer(2 * x)).sum().backward()
    assert layer.weight.grad is not None


def test_flipped_is_the_sign_of_the_mean():
    layer = noise.AutoReLU(2, 0.5)
    for weights, flipped in [((0.5, 0.5), False), ((0.1, -0.2), True), ((0.2, -0.1), False), ((0.0, 0.0), False)]:
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(weights))
        assert layer.flipped().item() is flipped


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"channels": 0}, "channels must be >= 1"),
        ({"start": 0.0}, "start must lie between 0 and 1"),
        ({"start": 1.0}, "start must lie between 0 and 1"),
        ({"start": -0.5}, "start must lie between 0 and 1"),
        ({"start": math.nan}, "start must lie between 0 and 1"),
        ({"constant": 0.0}, "constant must be finite and > 0"),
        ({"constant": math.inf}, "constant must be finite and > 0"),
        ({"gradient": "none"}, "gradient must be one of autograd, exact"),
        ({"divide": "both"}, "divide must be one of absolute, signed"),
        ({"weight": nn.Parameter(torch.ones(3))}, r"weight must have the shape \(1,\) or \(4,\), got \(3,\)"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        noise.AutoReLU(**{"channels": 4, "start": 0.5} | arguments)
