"""A block, and methods of which its output can be written out by hand."""

import torch
import torchvision
from torch import nn


class Scale(nn.Module):
    """A method that tests can recognise in the output."""

    def __init__(self, factor):
        super().__init__()
        self.register_buffer("factor", torch.tensor(factor))

    def forward(self, x):
        return x * self.factor


class Shift(Scale):
    def forward(self, x):
        return x + self.factor


def block(stride=1):
    torch.manual_seed(0)
    shortcut = nn.Sequential(nn.Conv2d(4, 8, 1, stride, bias=False), nn.BatchNorm2d(8)) if stride > 1 else None
    return torchvision.models.resnet.BasicBlock(4, 8 if shortcut else 4, stride, shortcut)


IMAGES = torch.randn(3, 4, 6, 6, generator=torch.Generator().manual_seed(1))
