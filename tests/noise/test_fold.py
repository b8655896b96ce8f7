"""The way back: what fold and detach leave is the plain network; fold's computes what the network with methods did."""

import copy

import pytest
import torch
import torchvision
from torch import nn
from torch.nn.utils import prune

import noise
from tests.noise.folding import IMAGES, flip, network, traces, turn


def flip_half(model, sites):
    noise.attach_periodic(model, [2], sites, share=0.5)
    noise.set_step(model, 2)


def turn_channels(model, sites):
    noise.attach_dynamic(model, 0.001, sites, reinitialise=False)
    with torch.no_grad():
        for autorelu in (module for module in model.modules() if isinstance(module, noise.AutoReLU)):
            autorelu.weight[::2].neg_()


def everything(model, sites):
    noise.attach_gaussian(model, 0.3, sites, seed=0)
    noise.attach_dropout(model, 0.3, sites)
    noise.attach_bursts(model, 0.3, 1, sites)
    flip(model, sites)
    turn(model, sites)


METHODS = [flip, flip_half, turn, turn_channels, everything]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("name", "sites"),
    [
        ("resnet18", "first"),
        ("resnet18", ["first", "second", "shortcut", "stem"]),
        ("mobilenet_v3_small", "all"),
    ],
)
def test_the_folded_network_is_the_plain_one_with_the_same_logits(method, name, sites):
    model = network(name).eval()
    left = traces(model)
    keys = {key: value.shape for key, value in model.state_dict().items()}
    plain = model(IMAGES)
    method(model, sites)
    expected = model(IMAGES)
    assert not torch.equal(expected, plain)

    assert noise.fold(model) is model
    assert torch.equal(model(IMAGES), expected)
    assert traces(model) == left
    assert {key: value.shape for key, value in model.state_dict().items()} == keys
    fresh = network(name, seed=1).eval()
    fresh.load_state_dict(model.state_dict())
    assert torch.equal(fresh(IMAGES), expected)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_dtypes_fold_to_the_same_bits(dtype):
    model = network().to(dtype).eval()
    flip(model, "first")
    expected = model(IMAGES.to(dtype))
    assert torch.equal(noise.fold(model)(IMAGES.to(dtype)), expected)


def test_training_goes_on_in_the_original_when_a_copy_is_folded():
    model = network().eval()
    flip(model, "first")
    expected = model(IMAGES)
    folded = noise.fold(copy.deepcopy(model))
    assert torch.equal(folded(IMAGES), expected)
    assert torch.equal(model(IMAGES), expected)
    assert noise.signs(model).tolist() == [-1] * 8


def test_a_network_without_methods_stays_as_it_is():
    model = network()
    left, state = traces(model), copy.deepcopy(model.state_dict())
    for way_back in (noise.detach, noise.fold):
        assert way_back(model) is model
        assert traces(model) == left
        assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())


def test_pruned_weights_are_folded():
    model = network().eval()
    prune.l1_unstructured(model.layer1[0].bn1, "weight", amount=0.3)
    flip(model, "first")
    expected = model(IMAGES)
    assert torch.equal(noise.fold(model)(IMAGES), expected)
    prune.remove(model.layer1[0].bn1, "weight")
    assert torch.equal(model(IMAGES), expected)


def test_weights_that_two_batchnorms_share_are_negated_once():
    model = network().eval()
    model.layer1[1].bn1.weight = model.layer1[0].bn1.weight
    flip(model, "first")
    expected = model(IMAGES)
    assert torch.equal(noise.fold(model)(IMAGES), expected)


def test_folded_layers_fuse():
    model = network().eval()
    flip(model, "first")
    expected = model(IMAGES)
    pairs = [[f"layer{i}.{j}.conv1", f"layer{i}.{j}.bn1"] for i in range(1, 5) for j in range(2)]
    fused = torch.ao.quantization.fuse_modules(noise.fold(model), pairs)
    torch.testing.assert_close(fused(IMAGES), expected, rtol=1e-4, atol=1e-4)


class Positive(nn.Module):
    def forward(self, weight):
        return weight.abs()


def test_a_batchnorm_is_parametrised_after_attaching():
    model = network().eval()
    flip(model, "stem")
    torch.nn.utils.parametrize.register_parametrization(model.bn1, "weight", Positive())
    expected = model(IMAGES)
    with pytest.raises(ValueError, match="bn1 has become ParametrizedBatchNorm2d since attaching"):
        noise.fold(model)
    torch.nn.utils.parametrize.remove_parametrizations(model.bn1, "weight")
    assert torch.equal(noise.fold(model)(IMAGES), expected)


class Reporting(nn.Identity):
    def in_force(self):
        return torch.ones(())


class NormOfAUser(nn.BatchNorm2d):
    def __init__(self, channels):
        super().__init__(channels)
        self.inner = Reporting()

    def forward(self, x):
        return self.inner(super().forward(x))


def test_a_child_of_a_users_own_batchnorm_is_no_leftover():
    model = torchvision.models.resnet18(num_classes=7, norm_layer=NormOfAUser).eval()
    flip(model, "first")
    expected = model(IMAGES)
    assert torch.equal(noise.fold(model)(IMAGES), expected)
