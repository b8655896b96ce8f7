"""What the sites with a sign report, and the weights that AutoReLU is attached with."""

import pytest
import torch
import torchvision
from torch import nn

import noise


def block(stride=1):
    shortcut = nn.Sequential(nn.Conv2d(4, 8, 1, stride, bias=False), nn.BatchNorm2d(8)) if stride > 1 else None
    return torchvision.models.resnet.BasicBlock(4, 8 if shortcut else 4, stride, shortcut)


def test_signs_follow_the_names():
    network = nn.Sequential(block(), block())
    assert noise.site_names(network) == []
    assert noise.signs(network).shape == (0,)
    noise.attach_periodic(network, 2)
    noise.attach_dropout(network, 0.1, ["first", "second"])
    noise.attach_dynamic(network, 0.5, ["second", "1.bn1"])
    assert noise.site_names(network) == ["0.bn1", "0.bn2", "1.bn1", "1.bn2"]
    assert noise.signs(network).dtype == torch.int8
    assert noise.signs(network).tolist() == [1, 1, 1, 1]
    noise.set_step(network, 2)
    with torch.no_grad():
        network[1].bn1.autorelu.weight.neg_()
        network[1].bn2.autorelu.weight.neg_()
    assert noise.signs(network).tolist() == [-1, 1, 1, -1]  # flipped, plain, flipped twice, turned
    assert noise.site_names(nn.DataParallel(network)) == noise.site_names(network)


def test_dynamic_weights_are_one_a_channel_or_one_over_the_network():
    network = nn.Sequential(block(), block(2))
    noise.attach_dynamic(network, 0.5, ["first", "second", "block"])
    layers = [module for module in network.modules() if isinstance(module, noise.AutoReLU)]
    assert [layer.weight.shape[0] for layer in layers] == [4, 4, 4, 8, 8, 8]
    assert [layer.rectify for layer in layers] == [True, False, True] * 2

    network = nn.Sequential(block(), block(2))
    count = len(list(network.parameters()))
    noise.attach_dynamic(network, 0.5, ["first", "block"], weight="network")
    assert len(list(network.parameters())) == count + 1
    with pytest.raises(ValueError, match="weight must be one of channel, network"):
        noise.attach_dynamic(network, 0.5, weight="layer")


class HalfFlip(nn.Module):
    """A user's own method: flips the first `flipped` of the channels."""

    quantity = "sign"

    def __init__(self, channels, flipped):
        super().__init__()
        self.register_buffer("signs", torch.where(torch.arange(channels) < flipped, -1.0, 1.0))

    def forward(self, x):
        return x * self.signs.view(1, -1, *[1] * (x.dim() - 2))

    def in_force(self):
        return self.signs.mean()


class Silent(nn.Module):
    """Another's, that reports nothing."""

    def forward(self, x):
        return x


def test_every_method_reports_what_is_in_force():
    network = nn.Sequential(block(), block())
    assert noise.in_force(network) == {}
    noise.attach_periodic(network, 2)
    noise.attach_gaussian(network, 0.25, "second")
    noise.attach_dropout(network, 0.125, "0.bn2", channelwise=True)
    noise.attach(network, lambda site: HalfFlip(site.channels, 1), "1.bn2")
    noise.attach(network, lambda site: Silent())
    noise.set_step(network, 2)
    reported = noise.in_force(network)
    assert {key: value.item() for key, value in reported.items()} == {
        "0.bn1.signflip": -1,
        "0.bn2.gaussiannoise": 0.25,
        "0.bn2.dropout2d": 0.125,
        "1.bn1.signflip": -1,
        "1.bn2.gaussiannoise": 0.25,
        "1.bn2.halfflip": 0.5,
    }
    assert all(value.shape == () and value.dtype == torch.float32 for value in reported.values())
    quiet = {key.rpartition(".")[2]: value.item() for key, value in noise.in_force(network.eval()).items()}
    assert quiet == {"signflip": -1, "gaussiannoise": 0, "dropout2d": 0, "halfflip": 0.5}
    assert noise.site_names(network) == ["0.bn1", "1.bn1", "1.bn2"], "a sign alone makes a site of `signs`"


@pytest.mark.parametrize(("flipped", "sign", "turned"), [(0, 1, -1), (1, 0, -1), (2, 0, 0), (3, -1, 0), (4, -1, 1)])
def test_the_sign_of_a_site_is_1_where_nothing_is_flipped_and_methods_multiply(flipped, sign, turned):
    network = nn.Sequential(block())
    noise.attach(network, lambda site: HalfFlip(site.channels, flipped))
    assert noise.signs(network).tolist() == [sign]
    noise.attach_periodic(network, 1)
    noise.set_step(network, 2)
    assert noise.signs(network).tolist() == [turned]
    assert noise.signs(network).dtype == torch.int8


class Stepped(nn.Module):
    """A network with a `set_step` of its own that passes the step on."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x)

    def set_step(self, step):
        noise.set_step(self, step)


def test_a_network_s_own_set_step_may_call_the_library_s(small_network):
    model = Stepped(small_network())
    noise.attach_periodic(model, 1)
    for step, sign in ((2, -1), (3, 1)):
        model.set_step(step)
        assert noise.signs(model).tolist() == [sign] * 2
    with pytest.raises(ValueError, match="count from 1"):
        model.set_step(0)
    noise.set_step(model, 2)
    assert noise.signs(model).tolist() == [-1] * 2
