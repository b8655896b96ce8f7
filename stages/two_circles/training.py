"""Trains every variant of every repetition side by side.

The models are trained in groups, each of them one batch of tensors: all variants of `GROUP` repetitions. A group's
hidden layers fit into a core's cache, which makes them several times as fast as one batch of everything, and the groups
spread over the cores. What a model becomes depends neither on its group nor on the number of cores.
"""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from stages.two_circles.network import PARTS, Backward, Forward, Perceptrons, glorot_uniform, with_ones
from stages.two_circles.points import Points
from stages.two_circles.randomness import HIDDEN, INPUT, WEIGHTS, Normal, stream
from stages.two_circles.scoring import accuracy, cross_entropy

# With four variants, 30 points and 500 units, two repetitions take half a megabyte a buffer.
GROUP = 2
PROGRESS = 100  # epochs between two reports of progress
EPSILON = 1e-7  # of Keras' Adam


class Repetition(NamedTuple):
    """One seed, of the initial weights and the noise, on one draw of the data, which `random_state` names."""

    seed: int
    random_state: int
    train: Points
    test: Points


class Noise(NamedTuple):
    """Gaussian noise of one variant: at the "input", "before" or "after" the hidden layer's ReLU, or nowhere (None)."""

    site: str | None = None
    stddev: float = 0.0


class Trained(NamedTuple):
    """Models in the order (variants, repetitions); their accuracies, float64, and cross-entropies in nats, float32.

    kept: the same models as they were after every `keep_interval`-th epoch.
    train_curve: (variants, repetitions, epochs), accuracies in the forward pass that trains, with its noise, before the
    update. test_curve, test_loss_curve: (variants, repetitions, epochs // test_interval), accuracies and
    cross-entropies, without noise, after the update of every `test_interval`-th epoch.
    train_accuracy, train_loss, test_accuracy, test_loss: (variants, repetitions), without noise, after the last update.
    """

    models: Perceptrons
    kept: list[Perceptrons]
    train_curve: np.ndarray
    test_curve: np.ndarray
    test_loss_curve: np.ndarray
    train_accuracy: np.ndarray
    train_loss: np.ndarray
    test_accuracy: np.ndarray
    test_loss: np.ndarray


class Schedule(NamedTuple):
    """How long and how fast every model learns.

    The test points are looked at after every `test_interval` epochs, the models kept after every `keep_interval` (None:
    only the last).
    """

    epochs: int
    learning_rate: float
    test_interval: int = 1
    keep_interval: int | None = None


def train(
    repetitions: Sequence[Repetition],
    variants: Sequence[Noise],
    hidden: int,
    schedule: Schedule,
    workers: int = 1,
    progress: Callable[[int], object] = lambda epochs: None,
) -> Trained:
    """Train a model of `hidden` units for each of the variants of each of the repetitions.

    Adam on all training points, one step an epoch. The variants of a repetition share their initial weights, and those
    with noise in the same layer its random numbers: they differ in nothing but where, and how much of it, is added. All
    repetitions must have the same numbers of points. `workers` threads train; `progress` is called from them with
    numbers of epochs done, the sum over repetitions.
    """
    groups = [repetitions[start : start + GROUP] for start in range(0, len(repetitions), GROUP)]
    with ThreadPoolExecutor(workers) as executor:
        futures = [executor.submit(train_group, group, variants, hidden, schedule, progress) for group in groups]
        try:
            done = [future.result() for future in futures]
        except BaseException:
            executor.shutdown(cancel_futures=True)
            raise
    models = _together([group.models for group in done], len(variants))
    kept = [_together(parts, len(variants)) for parts in zip(*(group.kept for group in done))]
    return Trained(models, kept, *(np.concatenate(parts, axis=1) for parts in zip(*(group[2:] for group in done))))


