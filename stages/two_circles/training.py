"""Trains every variant of every repetition side by side.

The models are trained in groups, each of them one batch of tensors: all variants of `GROUP` repetitions. A group's hidden layers
fit into a core's cache, which makes them several times as fast as one batch of everything, and the groups spread over the cores.
What a model becomes depends neither on its group nor on the number of cores.
"""

import math
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch

from stages.two_circles.network import Backward, Forward, Perceptrons, glorot_uniform, with_ones
from stages.two_circles.points import Points
from stages.two_circles.scoring import accuracy

# With four variants, 30 points and 500 units, two repetitions take half a megabyte a buffer.
GROUP = 2
PROGRESS = 100  # epochs between two reports of progress
# What a repetition's seed is spent on: each has a stream of random numbers of its own.
WEIGHTS, INPUT, HIDDEN = range(3)


class Repetition(NamedTuple):
    """One seed, of the initial weights and the noise, on one draw of the data, which `random_state` names."""

    seed: int
    random_state: int
    train: Points
    test: Points


class Noise(NamedTuple):
    """Gaussian noise of one variant: at the "input", "before" or "after" the activation of the hidden layer, or nowhere (None)."""

    site: str | None = None
    stddev: float = 0.0


class Trained(NamedTuple):
    """Models in the order (variants, repetitions), and their accuracies, float32.

    train_curve: (variants, repetitions, epochs), in the forward pass that trains, with its noise, before the epoch's update.
    test_curve: (variants, repetitions, epochs // test_interval), without noise, after the update of every `test_interval`-th epoch.
    train_accuracy, test_accuracy: (variants, repetitions), without noise, after the last update.
    """

    models: Perceptrons
    train_curve: np.ndarray
    test_curve: np.ndarray
    train_accuracy: np.ndarray
    test_accuracy: np.ndarray


class Adam:
    """Adam as Keras has it: epsilon is added to the root of the second moment before its bias is corrected, not after."""

    def __init__(self, parameters, learning_rate, betas=(0.9, 0.999), epsilon=1e-7):
        self.parameters, self.learning_rate, self.betas, self.epsilon = parameters, learning_rate, betas, epsilon
        self.first, self.second, self.root = (torch.zeros_like(parameters) for _ in range(3))
        self.steps = 0

    def step(self, gradient):
        self.steps += 1
        beta1, beta2 = self.betas
        rate = self.learning_rate * math.sqrt(1 - beta2**self.steps) / (1 - beta1**self.steps)
        self.first.lerp_(gradient, 1 - beta1)
        self.second.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        torch.sqrt(self.second, out=self.root).add_(self.epsilon)
        self.parameters.addcdiv_(self.first, self.root, value=-rate)


def train(
    repetitions, variants, hidden, epochs, learning_rate, test_interval=1, workers=1, progress=lambda epochs: None
):
    """Train a model of `hidden` units for each of the `variants` (a list of `Noise`) of each of the `repetitions`.

    Adam on all training points, one step an epoch. The variants of a repetition share their initial weights, and those with
    noise in the same layer its random numbers: they differ in nothing but where, and how much of it, is added. All repetitions
    must have the same numbers of points. The test points are evaluated after every `test_interval` epochs. `workers` threads
    train; `progress` is called from them with numbers of epochs done, the sum over repetitions.
    """
    groups = [repetitions[start : start + GROUP] for start in range(0, len(repetitions), GROUP)]
    with ThreadPoolExecutor(workers) as executor:
        settings = variants, hidden, epochs, learning_rate, test_interval, progress
        futures = [executor.submit(_train_group, group, *settings) for group in groups]
        try:
            done = [future.result() for future in futures]
        except BaseException:
            executor.shutdown(cancel_futures=True)
            raise
    models = Perceptrons(len(variants) * len(repetitions), hidden)
    for name in ("kernel", "output", "bias"):
        parts = [getattr(group.models, name).unflatten(0, (len(variants), -1)) for group in done]
        getattr(models, name).copy_(torch.cat(parts, dim=1).flatten(0, 1))
    return Trained(models, *(np.concatenate(parts, axis=1) for parts in zip(*(group[1:] for group in done))))


