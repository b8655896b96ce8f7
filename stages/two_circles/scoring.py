"""What trained perceptrons say of points, without any noise."""

from concurrent.futures import ThreadPoolExecutor

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from stages.two_circles.network import with_ones

# Points at a time: with 500 units, their hidden layer takes half a megabyte.
CHUNK = 250


def logits(perceptrons, x, workers=1):
    """Logits (models, points) of points `x`, a float32 array (points, 2), the same for all models."""
    chunks = with_ones(torch.from_numpy(x)).split(CHUNK)

    @torch.inference_mode()
    def of_one(kernel, output, bias):
        return torch.cat([output @ (kernel.T @ chunk.T).relu_() for chunk in chunks], dim=1) + bias

    with ThreadPoolExecutor(workers) as executor:
        return torch.cat(list(executor.map(of_one, perceptrons.kernel, perceptrons.output, perceptrons.bias)))


def accuracy(logits, y):
    """Share of the points of the last axis whose class the sign of the logit tells; 0 is class 0, as Keras counts.

    `logits` and `y` (..., points) must broadcast.
    """
    return ((logits > 0) == (y > 0)).float().mean(dim=-1)


def cross_entropy(logits, y):
    """Mean binary cross-entropy, in nats, over the points of the last axis."""
    return binary_cross_entropy_with_logits(logits, y.expand_as(logits), reduction="none").mean(dim=-1)
