"""What attaching leaves behind: networks held against ones in which the method is written out by hand."""

import copy

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

import noise
from noise.attaching import Injecting
from tests.noise.hand_written import IMAGES, Scale, Shift, block


@pytest.mark.parametrize(
    ("sites", "stride"),
    [("first", 1), ("second", 1), ("block", 1), ("first", 2), ("second", 2), ("block", 2), ("shortcut", 2)],
)
def test_block_equals_one_written_by_hand(sites, stride):
    plain = block(stride)
    network = nn.Sequential(copy.deepcopy(plain))
    noise.attach(network, lambda site: Scale(-0.5), sites)
    factor = {name: -0.5 if name == sites else 1.0 for name in ("first", "second", "shortcut", "block")}

    out = F.relu(plain.bn1(plain.conv1(IMAGES)) * factor["first"])
    out = plain.bn2(plain.conv2(out)) * factor["second"]
    identity = plain.downsample(IMAGES) * factor["shortcut"] if stride == 2 else IMAGES
    expected = F.relu((out + identity) * factor["block"])
    actual = network(IMAGES)
    assert torch.equal(actual, expected)

    upstream = torch.randn(expected.shape)
    expected.backward(upstream)
    actual.backward(upstream)
    for by_hand, attached in zip(plain.parameters(), network.parameters(), strict=True):
        assert torch.equal(by_hand.grad, attached.grad)
    statistics = [buffer for name, buffer in network.named_buffers() if "scale" not in name]
    assert all(map(torch.equal, plain.buffers(), statistics))


@pytest.mark.parametrize("sites", ["first", "block"])
def test_methods_act_in_the_order_of_the_calls(sites):
    plain, network = nn.Sequential(block()).eval(), nn.Sequential(block()).eval()
    names = noise.attach(network, lambda site: Shift(1.0), sites)
    assert noise.attach(network, lambda site: Scale(3.0), sites) == names
    by_hand = copy.deepcopy(plain)
    noise.attach(by_hand, lambda site: nn.Sequential(Shift(1.0), Scale(3.0)), sites)
    assert torch.equal(network(IMAGES), by_hand(IMAGES))
    assert not torch.equal(network(IMAGES), plain(IMAGES))


def test_names_and_keys_of_the_attached_network():
    network = nn.Sequential(block())
    plain = network.state_dict().keys()
    noise.attach_periodic(network, 5, ["first", "block"])
    noise.attach_dropout(network, 0.1)
    keys = network.state_dict().keys()
    assert keys - plain == {"0.bn1.signflip.flag", "0.join.signflip.flag"}
    assert plain <= keys
    assert [name for name, _ in network[0].bn1.named_children()] == ["signflip", "dropout"]
    assert isinstance(network[0], torchvision.models.resnet.BasicBlock)
    assert "SignFlip(interval=5)" in repr(network)


def test_the_second_attachment_of_a_class_is_refused_and_changes_nothing():
    network = nn.Sequential(block(), block())
    noise.attach_periodic(network, 5, "1.bn1")
    keys = network.state_dict().keys()
    with pytest.raises(ValueError, match="SignFlip is attached at 1.bn1 already"):
        noise.attach_periodic(network, 5, "first")
    assert network.state_dict().keys() == keys


def test_sites_are_found_through_what_is_attached():
    stem = nn.BatchNorm2d(4), nn.BatchNorm2d(4), nn.ReLU()  # the first of these feeds no activation
    network = nn.Sequential(*stem, block(), block(2))
    wanted = ["other", "stem", "first", "second", "shortcut", "block"]
    before = noise.find_sites(network, wanted)
    noise.attach_dropout(network, 0.1, wanted)
    assert noise.find_sites(network, wanted) == before


def test_methods_take_the_site_s_device_and_mode():
    with torch.device("meta"):
        network = nn.Sequential(nn.Conv2d(4, 4, 1), block()).eval()
    noise.attach_periodic(network, 5, ["first", "block"])
    noise.attach_dynamic(network, 0.5, weight="network")
    added = [module for module in network.modules() if isinstance(module, (noise.SignFlip, noise.AutoReLU))]
    assert len(added) == 3
    assert not any(module.training for module in added)
    assert {tensor.device.type for tensor in network.state_dict().values()} == {"meta"}


def test_one_batchnorm_under_two_names_is_one_under_both():
    norm = nn.BatchNorm2d(4)
    network = nn.Sequential(nn.Conv2d(4, 4, 1), norm, nn.ReLU(), nn.Conv2d(4, 4, 1), norm, nn.ReLU())
    assert noise.attach(network, lambda site: Scale(2.0), "stem") == ["1"]
    assert network[1] is network[4]
    assert isinstance(network[1], Injecting)


def test_synchronised_batchnorm_is_attached_to_after_converting():
    network = nn.SyncBatchNorm.convert_sync_batchnorm(nn.Sequential(block())).eval()
    assert noise.attach_periodic(network, 1, ["first", "second"]) == ["0.bn1", "0.bn2"]
    assert isinstance(network[0].bn1, nn.SyncBatchNorm)
    plain = network(IMAGES)
    noise.set_step(network, 2)
    assert not torch.equal(network(IMAGES), plain)


