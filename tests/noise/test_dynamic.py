"""AutoReLU against Eq. 1 and 2 written out literally, with autograd's own derivative."""

import math

import pytest
import torch
from torch import nn

import noise

WEIGHTS = [0.97, 0.3, 0.011, 7e-5, -7e-5, -0.011, -0.3, -0.97]


def literal(x, w, constant=6.0, divide="absolute", rectify=True):
    """Eq. 2 with Eq. 1 inside, as a reader of the paper would type it; w is (C,) over the channels of x (N, C, H, W)."""
    w = w.view(1, -1, 1, 1)
    xw = x * w
    inside = (0 < xw) & (xw < constant) if rectify else xw.abs() < constant
    activated = torch.where(inside, xw, 0)
    return activated / (w.abs() if divide == "absolute" else w)


def features(dtype=torch.float32, channels=8, scale=20.0):
    generator = torch.Generator().manual_seed(0)
    x = scale * torch.randn(6, channels, 5, 7, generator=generator, dtype=torch.float64)
    upstream = torch.randn(x.shape, generator=generator, dtype=torch.float64) / x.numel()
    return x.to(dtype).requires_grad_(), upstream.to(dtype)


def bits(x):
    return x.detach().view(torch.int32)


def test_cliff_relu_is_equation_1():
    x = torch.tensor([-torch.inf, -1.0, 0.0, 1e-9, 5.9999995, 6.0, 7.0, torch.inf, torch.nan], requires_grad=True)
    y = noise.CliffReLU(constant=6.0)(x)
    expected = torch.tensor([0.0, 0.0, 0.0, 1e-9, 5.9999995, 0.0, 0.0, 0.0, torch.nan])
    torch.testing.assert_close(y, expected, rtol=0, atol=0, equal_nan=True)
    y[:-1].sum().backward()
    assert x.grad[:-1].tolist() == [0, 0, 0, 1, 1, 0, 0, 0]


@pytest.mark.parametrize("divide", ["absolute", "signed"])
@pytest.mark.parametrize("rectify", [True, False])
def test_output_and_input_gradient_are_those_of_equation_2(divide, rectify):
    x, upstream = features(torch.float64)
    w = torch.tensor(WEIGHTS, dtype=torch.float64)
    expected = literal(x, w, divide=divide, rectify=rectify)
    (expected_gradient,) = torch.autograd.grad(expected, x, upstream)

    y = noise.auto_relu(x, w, divide=divide, rectify=rectify)
    (gradient,) = torch.autograd.grad(y, x, upstream)

    dropped = (expected == 0).double().mean(dim=(0, 2, 3))
    assert 0 < dropped[0] < 1  # the cliff at 6 / 0.97 is within the features
    torch.testing.assert_close(y, expected, rtol=1e-14, atol=0)
    torch.testing.assert_close(gradient, expected_gradient, rtol=1e-14, atol=0)


@pytest.mark.parametrize("divide", ["absolute", "signed"])
@pytest.mark.parametrize("rectify", [True, False])
def test_autograd_gradient_is_the_rounding_noise_of_equation_2_to_the_bit(divide, rectify):
    x, upstream = features()
    w = torch.tensor(WEIGHTS, requires_grad=True)
    (expected,) = torch.autograd.grad(literal(x, w, divide=divide, rectify=rectify), w, upstream)
    (gradient,) = torch.autograd.grad(noise.auto_relu(x, w, divide=divide, rectify=rectify), w, upstream)
    assert expected.count_nonzero() >= 4
    assert torch.equal(gradient, expected)


def test_one_weight_over_all_channels_has_the_literal_gradient():
    x, upstream = features()
    expected, gradients = [], []
    for value in WEIGHTS:
        w = torch.tensor([value], requires_grad=True)
        expected += torch.autograd.grad(literal(x, w), w, upstream)
        gradients += torch.autograd.grad(noise.auto_relu(x, w), w, upstream)
    assert torch.cat(expected).count_nonzero() >= 4
    assert torch.equal(torch.cat(gradients), torch.cat(expected))


@pytest.mark.parametrize("w", WEIGHTS)
def test_derivative_by_the_weight_is_zero(w):
    """By finite differences of the literal form in float64, between the weights at which a feature crosses the cliff."""
    x, upstream = features(torch.float64, channels=1)
    w = torch.tensor([w], dtype=torch.float64)
    edges = 6.0 / x.detach().abs()
    distance = (edges - w.abs()).abs().min().clamp(max=w.abs().item() / 2)
    h = distance / 2
    loss = [(literal(x, w + shift) * upstream).sum() for shift in (-h, h)]
    scale = (literal(x, w) * upstream).abs().sum()
    assert abs((loss[1] - loss[0]) / (2 * h)) < 1e-13 * scale / h
    assert (noise.auto_relu(x, w + h) - noise.auto_relu(x, w - h)).abs().max() == 0


