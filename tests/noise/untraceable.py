"""A network whose second unit torch.fx follows or does not, as its `form` is written."""

import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    """Stem, and a second unit whose forward is one of the idioms below."""

    def __init__(self, form, **modules):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.conv2, self.bn2 = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.form = form
        for name, module in modules.items():
            self.add_module(name, module)

    def forward(self, x):
        return self.form(self, F.relu(self.bn1(self.conv1(x))))

    def unit(self, x):
        return self.bn2(self.conv2(x))


X = torch.randn(1, 3, 4, 4)