@torch.inference_mode()
def train_group(
    repetitions: Sequence[Repetition],
    variants: Sequence[Noise],
    hidden: int,
    schedule: Schedule,
    progress: Callable[[int], object],
) -> Trained:
    """`train` for repetitions that go together through every step, on one thread."""
    models = initial_models(repetitions, len(variants), hidden)
    x, y = batch([repetition.train for repetition in repetitions], len(variants))
    test_x, test_y = batch([repetition.test for repetition in repetitions], len(variants))
    # Both passes take turns in the same memory: half of it is all the more likely to stay in the core's cache.
    memory = torch.empty(max(2 * y.numel(), test_y.numel()) * hidden)
    backward, forward = Backward(models, x.clone(), y, memory), Forward(models, test_x, memory)
    models.flat.grad = backward.gradient.flat
    adam = torch.optim.Adam([models.flat], schedule.learning_rate, fused=True)

    seeds = [repetition.seed for repetition in repetitions]
    normal_input, normal_hidden = Normal(seeds, INPUT, (y.shape[2], 2)), Normal(seeds, HIDDEN, (y.shape[2], hidden))
    add_at_input = _adding(normal_input, variants, "input", backward.x[..., :2])
    add_before, add_after = (_adding(normal_hidden, variants, site, backward.hidden) for site in ("before", "after"))

    # Logits are kept, and counted when all is done: counting every epoch would be a tenth of the work.
    epochs, _, test_interval, keep_interval = schedule
    kept: list[Perceptrons] = []
    logits, test_logits = y.new_empty(epochs, *y.shape), y.new_empty(epochs // test_interval, *test_y.shape)
    for epoch in range(1, epochs + 1):
        normal_input.draw()
        normal_hidden.draw()
        backward.x.copy_(x)
        add_at_input()
        backward(add_before, add_after, out=logits[epoch - 1])
        set_epsilon(adam, epoch)
        adam.step()
        if epoch % test_interval == 0:
            forward(out=test_logits[epoch // test_interval - 1])
        if keep_interval and epoch % keep_interval == 0:
            kept.append(models.copy())
        if epoch % PROGRESS == 0:
            progress(PROGRESS * len(repetitions))
    progress(epochs % PROGRESS * len(repetitions))
    return judged(models, kept, (x, y, logits), (test_x, test_y, test_logits), len(variants))


def judged(
    models: Perceptrons,
    kept: list[Perceptrons],
    train: tuple[Tensor, Tensor, Tensor],
    test: tuple[Tensor, Tensor, Tensor],
    variants: int,
) -> Trained:
    """What models (variants * repetitions) became.

    train, test: x and y as `batch` makes them, and logits (looks, models, 1, points) while they learned.
    """
    (x, y, logits), (test_x, test_y, test_logits) = train, test
    last, test_last = Forward(models, x)(), Forward(models, test_x)()
    curves = (accuracy(logits, y), accuracy(test_logits, test_y), cross_entropy(test_logits, test_y))
    ends = (accuracy(last, y), cross_entropy(last, y), accuracy(test_last, test_y), cross_entropy(test_last, test_y))
    scores = (*(curve[:, :, 0].T for curve in curves), *(end[:, 0] for end in ends))
    return Trained(models, kept, *(score.unflatten(0, (variants, -1)).numpy() for score in scores))


def initial_models(repetitions: Sequence[Repetition], variants: int, hidden: int) -> Perceptrons:
    """Models (variants * repetitions), those of a repetition alike, as Keras initialises them."""
    models = Perceptrons(variants * len(repetitions), hidden)
    kernels, outputs = zip(*(glorot_uniform(hidden, stream(repetition.seed, WEIGHTS)) for repetition in repetitions))
    models.kernel[:, :2] = torch.stack(kernels).repeat(variants, 1, 1)
    models.output[:, 0] = torch.stack(outputs).repeat(variants, 1)
    return models


def batch(points: Sequence[Points], variants: int) -> tuple[Tensor, Tensor]:
    """x (variants * repetitions, points, 3), with ones, and y (variants * repetitions, 1, points)."""
    x, y = (torch.from_numpy(np.stack(part)) for part in zip(*points))
    return with_ones(x).repeat(variants, 1, 1), y[:, None].repeat(variants, 1, 1)


def set_epsilon(adam: torch.optim.Adam, step: int) -> None:
    """Make the next step, counted from 1, one of Keras' Adam.

    That adds its epsilon to the root of the second moment before the root's bias is corrected, PyTorch's afterwards.
    """
    for group in adam.param_groups:
        group["eps"] = EPSILON / math.sqrt(1 - group["betas"][1] ** step)


def _together(groups: Sequence[Perceptrons], variants: int) -> Perceptrons:
    """The models of all groups, each (variants * some repetitions), as one of (variants * repetitions)."""
    models = Perceptrons(sum(len(group.kernel) for group in groups), groups[0].kernel.shape[2])
    for name in PARTS:
        parts = [getattr(group, name).unflatten(0, (variants, -1)) for group in groups]
        getattr(models, name).copy_(torch.cat(parts, dim=1).flatten(0, 1))
    return models


def _adding(normal: Normal, variants: Sequence[Noise], site: str, layer: Tensor) -> Callable[[], None]:
    """A function that adds `normal` to the parts of `layer` (variants * repetitions, ...) with noise at this site."""
    parts = zip(layer.chunk(len(variants)), variants, strict=True)
    noisy = [(part, noise.stddev) for part, noise in parts if noise.site == site and noise.stddev]

    def add():
        for part, stddev in noisy:
            part.add_(normal.values, alpha=stddev)

    return add
