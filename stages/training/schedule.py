"""The learning rate as a closed-form function of the step: nothing to accumulate, nothing to restore."""

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stages.params import Train


def rates(options: "Train", images: int) -> list[float]:
    """The learning rate of every optimiser step of a run over so many training images."""
    per_epoch = images // options.batch_size
    steps = range(1, options.epochs * per_epoch + 1)
    return [
        options.learning_rate * factor(step, len(steps), per_epoch, options.schedule, options.warmup, options.period)
        for step in steps
    ]


def factor(
    step: int, steps: int, steps_per_epoch: int, schedule: str, warmup: int = 0, period: int | None = None
) -> float:
    """What the learning rate is multiplied with in optimiser step `step` = 1..steps.

    `warmup` epochs rise linearly to 1, then: "constant" stays there (the paper); "step" falls tenfold at half and three
    quarters of what is left; "cosine" falls to 0; "one-cycle" brings its own rise (Smith & Topin 2018, as
    torch.optim.lr_scheduler.OneCycleLR); "restarts" is a cosine that begins anew in the epochs period, 2 period, ...
    (Loshchilov & Hutter 2017), which are those in which Algorithm 1 turns its flag.
    """
    rise = warmup * steps_per_epoch
    if step <= rise:
        return step / (rise + 1)
    done = (step - 1 - rise) / max(1, steps - rise)
    if schedule == "step":
        return 0.1 ** ((done >= 0.5) + (done >= 0.75))
    if schedule == "cosine":
        return (1 + math.cos(math.pi * done)) / 2
    if schedule == "restarts" and period:
        epochs = 1 + (step - 1) / steps_per_epoch
        start = max(1, epochs // period * period)
        return (1 + math.cos(math.pi * (epochs - start) / ((epochs // period + 1) * period - start))) / 2
    if schedule == "one-cycle":
        return _one_cycle((step - 1 - rise), steps - rise)
    return 1.0


def _one_cycle(index, steps, rise=0.3, start=1 / 25, end=1 / 25e4):
    peak = rise * steps - 1
    if index <= peak:
        return start + (1 - start) * (1 - math.cos(math.pi * index / peak)) / 2
    return end + (1 - end) * (1 + math.cos(math.pi * (index - peak) / max(1, steps - 1 - peak))) / 2
