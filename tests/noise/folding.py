"""A network to fold, its methods, and all that they could leave behind."""

import copy
from functools import cache

import torch
import torchvision
from torch import nn

import noise

IMAGES = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def network(name="resnet18", seed=0):
    """One whose BatchNorms have seen data, with weights and biases of either sign."""
    return copy.deepcopy(_made(name, seed))


@cache
def _made(name, seed):  # millions of random numbers, where two networks of a name and a seed are the same
    torch.manual_seed(seed)
    model = torchvision.models.get_model(name, num_classes=7)
    for norm in (module for module in model.modules() if isinstance(module, nn.BatchNorm2d)):
        nn.init.normal_(norm.weight, 0.5)
        nn.init.normal_(norm.bias)
        nn.init.normal_(norm.running_mean, std=0.1)
    return model


def traces(model):
    """All that attaching could leave behind: classes, keys, attributes, hooks."""
    return [
        (
            name,
            type(module),
            sorted(vars(module)),
            [len(value) for key, value in vars(module).items() if "hooks" in key],
        )
        for name, module in model.named_modules()
    ]


def flip(model, sites):
    noise.attach_periodic(model, 1, sites)
    noise.set_step(model, 2)


def turn(model, sites):
    noise.attach_dynamic(model, 0.001, sites)
    with torch.no_grad():
        for autorelu in [module for module in model.modules() if isinstance(module, noise.AutoReLU)][::2]:
            autorelu.weight.neg_()
