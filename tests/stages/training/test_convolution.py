import pytest
import torch
import torch.nn.functional as F
from torch import nn

from stages.training.convolution import FewPositionsConv2d, multiply_where_few
from stages.training.device import choose
from stages.training.network import gains_by_products


@pytest.mark.parametrize(
    ("side", "kernel", "stride", "padding"),
    [(2, 3, 1, 1), (3, 3, 2, 1), (4, 3, 1, 1), (1, 3, 1, 1), (4, 1, 2, 0), (7, 5, 2, 1), (3, 2, 1, 0)],
)
def test_equals_conv2d_forward_and_backward(side, kernel, stride, padding):
    torch.manual_seed(0)
    ours = FewPositionsConv2d(6, 5, kernel, stride, padding, bias=False).double()
    x = torch.randn(3, 6, side, side, dtype=torch.float64, requires_grad=True)
    y = ours(x)
    expected = F.conv2d(x, ours.weight, stride=stride, padding=padding)
    torch.testing.assert_close(y, expected)
    gradient = torch.randn_like(y)
    # Positions add up in float32 inside, hence the tolerance.
    for got, want in zip(
        torch.autograd.grad(y, (x, ours.weight), gradient), torch.autograd.grad(expected, (x, ours.weight), gradient)
    ):
        torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-5)


def test_bfloat16_is_as_near_to_float32_as_conv2d_is():
    torch.manual_seed(0)
    ours, x = FewPositionsConv2d(64, 64, 3, padding=1, bias=False), torch.randn(8, 64, 2, 2)
    exact = F.conv2d(x, ours.weight, padding=1)
    with torch.autocast("cpu", torch.bfloat16):
        y, reference = ours(x), F.conv2d(x, ours.weight, padding=1)
    assert y.dtype == reference.dtype == torch.bfloat16
    assert (y - exact).abs().mean() <= 1.1 * (reference - exact).abs().mean()


def test_only_plain_square_convolutions_change_and_the_state_dict_stays():
    network = nn.Sequential(
        nn.Conv2d(4, 4, 3, padding=1, bias=False),
        nn.Conv2d(4, 4, 3, padding=1),
        nn.Conv2d(4, 4, 3, groups=2, bias=False),
        nn.Conv2d(4, 4, 3, dilation=2, bias=False),
        nn.Conv2d(4, 4, (1, 3), bias=False),
        nn.Conv2d(4, 4, 3, padding="same", bias=False),
        nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect", bias=False),
    )
    before = list(network.state_dict())
    assert multiply_where_few(network) == 1
    assert [type(module) is FewPositionsConv2d for module in network] == [True] + [False] * 6
    assert list(network.state_dict()) == before


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_network_is_changed_in_bfloat16_on_a_processor_alone(precision):
    assert gains_by_products(choose("cpu", precision)) == (precision == "bfloat16")
