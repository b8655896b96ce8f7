"""Balance and the running average, against torch's own."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from stages.training.optimisation import RunningAverage, balance, cross_entropy
from stages.training.processes import Processes

LOGITS = torch.randn(16, 3, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0] * 12 + [1] * 3 + [2])


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_weighted_cross_entropy_is_torchs_for_hard_labels_and_the_same_for_their_one_hot_form(smoothing):
    weights, _ = balance(LABELS, 3, "weights")
    torch.testing.assert_close(weights, torch.tensor([16 / 36, 16 / 9, 16 / 3]))
    expected = F.cross_entropy(LOGITS, LABELS, weight=weights, label_smoothing=smoothing)
    torch.testing.assert_close(cross_entropy(LOGITS, LABELS, weights, smoothing, Processes()), expected)
    if not smoothing:
        one_hot = F.one_hot(LABELS, 3).float()
        torch.testing.assert_close(cross_entropy(LOGITS, one_hot, weights, 0.0, Processes()), expected)
        torch.testing.assert_close(balance(one_hot, 3, "weights")[0], weights)


def test_soft_targets_count_with_their_shares():
    soft = torch.tensor([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [0.5, 0.25, 0.25]])
    weights, _ = balance(soft, 3, "weights")
    torch.testing.assert_close(
        weights, torch.tensor([3 / 6, 1.0, 1.0])
    )  # a class with less than one image counts as one
    _, of_images = balance(LABELS, 3, "sampling")
    assert of_images[0] * 12 == pytest.approx(of_images[12] * 3) == pytest.approx(of_images[15])


def test_the_running_average_is_torchs():
    network = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    theirs = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    ours = RunningAverage(network, 0.9)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    for step in range(5):
        optimiser.zero_grad()
        network(torch.randn(8, 4, generator=torch.Generator().manual_seed(step))).square().mean().backward()
        optimiser.step()
        theirs.update_parameters(network)
        if step == 2:  # as after an interruption
            continued = RunningAverage(network, 0.9)
            continued.load_state_dict(ours.state_dict())
            ours = continued
        ours.update(network)
        for name, tensor in ours.module.state_dict().items():
            if "running" in name or "tracked" in name:
                assert torch.equal(tensor, network.state_dict()[name])
            else:
                torch.testing.assert_close(tensor, theirs.module.state_dict()[name])
