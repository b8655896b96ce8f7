"""Networks that torch.fx cannot follow, run once on an example: every idiom has its sites."""

from collections import OrderedDict
from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from torchvision.models.detection import FasterRCNN, RetinaNet
from torchvision.models.detection.anchor_utils import AnchorGenerator

import noise
from tests.noise.untraceable import Net, X


@dataclass
class Output:
    logits: torch.Tensor
    features: list


class ModelOutput(OrderedDict):
    """As transformers have it: a dictionary with attributes."""


class Images:
    """As torchvision's ImageList: an object that holds a tensor."""

    def __init__(self, tensors):
        self.tensors = tensors


class Packing(nn.Module):
    def forward(self, x):
        return {"images": [Images(x)]}, None


def branch_on_values(net, x):
    return F.relu(net.unit(x)) if x.sum() > 0 or len(x) else x


def branch_on_shape(net, x):
    _, channels, *_ = x.shape
    if channels != 4:
        raise ValueError("4 channels")
    return F.relu(net.unit(x))


def loop(net, x):
    return torch.stack([F.relu(net.unit(image[None]))[0] for image in x])


def mask(net, x):
    out = net.unit(x)
    out[out < 0] = 0
    return out


def written(net, x):
    out = torch.zeros(len(x), 8, *x.shape[2:])
    out[:, :4] = net.unit(x)
    out[:, 4:].copy_(x)
    return F.relu(out)


def through_a_view(net, x):
    out = net.unit(x)
    out.view(len(x), -1).relu_()
    return net.conv2(out)


def packed(net, x):
    packs, _ = net.packing(net.unit(x))
    return F.relu(packs["images"][0].tensors)


def printed(net, x):
    x = net.unit(x)
    f"{float(x.mean()):.3f} {x.std().item()} {x.numpy().shape}"
    return F.relu(x)


@torch.jit.script
def scripted_relu(x):
    return torch.relu(x)


def scripted(net, x):
    return scripted_relu(net.unit(x))


def by_forward(net, x):
    return F.relu(net.bn2.forward(net.conv2.forward(x)))


def flagged(net, x):
    return F.relu(net.unit(x)) if net.training else x


FORMS = [
    branch_on_values,
    branch_on_shape,
    loop,
    mask,
    written,
    through_a_view,
    packed,
    printed,
    scripted,
    by_forward,
    flagged,
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "result",
    [lambda x: x, lambda x: (x, None), lambda x: {"a": [x]}, lambda x: Output(x, [x]), lambda x: ModelOutput(a=x)],
)
def test_idioms(form, result):
    model = Net(lambda net, x: result(form(net, x)), packing=Packing())
    first = noise.find_sites(model, "first", example_input=torch.randn(2, 3, 6, 6))
    assert [site.name for site in first] == ["bn2"]
    assert first[0].rectified == (form not in (mask, packed))
    noise.find_sites(model, "bn1", example_input=torch.randn(1, 3, 6, 6))


class Asking(nn.Module):
    """Its arguments have defaults, or names only."""

    def __init__(self):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)


class Optional(Asking):
    def forward(self, pixel_values=None, labels=None, **options):
        if pixel_values is None or options.get("labels") is not None:
            raise ValueError("pixel_values is missing")
        return F.relu(self.bn(self.conv(pixel_values)))


class Named(Asking):
    def forward(self, *, pixel_values=None, scale=2):
        return F.relu(self.bn(self.conv(pixel_values * scale)))


class Several(Asking):
    def forward(self, images, scale, add=None):
        return F.relu(self.bn(self.conv(images[0] * scale["by"])))


class Anything(Asking):
    def forward(self, *args, **kwargs):
        return F.relu(self.bn(self.conv(args[0])))


@pytest.mark.parametrize(
    ("kind", "example_input"),
    [
        (Optional, X),
        (Optional, {"pixel_values": X}),
        (Optional, (X, X)),
        (Named, {"pixel_values": X}),
        (Several, ([X], {"by": 2.0})),
        (Anything, X),
    ],
)
def test_the_first_argument_is_an_input_in_both_ways(kind, example_input):
    model = kind()
    traced = noise.find_sites(model, "stem")
    assert [site.name for site in traced] == ["bn"]
    assert noise.find_sites(model, "stem", example_input=example_input) == traced


