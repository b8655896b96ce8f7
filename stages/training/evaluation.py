"""Predictions of a network on a split."""

import numpy as np
import torch
import torch.nn.functional as F

from stages.training.batches import Batches
from stages.training.device import Device
from stages.training.processes import Processes

BATCH = 256  # images; no result depends on it


@torch.inference_mode()
def predict(network, split: Batches, device: Device, processes=Processes()):
    """`(actual, predicted, confidence, loss)` of a split in its own order: NumPy arrays (N,), and the mean cross-entropy per image.

    The network is in evaluation mode; the sign in force stays as it is: it belongs to the network's state. Several processes share
    the batches, and all get the whole result.
    """
    network.eval()
    parts = []
    for images, targets in split.plain(BATCH, processes.rank, processes.world):
        with device.autocast():
            logits = network(images)
        losses = F.cross_entropy(logits.float(), targets, reduction="none")
        confidence, predicted = logits.float().softmax(1).max(1)
        parts.append((targets, predicted, confidence, losses))
    mine = [tuple(column.cpu().numpy() for column in part) for part in parts]
    # Rank r had the batches r, r + world, ...: dealt out again, they are in the split's order.
    hands = processes.gather(mine)
    dealt = [hands[index % len(hands)][index // len(hands)] for index in range(sum(map(len, hands)))]
    actual, predicted, confidence, losses = (np.concatenate(column) for column in zip(*dealt))
    return actual, predicted, confidence, float(losses.mean(dtype=np.float64))
