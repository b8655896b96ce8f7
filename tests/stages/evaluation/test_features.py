import numpy as np
import pytest
import torch
from torch import nn

import noise
from stages.evaluation.features import CHANNELS, feature_maps, first_site
from stages.training.network import build


class One:
    """A split of one image."""

    def plain(self, batch_size):
        yield torch.linspace(-2, 2, 3 * 32 * 32).view(1, 3, 32, 32), None


@pytest.mark.parametrize("attached", [False, True])
def test_maps_are_what_the_first_blocks_first_batchnorm_gives_before_the_sign(attached):
    torch.manual_seed(0)
    network = build("resnet18", 7).eval()
    expected = network.layer1[0].bn1(network.layer1[0].conv1(network.maxpool(network.relu(network.bn1(network.conv1(
        next(One().plain(1))[0]
    ))))))[0]  # fmt: skip
    if attached:
        noise.attach_periodic(network, interval=1)
        noise.set_step(network, 2)
    assert first_site(network) == "layer1.0.bn1"
    channels, maps = feature_maps(network, "layer1.0.bn1", One())
    spread = expected.std((1, 2)).detach().numpy()
    strongest = np.sort(np.argsort(-spread)[:CHANNELS])
    assert channels.tolist() == strongest.tolist()
    assert maps.shape == (CHANNELS, 8, 8) and maps.dtype == np.float16 and (maps < 0).any()
    np.testing.assert_allclose(maps, expected[strongest].detach().numpy(), atol=2e-3)


def test_a_network_without_blocks_shows_the_first_batchnorm_that_there_is():
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))
    network(torch.zeros(1, 3, 32, 32))
    assert first_site(network) == "1"
    assert feature_maps(network, "1", One())[1].shape == (CHANNELS, 30, 30)