@torch.inference_mode()
def _train_group(repetitions, variants, hidden, epochs, learning_rate, test_interval, progress):
    models = _initialise(repetitions, len(variants), hidden)
    x, y = _batch([repetition.train for repetition in repetitions], len(variants))
    test_x, test_y = _batch([repetition.test for repetition in repetitions], len(variants))
    # Both passes take turns in the same memory: half of it is all the more likely to stay in the core's cache.
    memory = torch.empty(max(2 * y.numel(), test_y.numel()) * hidden)
    backward, forward = Backward(models, x.clone(), y, memory), Forward(models, test_x, memory)
    adam = Adam(models.flat, learning_rate)

    normal_input = _Normal(repetitions, INPUT, (y.shape[2], 2))
    normal_hidden = _Normal(repetitions, HIDDEN, (y.shape[2], hidden))
    add_at_input = _adding(normal_input, variants, "input", backward.x[..., :2])
    add_before, add_after = (_adding(normal_hidden, variants, site, backward.hidden) for site in ("before", "after"))

    # Logits are kept, and counted when all is done: counting every epoch would be a tenth of the work.
    logits, test_logits = y.new_empty(epochs, *y.shape), y.new_empty(epochs // test_interval, *test_y.shape)
    for epoch in range(1, epochs + 1):
        normal_input.draw()
        normal_hidden.draw()
        backward.x.copy_(x)
        add_at_input()
        backward(add_before, add_after, out=logits[epoch - 1])
        adam.step(backward.gradient.flat)
        if epoch % test_interval == 0:
            forward(out=test_logits[epoch // test_interval - 1])
        if epoch % PROGRESS == 0:
            progress(PROGRESS * len(repetitions))
    progress(epochs % PROGRESS * len(repetitions))
    curves = (accuracy(*of)[:, :, 0].T for of in ((logits, y), (test_logits, test_y)))
    last = (accuracy(Forward(models, at)(), of)[:, 0] for at, of in ((x, y), (test_x, test_y)))
    return Trained(models, *(found.unflatten(0, (len(variants), -1)).numpy() for found in (*curves, *last)))


class _Normal:
    """Standard normal numbers, from a generator for each repetition: `values` (repetitions, *shape), anew with each `draw`."""

    def __init__(self, repetitions, purpose, shape):
        self.values = torch.empty(len(repetitions), *shape)
        self.generators = [
            (row, _stream(repetition.seed, purpose)) for row, repetition in zip(self.values, repetitions)
        ]

    def draw(self):
        for row, generator in self.generators:
            row.normal_(generator=generator)


def _adding(normal, variants, site, layer):
    """A function that adds `normal` to the part of `layer` (variants * repetitions, ...) of each variant with noise at this site."""
    parts = zip(layer.chunk(len(variants)), variants, strict=True)
    noisy = [(part, noise.stddev) for part, noise in parts if noise.site == site and noise.stddev]

    def add():
        for part, stddev in noisy:
            part.add_(normal.values, alpha=stddev)

    return add


def _stream(seed, purpose):
    return torch.Generator().manual_seed(int(np.random.SeedSequence((seed, purpose)).generate_state(1)[0]))


def _initialise(repetitions, variants, hidden):
    models = Perceptrons(variants * len(repetitions), hidden)
    kernels, outputs = zip(*(glorot_uniform(hidden, _stream(repetition.seed, WEIGHTS)) for repetition in repetitions))
    models.kernel[:, :2] = torch.stack(kernels).repeat(variants, 1, 1)
    models.output[:, 0] = torch.stack(outputs).repeat(variants, 1)
    return models


def _batch(points, variants):
    """x (variants * repetitions, points, 3), with ones, and y (variants * repetitions, 1, points)."""
    x, y = (torch.from_numpy(np.stack(part)) for part in zip(*points))
    return with_ones(x).repeat(variants, 1, 1), y[:, None].repeat(variants, 1, 1)
