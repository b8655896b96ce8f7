"""Which sites are found where: counted by hand from the architectures' papers and torchvision's sources."""

from collections import Counter

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

import noise

# ResNet: 2+2+2+2, 3+4+6+3, 3+4+6+3 and 3+4+23+3 blocks; the shortcut is projected in the first block of each stage, but
# for the first stage of basic blocks, which keeps the shape. VGG: a BatchNorm for each convolution. MobileNet: 17, 11
# and 15 blocks with a BatchNorm each for expansion, depthwise layer and projection, the first block without expansion;
# one convolution ahead of the blocks and one behind.
COUNTS = {
    "resnet18": {"stem": 1, "first": 8, "second": 8, "shortcut": 3, "block": 8},
    "resnet34": {"stem": 1, "first": 16, "second": 16, "shortcut": 3, "block": 16},
    "resnet50": {"stem": 1, "first": 16, "second": 16, "third": 16, "shortcut": 4, "block": 16},
    "resnet101": {"stem": 1, "first": 33, "second": 33, "third": 33, "shortcut": 4, "block": 33},
    "vgg11_bn": {"stem": 1, "first": 7},
    "vgg16_bn": {"stem": 1, "first": 12},
    "mobilenet_v2": {"stem": 1, "first": 17, "second": 17, "third": 16, "other": 1},
    "mobilenet_v3_small": {"stem": 1, "first": 11, "second": 11, "third": 10, "other": 1},
    "mobilenet_v3_large": {"stem": 1, "first": 15, "second": 15, "third": 14, "other": 1},
}


def network(name):
    with torch.device("meta"):
        return torchvision.models.get_model(name)


def every_site(model):
    kinds = [kind for kind in noise.SITE_SETS if kind != "all"]
    found = []
    for kind in kinds:
        try:
            found += noise.find_sites(model, kind)
        except ValueError:
            continue
    return found


@pytest.mark.parametrize("name", COUNTS)
def test_counts(name):
    model = network(name)
    found = every_site(model)
    assert Counter(site.kind for site in found) == COUNTS[name]
    norms = [path for path, module in model.named_modules() if isinstance(module, nn.BatchNorm2d)]
    assert [site.name for site in noise.find_sites(model, "all")] == sorted(norms, key=norms.index)
    for site in found:
        if site.kind != "block":
            assert site.channels == model.get_submodule(site.name).num_features


def test_resnet18_by_name():
    blocks = [f"layer{stage}.{block}" for stage in (1, 2, 3, 4) for block in (0, 1)]
    model = network("resnet18")

    def names(sites):
        return [site.name for site in noise.find_sites(model, sites)]

    assert names("stem") == ["bn1"]
    assert names("first") == [f"{block}.bn1" for block in blocks]
    assert names("second") == [f"{block}.bn2" for block in blocks]
    assert names("block") == [f"{block}.join" for block in blocks]
    assert names("shortcut") == [f"layer{stage}.0.downsample.1" for stage in (2, 3, 4)]
    assert [site.channels for site in noise.find_sites(model, "block")] == [64, 64, 128, 128, 256, 256, 512, 512]


def test_rectified_is_what_only_a_relu_reads():
    def rectified(name):
        return Counter(site.kind for site in every_site(network(name)) if site.rectified)

    assert rectified("resnet18") == {"stem": 1, "first": 8, "block": 8}
    assert rectified("resnet50") == {"stem": 1, "first": 16, "second": 16, "block": 16}
    assert rectified("vgg11_bn") == {"stem": 1, "first": 7}
    # The first block's depthwise layer is its `first`; projections are linear.
    assert rectified("mobilenet_v2") == {"stem": 1, "first": 17, "second": 16, "other": 1}
    # ReLU in blocks 1 to 3 (Howard et al. 2019, Table 2), Hardswish in all others.
    assert rectified("mobilenet_v3_small") == {"first": 3, "second": 2}


def test_several_sets_and_names_come_in_order_of_execution():
    model = network("resnet18")
    found = noise.find_sites(model, ["block", "layer1.0.bn1", "stem", "layer1.0.join"])
    assert [site.name for site in found[:4]] == ["bn1", "layer1.0.bn1", "layer1.0.join", "layer1.1.join"]
    assert len(found) == 10


@pytest.mark.parametrize(
    ("sites", "message"),
    [
        ("third", "no site in the set 'third': ResNet has stem 1, first 8, second 8, shortcut 3, block 8$"),
        ("frist", "no site 'frist': give one of stem, first, .* ResNet has stem 1"),
        (["first", "layer1.0.conv1"], "no site 'layer1.0.conv1'"),
        ([], "no sites asked for: ResNet has stem 1"),
    ],
)
def test_sites_that_are_not_there_are_named(sites, message):
    with pytest.raises(ValueError, match=message) as error:
        noise.find_sites(network("resnet18"), sites)
    assert "\n" not in str(error.value)


def test_network_without_batchnorm_is_an_error():
    with pytest.raises(ValueError, match="VGG has no BatchNorm"):
        noise.find_sites(network("vgg11"))


def test_network_that_cannot_be_traced_is_an_error_of_one_line():
    class Branching(nn.Module):
        def __init__(self):
            super().__init__()
            self.bn = nn.BatchNorm1d(2)

        def forward(self, x):
            return self.bn(x) if x.sum() > 0 else x

    with pytest.raises(
        ValueError, match=r"torch.fx cannot trace Branching .*test_sites.py:\d+: .*Two ways out"
    ) as error:
        noise.find_sites(Branching())
    assert "\n" not in str(error.value)


def kinds(model):
    return {site.name: site.kind for site in every_site(model)}


def test_plain_sequential():
    model = nn.Sequential(
        *(nn.BatchNorm1d(4), nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU()),
        *(nn.Linear(8, 6), nn.BatchNorm1d(6), nn.Identity(), nn.Tanh(), nn.Linear(6, 2), nn.BatchNorm1d(2)),
    )
    assert kinds(model) == {"0": "other", "2": "stem", "5": "first", "9": "other"}
    assert [site.rectified for site in noise.find_sites(model, ["2", "5"])] == [True, False]


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
    model = nn.Sequential(nn.Conv2d(3, 4, 3), PreActivation(4, 8), PreActivation(8, 8), nn.BatchNorm2d(8), nn.ReLU())
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


def test_finding_changes_nothing_and_draws_nothing():
    class Drawing(PreActivation):
        def forward(self, x):
            return super().forward(x) * (1 + 0 * torch.rand(1))

    model = nn.Sequential(nn.Conv2d(3, 4, 3), Drawing(4, 8)).eval()
    state, random_state = {k: v.clone() for k, v in model.state_dict().items()}, torch.random.get_rng_state()
    noise.find_sites(model)
    assert torch.equal(random_state, torch.random.get_rng_state())
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
    assert not any(module.training for module in model.modules())


def test_a_block_called_twice_is_one_block():
    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.block = torchvision.models.resnet.BasicBlock(4, 4)

        def forward(self, x):
            return self.block(self.block(x))

    assert kinds(Recurrent()) == {"block.bn1": "first", "block.bn2": "second", "block.join": "block"}