def detector(kind, **options):
    torch.manual_seed(0)
    block = torchvision.models.resnet.BasicBlock
    backbone = nn.Sequential(nn.Conv2d(3, 4, 3, 4), nn.BatchNorm2d(4), nn.ReLU(), block(4, 4), block(4, 4))
    backbone.out_channels = 4
    size = {"min_size": 32, "max_size": 32}
    return kind(backbone, num_classes=2, **size, **options)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (FasterRCNN, {"rpn_anchor_generator": AnchorGenerator(((8,),), ((1.0,),)), "box_roi_pool": None}),
        (RetinaNet, {"anchor_generator": AnchorGenerator(((8,),), ((1.0,),))}),
    ],
)
def test_detectors_take_lists_and_want_targets_in_training(kind, options):
    if "box_roi_pool" in options:
        options = options | {"box_roi_pool": torchvision.ops.MultiScaleRoIAlign(["0"], 2, 0)}
    model = detector(kind, **options)
    with pytest.raises(ValueError, match="targets should not be none"):
        noise.find_sites(model)
    for example_input in ([torch.rand(3, 32, 32)], [torch.rand(3, 30, 32), torch.rand(3, 32, 24)]):
        found = noise.find_sites(model, example_input=example_input)
        assert [site.name for site in found] == ["backbone.3.bn1", "backbone.4.bn1"]


def test_it_is_observed_in_training_and_what_only_evaluation_calls_has_no_site():
    def auxiliary(net, x):
        return (x, F.relu(net.unit(x))) if net.training else net.bn3(x)

    model = Net(auxiliary, bn3=nn.BatchNorm2d(4), never=nn.BatchNorm2d(4)).eval()
    for example_input in (None, torch.randn(1, 3, 4, 4)):
        found = noise.find_sites(model, "all", example_input=example_input)
        assert [(site.name, site.kind) for site in found] == [("bn1", "stem"), ("bn2", "first")]
    googlenet = torchvision.models.googlenet(init_weights=False)
    assert noise.find_sites(googlenet, "all", example_input=torch.randn(1, 3, 64, 64)) == noise.find_sites(
        googlenet, "all"
    )


def test_what_is_attached_is_seen_through(small_network):
    x, wanted = torch.randn(1, 3, 8, 8), ["all", "block"]
    before = noise.find_sites(small_network(), wanted)
    for attach in (
        lambda network: noise.attach_periodic(network, 2, wanted),
        lambda network: noise.attach_dynamic(network, 0.1, sites="block"),
        lambda network: (noise.attach_dropout(network, 0.5, wanted), noise.attach_gaussian(network, 0.1, wanted)),
    ):
        network = small_network()
        attach(network)
        assert noise.find_sites(network, wanted) == before
        assert noise.find_sites(network, wanted, example_input=x) == before


def test_activations_inside_of_a_batchnorm():
    class WithActivation(nn.BatchNorm2d):
        def __init__(self, channels, act):
            super().__init__(channels)
            self.act = act

        def forward(self, x):
            return self.act(super().forward(x))

    model = nn.Sequential(nn.Conv2d(3, 4, 1), WithActivation(4, nn.ReLU()), WithActivation(4, nn.Identity()), nn.GELU())
    for example_input in (None, torch.randn(1, 3, 4, 4)):
        found = noise.find_sites(model, "all", example_input=example_input)
        assert [(site.rectified, site.activated) for site in found] == [(True, True), (False, True)]


def test_what_torchscript_made_is_one_call():
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), torch.jit.script(nn.ReLU()), nn.Conv2d(4, 4, 1))
    for example_input in (None, X):
        assert noise.find_sites(model, "stem", example_input=example_input)[0].name == "1"


def test_in_inference_mode_it_sees_the_same():
    model = Net(through_a_view)
    with torch.inference_mode():
        found = noise.find_sites(model, "all", example_input=torch.randn(1, 3, 4, 4))
    assert found == noise.find_sites(model, "all", example_input=X)
    assert found[1].rectified


def test_losses_and_what_is_added_to_an_image_around_the_blocks_end_no_block():
    class Losses(Net):
        def __init__(self, form):
            super().__init__(form, block=torchvision.models.resnet.BasicBlock(4, 4), back=nn.Conv2d(4, 3, 1))

    def losses(net, x):
        x = net.block(x)
        return net.back(x).square().mean() + 0.1 * F.relu(net.unit(x)).mean()

    def enhanced(net, x):
        return net.back(F.relu(net.unit(net.block(x))))

    class Enhancing(Losses):
        def forward(self, x):
            return x + super().forward(x)

    expected = {"bn1": "stem", "block.bn1": "first", "block.bn2": "second", "bn2": "other"}
    model = Enhancing(enhanced)
    for found in (noise.find_sites(model, "all"), noise.find_sites(model, "all", example_input=X)):
        assert {site.name: site.kind for site in found} == expected
    found = noise.find_sites(Losses(losses), "all", example_input=X)
    assert {site.name: site.kind for site in found} == expected
