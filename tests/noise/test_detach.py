"""`detach` gives the network from before, and leaves nothing behind."""

import gc
import io

import pytest
import torch
from torch import nn

import noise
from tests.noise.folding import IMAGES, flip, network, traces


@pytest.mark.parametrize("sites", ["first", ["first", "block"], "block"])
def test_detach_gives_the_network_from_before(sites):
    model = network().eval()
    left, expected = traces(model), model(IMAGES)
    flip(model, sites)
    noise.attach_dropout(model, 0.1, sites)
    assert noise.detach(model) is model
    assert traces(model) == left
    assert torch.equal(model(IMAGES), expected)
    assert noise.attach_periodic(model, 1, sites)  # and again
    pickled = io.BytesIO()
    torch.save(noise.detach(model), pickled)


def test_methods_are_freed():
    model = network()
    flip(model, "first")
    noise.detach(model)
    gc.collect()
    assert not any(isinstance(thing, noise.SignFlip) for thing in gc.get_objects() if isinstance(thing, nn.Module))
