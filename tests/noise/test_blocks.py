"""Which BatchNorm plays which part in which block, traced and observed: counted by hand."""

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

import noise
from tests.noise.block_sites import conv, kinds, sites


class PreActivation(nn.Module):
    """The unit of He et al. 2016 (Identity mappings), whose shortcut forks off behind the first activation."""

    def __init__(self, inner, outer):
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(inner), nn.BatchNorm2d(outer)
        self.conv1, self.conv2 = nn.Conv2d(inner, outer, 3, padding=1), nn.Conv2d(outer, outer, 3, padding=1)
        self.shortcut = nn.Conv2d(inner, outer, 1)

    def forward(self, x):
        out = F.relu(self.bn1(x))
        return self.conv2(F.relu(self.bn2(self.conv1(out)))) + self.shortcut(out)


def test_pre_activation_blocks():
    model = nn.Sequential(conv(3, 4), PreActivation(4, 8), PreActivation(8, 8), nn.BatchNorm2d(8), nn.ReLU())
    assert kinds(model) == {"1.bn1": "first", "1.bn2": "second", "2.bn1": "first", "2.bn2": "second", "3": "other"}


class Residual(nn.Module):
    """Adds its input to whatever it wraps, possibly further residual modules."""

    def __init__(self, *inner):
        super().__init__()
        self.inner = nn.Sequential(*inner)

    def forward(self, x):
        return x + self.inner(x)


def test_a_batchnorm_belongs_to_the_innermost_block():
    def unit():
        return nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4), nn.ReLU()

    model = nn.Sequential(*unit(), Residual(*unit(), Residual(*unit(), *unit()), *unit()), *unit())
    assert kinds(model) == {
        "1": "stem",
        "3.inner.1": "first",
        "3.inner.3.inner.1": "first",
        "3.inner.3.inner.4": "second",
        "3.inner.5": "second",
        "5": "other",
    }


class Flat(nn.Module):
    """Two residual blocks in the network's own forward; the second projects its shortcut, and adds to it."""

    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(4, 4, 3, padding=1) for _ in range(6))
        self.norms = nn.ModuleList(nn.BatchNorm2d(4) for _ in range(6))

    def unit(self, place, x):
        return self.norms[place](self.convs[place](x))

    def forward(self, x):
        x = F.relu(self.unit(0, x))
        x = F.relu(self.unit(2, F.relu(self.unit(1, x))) + x)
        return F.relu(torch.add(self.unit(3, x), self.unit(5, self.unit(4, x).relu())))


def test_blocks_in_the_network_s_own_forward():
    assert kinds(Flat()) == {
        "norms.0": "stem",
        "norms.1": "first",
        "norms.2": "second",
        "join": "block",
        "norms.3": "shortcut",
        "norms.4": "first",
        "norms.5": "second",
        "join_1": "block",
    }


def test_a_block_called_twice_is_one_block():
    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.block = torchvision.models.resnet.BasicBlock(4, 4)

        def forward(self, x):
            return self.block(self.block(x))

    assert kinds(Recurrent()) == {"block.bn1": "first", "block.bn2": "second", "block.join": "block"}


class AddingLast(nn.Module):
    """The last layer of a block adds what the block was given (EfficientNet in transformers)."""

    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.bn = conv(4, 4), nn.BatchNorm2d(4)

        def forward(self, given, x):
            return self.bn(self.conv(x)) + given

    def __init__(self):
        super().__init__()
        self.conv, self.bn, self.last = conv(4, 4), nn.BatchNorm2d(4), self.Last()

    def forward(self, x):
        return self.last(x, F.relu(self.bn(self.conv(x))))


def test_a_block_whose_last_layer_adds_is_a_block():
    model = nn.Sequential(conv(3, 4), AddingLast(), AddingLast())
    assert kinds(model) == {"1.bn": "first", "1.last.bn": "second", "2.bn": "first", "2.last.bn": "second"}


class Separable(nn.Module):
    """A block that never adds, of a class of its own, among residual blocks (timm's first stage of MobileNets)."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1, self.conv2, self.bn2 = conv(4, 4), nn.BatchNorm2d(4), conv(4, 4), nn.BatchNorm2d(4)

    def forward(self, x):
        return self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))


def test_what_stands_among_blocks_is_a_block():
    block = torchvision.models.resnet.BasicBlock
    stages = [nn.Sequential(Separable()), nn.Sequential(Separable(), block(4, 4)), nn.Sequential(block(4, 4))]

    def unit(channels):
        return conv(channels, 4), nn.BatchNorm2d(4), nn.ReLU()

    found = kinds(nn.Sequential(*unit(3), *stages, nn.Sequential(*unit(4), *unit(4))))
    assert found["1"] == "stem"
    assert [name for name, kind in found.items() if kind == "first"] == ["3.0.bn1", "4.0.bn1", "4.1.bn1", "5.0.bn1"]
    assert found["6.1"] == found["6.4"] == "other"


def test_in_a_wrapper_a_network_s_own_blocks_are_what_they_are_without():
    class Wrapper(nn.Module):
        def __init__(self, net):
            super().__init__()
            self.net = net

        def forward(self, x):
            return self.net(x)

    flat = Flat()
    assert kinds(Wrapper(nn.Sequential(conv(3, 4), flat))) == {
        f"net.1.{name}": kind for name, kind in kinds(nn.Sequential(conv(3, 4), flat)).items() for name in [name[2:]]
    }


# All that both have: docs/networks.md.
PAIRS = {
    "resnet50": "resnet50",
    "regnet_y_400mf": "regnety_004",
    "mobilenet_v2": "mobilenetv2_100",
    "mobilenet_v3_small": "mobilenetv3_small_100",
    "efficientnet_b0": "efficientnet_b0",
}


@pytest.mark.parametrize("name", PAIRS)
def test_the_same_network_of_two_libraries_has_the_same_sites(name):
    timm = pytest.importorskip("timm")
    with torch.device("cpu" if name.startswith("regnet") else "meta"):
        found = [sites(torchvision.models.get_model(name)), sites(timm.create_model(PAIRS[name]))]
    for kind in noise.SITE_SETS:
        ours, theirs = ([(s.channels, s.rectified) for s in each if s.kind == kind] for each in found)
        assert ours == theirs, kind
