"""AutoReLU as a layer: its weight over training and evaluation, and the layouts and precisions that it meets."""

import math

import numpy as np
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


@pytest.mark.parametrize("weights", [(0.5, 0.5), (0.1, -0.2), (0.2, -0.1), (0.0, 0.0), (-0.5, -0.5)])
@pytest.mark.parametrize("reinitialise", [True, False])
def test_sign_in_force_is_what_an_evaluation_multiplies_by(weights, reinitialise):
    layer = noise.AutoReLU(2, 0.5, reinitialise=reinitialise, rectify=False).eval()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weights))
    sign = layer.sign()
    assert sign.shape == (() if reinitialise else (2,))
    assert sign.dtype == layer.in_force().dtype == torch.float32
    assert layer.in_force().shape == ()
    assert torch.equal(layer(torch.ones(1, 2))[0], sign.expand(2))
    assert layer.in_force() == sign.mean()
    assert layer.quantity == "sign"


def test_signed_divisor_has_no_sign_while_the_weight_is_negative():
    layers = [noise.AutoReLU(2, 0.5, divide="signed", rectify=rectify).eval() for rectify in (True, False)]
    assert [layer.sign().item() for layer in layers] == [1, 1]
    for layer in layers:
        with torch.no_grad():
            layer.weight.neg_()
    with pytest.raises(ValueError, match="no sign"):
        layers[0].sign()
    assert layers[1].sign() == 1
    assert torch.equal(layers[1](-torch.ones(1, 2)), -torch.ones(1, 2))


@pytest.mark.parametrize("weight", ["channel", "network"])
def test_reset_parameters_brings_the_start_back_from_the_meta_device(small_network, weight):
    plain = small_network()
    with torch.device("meta"):
        network = small_network()
        noise.attach_dynamic(network, 0.3, ["first", "block"], weight=weight)
    network.to_empty(device="cpu")
    network.load_state_dict(plain.state_dict(), strict=False)
    for module in network.modules():
        if isinstance(module, noise.AutoReLU):
            module.weight.data.fill_(1e29)
            module.reset_parameters()
            assert torch.equal(module.weight, torch.full_like(module.weight, 0.3))
            assert module.clipped() is None
            assert module._clipped.device.type == "cpu"


@pytest.mark.parametrize("number", [float, np.float32, np.float64])
def test_numbers_of_numpy_are_numbers(number):
    layer = noise.AutoReLU(np.int64(3), number(0.5), number(4.0))
    assert layer.weight.tolist() == [0.5] * 3
    assert [type(value) for value in (layer.channels, layer.start, layer.constant)] == [int, float, float]


@pytest.mark.parametrize("gradient", ["autograd", "exact"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_memory_kept_for_the_backward(gradient, dtype):
    """The margin, and the input too where autograd's rounding noise is computed from it: nothing else of its size."""
    layer = noise.AutoReLU(8, 0.5, gradient=gradient)
    x = torch.randn(4, 8, 9, 9, dtype=dtype, requires_grad=True)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda saved: kept.append(saved) or saved, lambda saved: saved):
        layer(x)
    large = [saved for saved in kept if saved.numel() > 8]
    assert [saved.dtype for saved in large] == [dtype] * len(large)
    assert [saved.shape for saved in large] == [x.shape] * (2 if gradient == "autograd" else 1)


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
