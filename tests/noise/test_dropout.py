"""Dropout's place in a block: before the ReLU as after it."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

import noise


def test_dropout_commutes_with_relu():
    z = torch.randn(4, 8, 5, 5)
    torch.manual_seed(0)
    behind = F.dropout(F.relu(z), 0.3)
    torch.manual_seed(0)
    before = F.relu(F.dropout(z, 0.3))
    assert torch.equal(behind, before)


@pytest.mark.parametrize(("channelwise", "dropout"), [(False, F.dropout), (True, F.dropout2d)])
def test_block_equals_one_written_with_dropout_after_its_first_relu(channelwise, dropout):
    torch.manual_seed(0)
    block = torchvision.models.resnet.BasicBlock(4, 4)
    x = torch.randn(3, 4, 8, 8)
    torch.manual_seed(1)
    hidden = dropout(F.relu(block.bn1(block.conv1(x))), 0.4)
    expected = F.relu(block.bn2(block.conv2(hidden)) + x)

    network = nn.Sequential(block)
    assert noise.attach_dropout(network, 0.4, channelwise=channelwise) == ["0.bn1"]
    torch.manual_seed(1)
    assert torch.equal(network(x), expected)


def test_channelwise_dropout_takes_whole_channels():
    network = nn.Sequential(nn.Conv2d(1, 64, 1), nn.BatchNorm2d(64))
    noise.attach_dropout(network, 0.5, "other", channelwise=True)
    torch.manual_seed(0)
    share = (network(torch.randn(2, 1, 5, 5)) == 0).float().mean(dim=(2, 3))
    assert set(share.unique().tolist()) == {0.0, 1.0}


@pytest.mark.parametrize(("p", "training"), [(0.9, False), (0.0, True)])
def test_evaluation_and_rate_zero_are_the_identity(p, training):
    plain = torchvision.models.resnet.BasicBlock(4, 4).train(training)
    network = copy.deepcopy(plain)
    noise.attach_dropout(network, p)
    x = torch.randn(3, 4, 8, 8)
    assert torch.equal(network(x), plain(x))


@pytest.mark.parametrize("p", [1.0, 1.5, -0.1, math.nan])
def test_rate_must_lie_in_zero_to_one(p):
    with pytest.raises(ValueError, match="0 <= p < 1"):
        noise.attach_dropout(torchvision.models.resnet.BasicBlock(4, 4), p)
