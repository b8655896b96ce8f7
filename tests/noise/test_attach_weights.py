"""Weights go into a network with methods and out of it: the plain one's, another part's, on the meta device."""

import copy
import io

import pytest
import torch
import torchvision
from torch import nn

import noise
from tests.noise.hand_written import IMAGES, block


def test_values_and_random_state_stay():
    torch.manual_seed(0)
    network = torchvision.models.resnet18(num_classes=7)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    random_state = torch.random.get_rng_state()
    noise.attach_periodic(network, 5, ["all", "block"])
    noise.attach_dropout(network, 0.1)
    noise.attach_dynamic(network, 0.5, "block")
    noise.attach_gaussian(network, 0.1, seed=0)
    assert torch.equal(random_state, torch.random.get_rng_state())
    after = network.state_dict()
    assert all(torch.equal(value, after[key]) for key, value in before.items())


def test_attached_network_is_saved_loaded_and_copied():
    network = nn.Sequential(block(), block(2))
    noise.attach_periodic(network, 2, ["first", "block"])
    noise.attach_dynamic(network, 0.5, "second")
    noise.set_step(network, 2)
    file = io.BytesIO()
    torch.save(network.state_dict(), file)
    file.seek(0)
    other = nn.Sequential(block(), block(2))
    noise.attach_periodic(other, 2, ["first", "block"])
    noise.attach_dynamic(other, 0.5, "second")
    other.load_state_dict(torch.load(file, weights_only=True))
    expected = network.eval()(IMAGES)
    assert torch.equal(other.eval()(IMAGES), expected)
    assert torch.equal(copy.deepcopy(network)(IMAGES), expected)


SIGNS = {"first": "0.bn1", "block": "0.join"}


@pytest.mark.parametrize("site", SIGNS)
def test_plain_weights_load_strictly_and_reset_the_methods(site):
    model, plain = nn.Sequential(block()), nn.Sequential(block())
    noise.attach_periodic(model, 1, site)
    noise.set_step(model, 2)
    model.load_state_dict(plain.state_dict())
    assert noise.signs(model).tolist() == [1]
    assert torch.equal(model.eval()(IMAGES), plain.eval()(IMAGES))


@pytest.mark.parametrize("site", SIGNS)
def test_weights_of_another_part_leave_the_methods_as_they_are(site):
    model = nn.Sequential(block(), block())
    noise.attach_dynamic(model, 0.1, site)
    noise.attach_periodic(model, 1, site)
    noise.set_step(model, 2)
    model.load_state_dict({k: v for k, v in nn.Sequential(block()).state_dict().items() if k[0] == "0"}, strict=False)
    assert noise.signs(model).tolist() == [1, -1]


@pytest.mark.parametrize("attached", [False, True])
@pytest.mark.parametrize("site", SIGNS)
def test_weights_are_assigned_to_a_network_on_the_meta_device(site, attached):
    def attach(model):
        noise.attach_periodic(model, 1, site)
        noise.attach_dynamic(model, 0.1, site)
        noise.attach_gaussian(model, 0.1, site, seed=0)
        return model

    plain, model = nn.Sequential(block()), nn.Sequential(block()).to("meta")
    attach(model).load_state_dict((attach(plain) if attached else plain).state_dict(), assign=True)
    assert not any(tensor.is_meta for tensor in model.state_dict().values())
    assert torch.equal(model.eval()(IMAGES), plain.eval()(IMAGES))
    assert noise.clipped(model) == {f"{SIGNS[site]}.autorelu": 0}
    noise.set_step(model, 2)
    assert noise.signs(model).tolist() == [-1]
