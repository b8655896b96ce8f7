"""Which BatchNorm plays which part in which block, traced and observed: counted by hand."""

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

import noise


def sites(model, example_input=None):
    """All sites of the model, the sums included, in order of execution."""
    try:
        return noise.find_sites(model, ["all", "block"], example_input=example_input)
    except ValueError:
        return noise.find_sites(model, "all", example_input=example_input)


def kinds(model):
    """The site set of each site; both ways of finding them give the same sites."""
    traced = sites(model)
    channels = next(module.in_channels for module in model.modules() if isinstance(module, nn.Conv2d))
    assert sites(model, torch.randn(2, channels, 8, 8)) == traced
    return {site.name: site.kind for site in traced}


def conv(*sizes, kernel=3, **options):
    return nn.Conv2d(*sizes, kernel, padding=kernel // 2, **options)


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


class ThreeBranches(nn.Module):
    """RepVGG's block: 3 x 3, 1 x 1 and no convolution, each with its BatchNorm; `form` adds them."""

    def __init__(self, form):
        super().__init__()
        self.form = form
        self.conv3, self.conv1 = conv(4, 4), conv(4, 4, kernel=1)
        self.bn3, self.bn1, self.bn0 = (nn.BatchNorm2d(4) for _ in range(3))

    def forward(self, x):
        return F.relu(self.form(self.bn3(self.conv3(x)), self.bn1(self.conv1(x)), self.bn0(x)))


def accumulated(*terms):
    total = 0
    for term in terms:
        total += term
    return total


@pytest.mark.parametrize(
    "form",
    [
        lambda a, b, c: a + b + c,
        lambda a, b, c: c + (b + a),
        lambda a, b, c: a.add(b).add_(c),
        lambda a, b, c: torch.add(c, torch.add(a, b)),
        lambda a, b, c: sum([a, b, c]),
        lambda a, b, c: sum([c, b, a], 0.0),
        lambda a, b, c: accumulated(b * 1.0, a, c),
    ],
)
def test_a_block_of_several_branches_has_one_first(form):
    stem = conv(3, 4), nn.BatchNorm2d(4), nn.ReLU()
    for model in (
        nn.Sequential(*stem, ThreeBranches(form), ThreeBranches(form)),
        nn.Sequential(*stem, ThreeBranches(form)),
    ):
        found = kinds(model)
        blocks = [name.split(".")[0] for name, kind in found.items() if kind == "first"]
        assert blocks == [name for name, block in model.named_children() if isinstance(block, ThreeBranches)]
        for name, kind in found.items():
            if name.startswith("3."):
                # A branch without a convolution is never the main path; the two with one are as heavy.
                assert kind in {"3.bn0": ("shortcut",), "3.join_1": ("block",)}.get(name, ("first", "shortcut"))


class Res2(nn.Module):
    """Gao et al. 2019: the channels are split, and each part is added to what came of the one before."""

    def __init__(self, projected=False):
        super().__init__()
        self.conv1, self.bn1, self.conv3, self.bn3 = conv(8, 8), nn.BatchNorm2d(8), conv(8, 8), nn.BatchNorm2d(8)
        self.convs = nn.ModuleList(conv(2, 2) for _ in range(3))
        self.bns = nn.ModuleList(nn.BatchNorm2d(2) for _ in range(3))
        self.shortcut = nn.Sequential(conv(8, 8, kernel=1), nn.BatchNorm2d(8)) if projected else nn.Identity()

    def forward(self, x):
        parts = torch.split(F.relu(self.bn1(self.conv1(x))), 2, 1)
        out = [parts[3]]
        part = parts[0]
        for place, (convolution, norm) in enumerate(zip(self.convs, self.bns)):
            part = part if place == 0 else part + parts[place]
            part = F.relu(norm(convolution(part)))
            out.append(part)
        return F.relu(self.bn3(self.conv3(torch.cat(out, 1))) + self.shortcut(x))


def test_the_main_path_goes_through_inner_sums():
    main = {"bn1": "first", "bns.0": "second", "bns.1": "third", "bns.2": "other", "bn3": "other", "join_2": "block"}
    assert kinds(nn.Sequential(conv(3, 8), Res2(), Res2(projected=True))) == {
        **{f"1.{name}": kind for name, kind in main.items()},
        **{f"2.{name}": kind for name, kind in main.items()},
        "2.shortcut.1": "shortcut",
    }


class Fuse(nn.Module):
    """HRNet's exchange: each of two resolutions gets the sum over both."""

    def __init__(self):
        super().__init__()
        self.down = nn.Sequential(conv(4, 4, stride=2), nn.BatchNorm2d(4))
        self.up = nn.Sequential(conv(4, 4, kernel=1), nn.BatchNorm2d(4), nn.Upsample(scale_factor=2))

    def forward(self, x):
        return F.relu(x[0] + self.up(x[1])), F.relu(self.down(x[0]) + x[1])


class HighResolution(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.bn, self.transition = conv(3, 4), nn.BatchNorm2d(4), conv(4, 4, stride=2)
        self.fuse1, self.fuse2 = Fuse(), Fuse()

    def forward(self, x):
        x = F.relu(self.bn(self.stem(x)))
        high, _ = self.fuse2(self.fuse1([x, self.transition(x)]))
        return high


def test_a_block_of_several_sums_side_by_side_has_one_first():
    block = {"up.1": "first", "down.1": "shortcut", "join": "block", "join_1": "block"}
    expected = {f"fuse{place}.{name}": kind for place in (1, 2) for name, kind in block.items()}
    assert kinds(HighResolution()) == {"bn": "stem", **expected}


class TwoSums(nn.Module):
    """A transformer's block in convolutions: it adds twice, one after the other."""

    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm2d(4), nn.BatchNorm2d(4)
        self.mixer, self.mlp = conv(4, 4), nn.Sequential(conv(4, 8, kernel=1), nn.GELU(), conv(8, 4, kernel=1))

    def forward(self, x):
        x = x + self.mixer(self.norm1(x))
        return x + self.mlp(self.norm2(x))


def test_a_block_that_adds_twice_is_one_block():
    model = nn.Sequential(conv(3, 4), TwoSums(), TwoSums())
    assert kinds(model) == {"1.norm1": "first", "1.norm2": "second", "2.norm1": "first", "2.norm2": "second"}
    assert [site.activated for site in noise.find_sites(model, "all")] == [False] * 4


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
