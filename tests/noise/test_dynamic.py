"""AutoReLU against Eq. 1 and 2 written out literally, with autograd's own derivative."""

import pytest
import torch

import noise

WEIGHTS = [0.97, 0.3, 0.011, 7e-5, -7e-5, -0.011, -0.3, -0.97]


def literal(x, w, constant=6.0, divide="absolute", rectify=True):
    """Eq. 2 with Eq. 1 inside, as a reader of the paper would type it: w (C,), x (N, C, H, W)."""
    w = w.view(1, -1, 1, 1)
    xw = x * w
    inside = (xw > 0) & (xw < constant) if rectify else xw.abs() < constant
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
    """By finite differences of the literal form in float64, up to where the next feature crosses the cliff."""
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


@pytest.mark.parametrize(
    ("w", "expected"),
    [
        (0.5, [0.0, 0.0, 0.0, 0.0, 1.0, 0.0]),
        (1e-6, [0.0, 0.0, 0.0, 0.0, 1.0, 0.0]),
        (-0.5, [0.0, 0.0, 0.0, 0.0, 0.0, 1.0]),
        (0.0, [1e38, 0.0, torch.inf, 0.0, 1.0, 0.0]),  # the cliff lies at infinity: ReLU
    ],
)
def test_huge_and_infinite_features_are_dropped_and_nan_is_not_hidden(w, expected):
    x = torch.tensor([[1e38], [-1e38], [torch.inf], [-torch.inf], [1.0], [-1.0]], requires_grad=True)
    w = torch.tensor([w], requires_grad=True)
    y = noise.auto_relu(x, w)
    y.sum().backward()
    assert torch.equal(y.flatten(), torch.tensor(expected))
    assert (x.grad != 0).flatten().tolist() == [value != 0 for value in expected]
    assert torch.isfinite(x.grad).all()
    assert torch.isfinite(w.grad).all()

    assert noise.auto_relu(torch.tensor([[torch.nan]]), w).isnan().all()


@pytest.mark.parametrize("weight_dtype", [torch.float32, torch.bfloat16])
def test_bfloat16_features_get_the_rounding_noise_of_float32(weight_dtype):
    x, upstream = features(torch.bfloat16, scale=1.0)
    w = torch.full((8,), 0.3, dtype=weight_dtype, requires_grad=True)
    y = noise.auto_relu(x, w)
    gradient_x, gradient = torch.autograd.grad(y, (x, w), upstream)
    assert y.dtype == gradient_x.dtype == torch.bfloat16
    assert torch.equal(y, torch.relu(x))

    def literal_gradient(dtype):
        wide = w.detach().to(dtype).requires_grad_()
        return torch.autograd.grad(literal(x.to(dtype), wide), wide, upstream.to(dtype))[0]

    assert torch.equal(gradient, literal_gradient(torch.float32).to(weight_dtype))
    assert gradient.abs().max() < literal_gradient(torch.bfloat16).abs().max() / 1000