class BatchNormAct2d(nn.BatchNorm2d):
    """BatchNorm with its activation inside, as in timm."""

    def __init__(self, channels):
        super().__init__(channels)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.act(super().forward(x))


def test_methods_come_before_an_activation_inside_of_the_batchnorm():
    network = nn.Sequential(nn.Conv2d(4, 4, 1), BatchNormAct2d(4), nn.Conv2d(4, 4, 1))
    conv, norm, last = copy.deepcopy(network)
    (site,) = noise.find_sites(network, "stem")
    assert site.rectified
    noise.attach(network, lambda site: Scale(-1.0), "stem")
    noise.attach(network, lambda site: Shift(0.5), "stem")
    expected = last(F.relu(0.5 - nn.BatchNorm2d.forward(norm, conv(IMAGES))))
    assert torch.equal(network(IMAGES), expected)
    assert noise.find_sites(network, "stem") == [site]


def test_a_block_that_branches_on_training_cannot_be_spliced():
    class Dropping(torchvision.models.resnet.BasicBlock):
        def forward(self, x):
            return F.relu(F.dropout(self.bn2(self.conv2(x)), training=self.training) + x)

    network = nn.Sequential(Dropping(4, 4))
    with pytest.raises(ValueError, match="the forward of Dropping branches on `training`"):
        noise.attach_periodic(network, 5, "block")
    assert network.training
    assert network[0].training


def test_a_taken_name_is_not_overwritten():
    network = nn.Sequential(block())
    network[0].join = nn.Linear(1, 1)
    with pytest.raises(ValueError, match="BasicBlock has an attribute 'join' already"):
        noise.attach_periodic(network, 5, "block")
    assert isinstance(network[0].join, nn.Linear)


def test_blocks_in_the_network_s_own_forward_are_spliced_in_place():
    class Flat(nn.Module):
        def __init__(self):
            super().__init__()
            self.bn = nn.BatchNorm2d(4)

        def forward(self, x):
            x = F.relu(self.bn(x) + x)
            return F.relu(x + self.bn(x))

    network = Flat().eval()
    names = noise.attach(network, lambda site: Scale(-1.0 if site.addition else 2.0), "block")
    assert names == ["join", "join_1"]
    hidden = F.relu(2 * (network.bn(IMAGES) + IMAGES))
    assert torch.equal(network(IMAGES), F.relu(-(hidden + network.bn(hidden))))


class Unmovable(nn.Module):
    def _apply(self, fn, recurse=True):
        raise NotImplementedError("stays where it is")


@pytest.mark.parametrize("sites", ["first", ["first", "block"]])
@pytest.mark.parametrize("last", [None, F.relu, nn.ReLU, Unmovable()])
def test_what_is_no_method_is_refused_with_the_network_as_it_was(sites, last):
    model = nn.Sequential(block(), block())
    before = [type(module) for module in model.modules()]
    made = iter([noise.SignFlip(1), noise.SignFlip(1), last, last])
    with pytest.raises(NotImplementedError if isinstance(last, Unmovable) else ValueError):
        noise.attach(model, lambda site: next(made) if site.name != "1.bn1" else last, sites)
    assert [type(module) for module in model.modules()] == before


class Masked(nn.BatchNorm2d):
    def forward(self, x, mask=None):
        return super().forward(x if mask is None else x * mask)


class Mask(nn.Sequential):
    def forward(self, x):
        return F.relu(self[1](x=self[0](x), mask=torch.ones(())))


def test_a_batchnorm_with_further_arguments():
    model = Mask(nn.Conv2d(4, 4, 3), Masked(4)).eval()
    plain = model(IMAGES)
    noise.attach_gaussian(model, 0.1, "stem")
    assert torch.equal(model(IMAGES), plain)
    assert type(noise.detach(model)[1]) is Masked


@pytest.mark.parametrize("sites", [None, 3, [None], ["first", 3]])
def test_sites_that_are_no_names_are_one_line(sites):
    network = nn.Sequential(block())
    with pytest.raises(ValueError, match="sites are given by name, as 'first' or a list of such, got (None|3)"):
        noise.attach_periodic(network, 5, sites)


def test_a_block_whose_forward_cannot_be_written_anew_says_where_else_to_attach():
    class Listed(torchvision.models.resnet.BasicBlock):
        def forward(self, *xs):
            return super().forward(xs[0]) if len(xs) == 1 and xs[0].shape[1] == 4 else xs

    class Around(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = Listed(4, 4)

        def forward(self, x):
            return self.inner(x)

    network = Around()
    with pytest.raises(
        ValueError, match="nothing can be put behind its addition, but behind its BatchNorms: "
    ) as error:
        noise.attach_periodic(network, 5, "block", example_input=IMAGES)
    assert "\n" not in str(error.value)
    assert noise.attach_periodic(network, 5, "first", example_input=IMAGES) == ["inner.bn1"]
