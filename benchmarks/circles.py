"""What the written-out backward pass of the circles' networks is worth: the same training, left to autograd.

python -m benchmarks.circles [--epochs 100] [--repeats 9]

Both train all variants of all seeds at the sizes of params.yaml, with the same random numbers, PyTorch's fused Adam and
the same threads, and take turns (A B A B): what slows the machine down for a while slows both. Shown are seconds of
wall clock and of processor time, and the ratios of each turn: median and range. The plain version is the fastest of
those tried: parameters as leaves of their own, labels folded into a softplus, the second layer as a product and a sum
(whose derivative keeps the hidden layer's layout; that of a batched matrix product transposes it), and larger groups,
over which the cost of autograd and of the optimiser's Python is spread. `torch.func`'s vmap of grad is slower still.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import torch
from torch.nn.functional import softplus, threshold

from stages.params import read
from stages.two_circles import study
from stages.two_circles.network import PARTS, Perceptrons
from stages.two_circles.randomness import HIDDEN, INPUT, Normal
from stages.two_circles.training import (
    GROUP,
    Noise,
    Repetition,
    Schedule,
    Trained,
    batch,
    initial_models,
    judged,
    set_epsilon,
    train_group,
)

PLAIN_GROUP = 4  # repetitions that go together through autograd


def plain_group(
    repetitions: Sequence[Repetition],
    variants: Sequence[Noise],
    hidden: int,
    schedule: Schedule,
    progress: Callable[[int], object],
) -> Trained:
    """`training.train_group` by autograd."""
    start = initial_models(repetitions, len(variants), hidden)
    parameters = [part.clone().requires_grad_() for part in (start.kernel, start.output, start.bias)]
    kernel, output, bias = parameters
    adam = torch.optim.Adam(parameters, schedule.learning_rate, fused=True)
    x, y = batch([repetition.train for repetition in repetitions], len(variants))
    test_x, test_y = batch([repetition.test for repetition in repetitions], len(variants))
    sign, noisy_x = 1 - 2 * y[:, 0], x.clone()  # cross-entropy of a logit: softplus(logit) for class 0, else (-logit)

    seeds = [repetition.seed for repetition in repetitions]
    normal_input, normal_hidden = Normal(seeds, INPUT, (y.shape[2], 2)), Normal(seeds, HIDDEN, (y.shape[2], hidden))
    logits, test_logits = [], []
    for epoch in range(1, schedule.epochs + 1):
        normal_input.draw()
        normal_hidden.draw()
        noisy_x.copy_(x)
        add(normal_input, variants, "input", noisy_x[..., :2])
        layer = torch.bmm(noisy_x, kernel)
        add(normal_hidden, variants, "before", layer)
        layer = threshold(layer, 0.0, 0.0)  # a ReLU that keeps its input for the derivative: its output may change
        add(normal_hidden, variants, "after", layer)
        answers = (layer * output).sum(dim=2) + bias[:, 0]
        loss = softplus(sign * answers).sum() / y.shape[2]
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters)):
            parameter.grad = gradient
        set_epsilon(adam, epoch)
        adam.step()
        logits.append(answers.detach()[:, None])
        if epoch % schedule.test_interval == 0:
            with torch.no_grad():
                test_logits.append(torch.bmm(output, torch.bmm(kernel.mT, test_x.mT).relu_()).add_(bias))
    models = Perceptrons(len(x), hidden)
    for name, parameter in zip(PARTS, parameters):
        getattr(models, name).copy_(parameter.detach())
    trained, tested = (x, y, torch.stack(logits)), (test_x, test_y, torch.stack(test_logits))
    return judged(models, [], trained, tested, len(variants))


def add(normal: Normal, variants: Sequence[Noise], site: str, layer: torch.Tensor) -> None:
    """Add noise, of which autograd need not know, to the parts of `layer` that have it at this site."""
    for part, noise in zip(layer.detach().chunk(len(variants)), variants):
        if noise.site == site and noise.stddev:
            part.add_(normal.values, alpha=noise.stddev)


def seconds(
    contender: Callable[..., Trained], size: int, workers: int, repetitions: Sequence[Repetition], *design
) -> tuple[float, float]:
    """Wall clock and processor time of training all, in groups of `size`, on so many threads."""
    groups = [repetitions[start : start + size] for start in range(0, len(repetitions), size)]
    wall, cpu = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(workers) as executor:
        list(executor.map(lambda group: contender(group, *design), groups))
    return time.perf_counter() - wall, time.process_time() - cpu


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=9)
    chosen = parser.parse_args(arguments)
    settings = read().circles
    repetitions, variants = study.repetitions(settings)["seeds"], list(study.variants(settings).values())
    schedule = Schedule(chosen.epochs, settings.learning_rate, test_interval=max(1, settings.epochs // 400))
    workers = torch.get_num_threads()
    torch.set_num_threads(1)  # as the stage does: a thread for each group
    design = (workers, repetitions, variants, settings.hidden, schedule, lambda epochs: None)
    for contender in (train_group, plain_group):  # what PyTorch imports and sets up at its first step
        contender(repetitions[:1], variants, 1, Schedule(1, settings.learning_rate), lambda epochs: None)
    turns = [
        (seconds(train_group, GROUP, *design), seconds(plain_group, PLAIN_GROUP, *design))
        for _ in range(chosen.repeats)
    ]
    models = len(repetitions) * len(variants)
    print(
        f"{models} models of {settings.hidden} units, {chosen.epochs} epochs, {workers} threads, {chosen.repeats} turns"
    )
    for index, clock in enumerate(("wall clock", "processor")):
        ours, plain = ([turn[which][index] for turn in turns] for which in (0, 1))
        ratios = sorted(theirs / own for own, theirs in zip(ours, plain))
        print(
            f"{clock:>10}: written out {median(ours):.2f} s, autograd {median(plain):.2f} s, "
            f"ratio {median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        )


if __name__ == "__main__":
    main()
