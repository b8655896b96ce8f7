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


def test_network_without_batchnorm_is_an_error_traced_or_not():
    class Branching(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    for model in (network("vgg11"), Branching()):
        with pytest.raises(ValueError, match=f"^{type(model).__name__} has no BatchNorm") as raised:
            noise.find_sites(model)
        assert "\n" not in str(raised.value)


class Plain(nn.Module):
    def __init__(self, norm=nn.BatchNorm2d):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, 4, 3), norm(4) if norm is nn.BatchNorm2d else norm()

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)))


class Sharded(nn.Parameter):
    device_mesh = "what DTensor has"


def sharded():
    model = Plain()
    model.conv.weight = Sharded(model.conv.weight.detach())
    return model


@pytest.mark.filterwarnings("ignore:.*torch.jit.*")
@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: nn.DataParallel(Plain()), "attach to the plain network, model.module, before it is wrapped in Data"),
        (lambda: torch.compile(Plain()), "attach to the plain network, before torch.compile"),
        (lambda: torch.jit.script(Plain()), "attach to the plain network, before torch.jit"),
        (lambda: nn.BatchNorm2d(3), "BatchNorm2d is a BatchNorm itself: give the network that holds it"),
        (lambda: Plain(nn.LazyBatchNorm2d), "bn is a lazy BatchNorm without a size yet: run the network on one batch"),
        (sharded, "conv.weight is sharded already: attach to the plain network, before fully_shard"),
    ],
)
def test_what_is_no_plain_network_is_refused_in_one_line(model, message):
    model = model()
    for example_input in (None, torch.randn(1, 3, 8, 8)):
        with pytest.raises(ValueError, match=message) as error:
            noise.find_sites(model, "stem", example_input=example_input)
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


def test_the_error_for_first_names_the_set_that_would_work():
    units = [module for _ in range(3) for module in (nn.Conv2d(4, 4, 1), nn.ReLU(), nn.BatchNorm2d(4), nn.MaxPool2d(2))]
    model = nn.Sequential(*units)
    message = "no site in the set 'first': Sequential has other 3; sites='other' or 'all' would work$"
    with pytest.raises(ValueError, match=message):
        noise.find_sites(model)
    with pytest.raises(ValueError, match="Plain has stem 1; sites='stem' or 'all' would work$"):
        noise.find_sites(Plain())
    with pytest.raises(ValueError, match="has stem 1$"):
        noise.find_sites(Plain(), "second")


class Asking(torchvision.models.resnet.BasicBlock):
    """A block with optional arguments."""

    def forward(self, x, scale=1.0, *, mask=None):
        if mask is not None:
            x = x * mask
        return super().forward(x * scale)


def test_a_block_behind_whose_addition_something_is_attached_takes_its_arguments_by_name():
    torch.manual_seed(0)
    block = Asking(4, 4).eval()
    x = torch.randn(1, 4, 3, 3)
    expected = block(x)
    model = nn.Sequential(block)
    assert noise.attach_periodic(model, 2, "block") == ["0.join"]
    assert torch.equal(block(x, scale=1.0, mask=None), expected)
    with pytest.raises(AssertionError, match="scale has been specialized to have value 1.0 but got another value"):
        block(x, scale=2.0)
