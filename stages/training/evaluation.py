"""What a network says of a split."""

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from stages.training.batches import Batches
from stages.training.device import Device
from stages.training.processes import Processes

BATCH = 256  # images; no result depends on it
ALONE = Processes()


class Predictions(NamedTuple):
    """Of a split in its own order: actual and predicted class int64 (N,), probabilities float32 (N, classes).

    loss is the mean cross-entropy per image.
    """

    actual: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray
    loss: float


@torch.inference_mode()
def predict(network: nn.Module, split: Batches, device: Device, processes: Processes = ALONE) -> Predictions:
    """What the network says of a split, in evaluation mode; the sign in force stays: it belongs to the network's state.

    Several processes share the batches, and all get the whole result.
    """
    network.eval()
    parts = []
    for images, targets in split.plain(BATCH, processes.rank, processes.world):
        with device.autocast():
            logits = network(images).float()
        losses = F.cross_entropy(logits, targets, reduction="none")
        probabilities = logits.softmax(1)
        parts.append((targets, probabilities.argmax(1), probabilities, losses))
    mine = [tuple(column.cpu().numpy() for column in part) for part in parts]
    # Rank r had the batches r, r + world, ...: dealt out again, they are in the split's order.
    hands = processes.gather(mine)
    dealt = [hands[index % len(hands)][index // len(hands)] for index in range(sum(map(len, hands)))]
    actual, predicted, probabilities, losses = (np.concatenate(column) for column in zip(*dealt))
    return Predictions(actual, predicted, probabilities, float(losses.mean(dtype=np.float64)))
