"""A network with two methods in it, and a training of it in which both change their sign."""

import torch
from torch import nn

import noise
from noise.averages import Averaged

INTERVAL = 3


class Weighted(Averaged):
    """What AutoReLU is here: the sign of a parameter, which a training forward sets to its mean."""

    averaged = "weight"

    def __init__(self, channels=4, start=0.01):
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), start))

    def forward(self, x):
        if self.training and torch.is_grad_enabled():
            self.claim()
        return x * torch.where(self.current().mean() < 0, -1.0, 1.0)


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), noise.SignFlip(INTERVAL), Weighted(), nn.Linear(4, 2))


def train(net, step):
    """One step of a training: what the optimiser does to weights, the flag and AutoReLU's weight, which swings."""
    noise.set_step(net, step)
    net.train()(torch.randn(8, 4, generator=torch.Generator().manual_seed(step)))
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.01)
        net[3].weight.fill_((0.011 if step % 7 < 4 else -0.013) + 1e-5 * step)


def in_force(net):
    """The signs as the forward passes show them, in evaluation."""
    x = torch.ones(1, 4)
    with torch.no_grad():
        return [int(module.eval()(x).sign().mean()) for module in net.modules() if isinstance(module, Averaged)]
