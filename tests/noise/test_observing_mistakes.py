"""What cannot be looked at is said in one line, which names the user's own."""

import numpy
import pytest
import torch
import torchvision
from torch import nn

import noise
from tests.noise.untraceable import Net


def test_mistakes_are_said_in_one_line():
    for wrong in (None, "net", nn.Sequential):
        with pytest.raises(ValueError, match="the network must be an nn.Module, got"):
            noise.find_sites(wrong)
    for wrong in ((1, 3, 4, 4), numpy.zeros((1, 3, 4, 4)), "x"):
        with pytest.raises(ValueError, match="it holds no tensor, but a"):
            noise.find_sites(Net(lambda net, x: net.unit(x)), example_input=wrong)


def test_an_untraceable_forward_is_named_by_the_user_s_own_line():
    class Inner(nn.Module):
        def __init__(self):
            super().__init__()
            self.bn = nn.BatchNorm2d(4)

        def forward(self, x):
            x = self.bn(x)
            return x if x.sum() > 0 else -x

    line = Inner.forward.__code__.co_firstlineno + 2
    resnet = torchvision.models.resnet18()
    resnet.layer3[1].bn2 = nn.Sequential(Inner())
    for model in (Inner(), nn.Sequential(nn.Sequential(Inner())), resnet):
        message = (
            rf"^torch.fx cannot trace {type(model).__name__} \({__file__}:{line}: .*example_input=.*model.backbone"
        )
        with pytest.raises(ValueError, match=message) as error:
            noise.find_sites(model)
        assert "\n" not in str(error.value)
    assert noise.find_sites(nn.Sequential(nn.Conv2d(3, 4, 1), Inner()), "all", example_input=torch.rand(1, 3, 2, 2))


def test_lazy_layers_are_not_sized_by_the_run():
    model = nn.Sequential(nn.LazyConv2d(4, 1), nn.BatchNorm2d(4), nn.ReLU())
    with pytest.raises(ValueError, match="0.weight is lazy and has no size yet: run the network on one batch first"):
        noise.find_sites(model, "stem", example_input=torch.rand(1, 3, 2, 2))
    assert [site.name for site in noise.find_sites(model, "stem")] == ["1"]
