"""Noise in bursts: `GaussianNoise` while Algorithm 1's flag is set, and nothing at other times."""

import copy

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

import noise

X = torch.randn(4, 3, 5, 5, generator=torch.Generator().manual_seed(0))


def drawn(layer, x=X):
    torch.manual_seed(1)
    return layer(x)


@pytest.mark.parametrize("interval", [1, 3, [2, 5, 6]])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_noise_is_added_while_flagged_and_nothing_else(interval, dtype):
    layer, gaussian, x = noise.GaussianBursts(0.5, interval), noise.GaussianNoise(0.5), X.to(dtype)
    for step in range(1, 9):
        layer.train().set_step(step)
        flagged = noise.flag_at(step, interval)
        assert torch.equal(drawn(layer, x), drawn(gaussian, x) if flagged else x) and layer(x).dtype == dtype
        assert layer.in_force().item() == (0.5 if flagged else 0)
        assert torch.equal(layer.eval()(x), x) and layer.in_force().item() == 0


def test_what_is_drawn_does_not_depend_on_the_flag():
    layer, after = noise.GaussianBursts(0.5, 2), []
    for step in 1, 2:
        layer.set_step(step)
        drawn(layer)
        after.append(torch.rand(1))
    assert torch.equal(*after)


def test_gradients_outside_of_a_burst_are_those_without_the_layer():
    x = X.clone().requires_grad_()
    noise.GaussianBursts(0.5, 2)(x).square().sum().backward()
    assert torch.equal(x.grad, 2 * X)


def test_attached_it_is_told_reported_copied_averaged_and_detached(small_network):
    net = small_network()
    plain = net.state_dict().keys()
    assert noise.attach_bursts(net, 0.25, iter([2, 4]), "first") == ["3.bn1", "4.bn1"]
    assert net.state_dict().keys() - plain == {f"{block}.bn1.gaussianbursts.flag" for block in (3, 4)}
    average = AveragedModel(net)
    seen = []
    for step in range(1, 6):
        noise.set_step(net, step)
        average.update_parameters(net)
        seen.append({value.item() for value in noise.in_force(net).values()})
        assert noise.in_force(average.module.train()) == noise.in_force(net)
        assert noise.in_force(copy.deepcopy(net)) == noise.in_force(net)
    assert seen == [{0.0}, {0.25}, {0.25}, {0.0}, {0.0}]
    assert noise.site_names(net) == [], "it has no sign"
    assert noise.detach(net).state_dict().keys() == plain


@pytest.mark.parametrize(
    ("stddev", "interval", "message"), [(-1, 2, "stddev must be finite and >= 0"), (1, 0, "interval must be an int")]
)
def test_bad_arguments(stddev, interval, message):
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
    with pytest.raises(ValueError, match=message):
        noise.attach_bursts(net, stddev, interval, "stem")
    assert list(noise.methods(net)) == []
