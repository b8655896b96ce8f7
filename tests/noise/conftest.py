"""The networks that the tests of sites, training and compilation share."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.optimizer import _global_optimizer_post_hooks

from noise.attaching import first_step


@pytest.fixture(autouse=True)
def _one_thread():
    """Tensors this small only make several threads wait for each other, for seconds on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def no_hook_stays():
    """Each optimiser's step is as it was when the test is over."""
    first_step._watched.clear()  # networks of other tests, which were attached to and never stepped
    first_step.unwatch(nn.Module())
    before = dict(_global_optimizer_post_hooks)
    yield
    assert dict(_global_optimizer_post_hooks) == before


class PlainBlock(nn.Module):
    """A basic residual block with one ReLU(inplace=True) used twice, as torchvision writes it."""

    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += x
        return self.relu(out)


@pytest.fixture
def small_network():
    """Makes a stem and two residual blocks for 3 x 8 x 8 images and 3 classes, the same at every call."""

    def make():
        torch.manual_seed(0)
        stem = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True)
        head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
        return nn.Sequential(*stem, PlainBlock(4), PlainBlock(4), *head)

    return make


@pytest.fixture
def train_step():
    """Runs one optimiser step on the batch that belongs to its number, and returns the loss."""

    def run(network, optimizer, step):
        generator = torch.Generator().manual_seed(step)
        x = torch.randn(8, 3, 8, 8, generator=generator)
        y = torch.randint(3, (8,), generator=generator)
        loss = F.cross_entropy(network(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return run
