"""What trained perceptrons say of points, without any noise."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from stages.two_circles.network import Perceptrons, with_ones

# Points at a time: with 500 units, their hidden layer takes half a megabyte.
CHUNK = 250


def logits(models: Perceptrons, x: np.ndarray, workers: int = 1) -> Tensor:
    """Logits (models, points) of points `x`, float32 (points, 2), the same for all models."""
    chunks = with_ones(torch.from_numpy(x)).split(CHUNK)

    @torch.inference_mode()
    def of_one(kernel, output, bias):
        return torch.cat([output @ (kernel.T @ chunk.T).relu_() for chunk in chunks], dim=1) + bias

    with ThreadPoolExecutor(workers) as executor:
        return torch.cat(list(executor.map(of_one, models.kernel, models.output, models.bias)))


def accuracy(logits: Tensor, y: Tensor) -> Tensor:
    """Share, float64, of the points of the last axis whose class the sign of the logit tells.

    `logits` and `y` (..., points) must broadcast. A logit of 0 is class 0, as Keras counts.
    """
    return ((logits > 0) == (y > 0)).mean(dim=-1, dtype=torch.float64)


def cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """Mean binary cross-entropy, in nats, over the points of the last axis."""
    return binary_cross_entropy_with_logits(logits, y.expand_as(logits), reduction="none").mean(dim=-1)