def test_size_of_the_rounding_noise():
    """About 1e-9 near w = 0.5 and 1e-6 near zero, with gradients as a mean cross-entropy has them (1e-5 a feature)."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(32, 64, 12, 12, generator=generator)
    upstream = 1e-5 * torch.randn(x.shape, generator=generator)

    def size(w):
        w = torch.full((64,), w, requires_grad=True)
        (gradient,) = torch.autograd.grad(noise.auto_relu(x, w), w, upstream)
        return gradient.abs().median().item()

    assert 1e-10 < size(0.49) < 1e-8
    assert 1e-7 < size(3e-4) < 1e-5
    assert size(0.5) == 0  # dividing by a power of two does not round


def test_exact_gradient_is_a_tensor_of_zeros():
    x, upstream = features()
    layer = noise.AutoReLU(8, 0.3, gradient="exact")
    layer(x).backward(upstream)
    assert torch.equal(layer.weight.grad, torch.zeros(8))
    assert x.grad.count_nonzero() > 0


@pytest.mark.parametrize("gradient", ["autograd", "exact"])
def test_positive_weight_is_relu_to_the_bit(gradient):
    x, upstream = features(scale=1.0)
    layer = noise.AutoReLU(8, 0.5, gradient=gradient)
    y, expected = layer(x), torch.relu(x)
    assert torch.equal(bits(y), bits(expected))
    assert torch.equal(
        *(bits(torch.autograd.grad(output, x, upstream, retain_graph=True)[0]).abs() for output in (y, expected))
    )


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_memory_format_is_kept_forward_and_backward(memory_format):
    x = torch.randn(2, 8, 5, 7).to(memory_format=memory_format).requires_grad_()
    y = noise.AutoReLU(8, 0.5)(x)
    (gradient,) = torch.autograd.grad(y, x, torch.ones_like(y))
    assert y.is_contiguous(memory_format=memory_format)
    assert gradient.is_contiguous(memory_format=memory_format)


@pytest.mark.parametrize("gradient", ["autograd", "exact"])
@pytest.mark.parametrize("divide", ["absolute", "signed"])
@pytest.mark.parametrize(
    ("w", "sign"),
    [(0.0, 1), (-0.0, 1), (1e-40, 1), (-1e-40, -1), (1e-30, 1), (-1e-30, -1), (-1e-19, -1), (-2e-19, -1), (1e-8, 1)],
)
def test_any_weight_is_safe(w, sign, divide, gradient):
    x, upstream = features()
    w = torch.full((8,), w, requires_grad=True)
    y = noise.auto_relu(x, w, divide=divide, gradient=gradient)
    y.backward(upstream)
    assert torch.equal(y, torch.relu(sign * x) * (sign if divide == "signed" else 1))
    assert torch.isfinite(x.grad).all()
    assert torch.isfinite(w.grad).all()
    if abs(w[0].item()) < 1e-19:
        assert torch.equal(w.grad, torch.zeros(8))


@pytest.mark.parametrize("w", [0.5, -0.5, 1e-6, 0.0])
def test_huge_and_infinite_features_are_dropped_and_nan_is_not_hidden(w):
    x = torch.tensor([[1e38], [-1e38], [torch.inf], [-torch.inf], [1.0], [-1.0]], requires_grad=True)
    w = torch.tensor([w], requires_grad=True)
    y = noise.auto_relu(x, w)
    y.sum().backward()
    kept = 1e38 if w == 0 else 0.0  # at w = 0 the cliff lies at infinity
    expected = torch.tensor([kept, 0, 0, 0, 1, 0] if w >= 0 else [0, kept, 0, 0, 0, 1]).view(-1, 1)
    assert torch.equal(y, expected)
    assert torch.isfinite(w.grad).all()
    assert torch.equal(x.grad.abs(), (expected != 0).float())

    assert noise.auto_relu(torch.tensor([[torch.nan]]), w).isnan().all()


@pytest.mark.parametrize("shape", [(6, 8), (6, 8, 3), (6, 8, 3, 2), (6, 8, 3, 2, 2)])
def test_channels_are_dimension_one(shape):
    x = torch.randn(shape)
    layer = noise.AutoReLU(8, 0.5, reinitialise=False)
    with torch.no_grad():
        layer.weight[3] = -0.5
    sign = torch.ones(8)
    sign[3] = -1
    assert torch.equal(layer(x), torch.relu((x.movedim(1, -1) * sign).movedim(-1, 1)))


def test_bfloat16_features_get_the_noise_of_float32():
    x, upstream = features(torch.bfloat16, scale=1.0)
    layer = noise.AutoReLU(8, 0.3)
    y = layer(x)
    y.backward(upstream)
    assert y.dtype == x.grad.dtype == torch.bfloat16
    assert torch.equal(y, torch.relu(x))

    def size(dtype):
        w = torch.full((8,), 0.3, dtype=dtype, requires_grad=True)
        (gradient,) = torch.autograd.grad(literal(x.to(dtype), w), w, upstream.to(dtype))
        return gradient.abs().max()

    assert layer.weight.grad.dtype == torch.float32
    assert layer.weight.grad.abs().max() < 4 * size(torch.float32)
    assert layer.weight.grad.abs().max() < size(torch.bfloat16) / 1000


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
        ({"weight": nn.Parameter(torch.ones(3))}, "weight must have 1 or 4 elements"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        noise.AutoReLU(**{"channels": 4, "start": 0.5} | arguments)
