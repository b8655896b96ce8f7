"""After how many optimiser steps AutoReLU's sign first turns, from the optimiser's own recursion.

The derivative of AutoReLU by its weight is zero, so that the weight moves by what weight decay alone makes of it. With
`gradient="exact"` that is the whole truth; docs/first-turn.md has what autograd's rounding noise makes of it.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import count, islice, repeat
from numbers import Real
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from noise.optimisers import alone

LearningRate = float | Sequence[float] | Callable[[int], float]

RESOLUTION = 1e-10  # of the start that is looked for


def first_turn(
    start: float,
    *,
    lr: LearningRate | None = None,
    weight_decay: float = 1e-4,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    optimizer: Optimizer | None = None,
    within: int = 1_000_000,
) -> int | None:
    """The step, counted from 1, that makes a weight which starts at `start` negative; None where none does `within`.

    The arguments are of `torch.optim.Adam`, whose decay is coupled into the gradient (Kingma & Ba 2015, Algorithm 1):
    Adam makes of it steps of about the learning rate. `lr` (default 1e-4) may be a schedule: one number for each step
    of the run, None being the answer where the sign does not turn before its end, or a function of the step.

    With an `optimizer`, its class and the numbers of one of its groups are taken in their place: of the one with weight
    decay that holds the most parameters, else of the first. `lr`, where given, is still the schedule. Other classes
    than Adam are run on a scalar parameter with zero gradient; the optimiser itself is not touched. Under a constant
    `lr` that ends, with None, once the weight shrinks by a share that no longer grows: decoupled decay (AdamW), SGD and
    no decay never turn.

    It is computed in float64. In float32 a turn after thousands of steps may come some steps earlier or later.

    Raises ValueError for a number out of its range and for an optimiser that cannot be run alone.
    """
    if not 0 < start < 1:
        raise ValueError(f"start must lie between 0 and 1, both excluded, got {start}")
    return _recursion(lr, weight_decay, betas, eps, optimizer)([float(start)], within)[0]


def start_for(
    step: int,
    *,
    lr: LearningRate | None = None,
    weight_decay: float = 1e-4,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    optimizer: Optimizer | None = None,
) -> float:
    """The start from which the sign first turns at the `step`, counted from 1: the inverse of `first_turn`.

    A larger start turns later, so that the starts of one step are an interval; this is its middle, to 1e-10. Where no
    start turns then (at the defaults none does before step 2, nor after step 19,183), it is the one that comes nearest.

    Raises ValueError as `first_turn` does, and where no start turns by the `step`, nor at the earliest.
    """
    if step < 1:
        raise ValueError(f"step must be >= 1, got {step}")
    turns = _recursion(lr, weight_decay, betas, eps, optimizer)
    earliest = turns([RESOLUTION], max(int(step), 1000))[0]
    if earliest is None:
        raise ValueError(f"no start turns by step {step} under this optimiser and learning rate")
    step = max(int(step), earliest)

    def largest(by: int, below: float) -> float:
        """The largest start, up to `below`, from which the sign turns by a step."""
        low, high = RESOLUTION, below
        while high - low > RESOLUTION:
            inner = [low + (high - low) * (i + 1) / (turns.width + 1) for i in range(turns.width)]
            turned = [found is not None for found in turns(inner, by)]
            low = max((start for start, yes in zip(inner, turned) if yes), default=low)
            high = min((start for start, yes in zip(inner, turned) if not yes), default=high)
        return low

    end = largest(step, 1.0)
    begin = largest(step - 1, end) if step > earliest else 0.0
    return (begin + end) / 2


class _Adam:
    """Of each start the first turn; `width` starts are looked at together at no further cost."""

    width = 1
    fast = True

    def __init__(self, lr: LearningRate, weight_decay: float, betas: tuple[float, float], eps: float):
        self.lr, self.weight_decay, self.betas, self.eps = lr, weight_decay, betas, eps

    def __call__(self, starts: list[float], within: int) -> list[int | None]:
        return [self._turn(start, within) for start in starts]

    def _turn(self, w: float, within: int) -> int | None:
        (beta1, beta2), decay, eps = self.betas, self.weight_decay, self.eps
        if decay == 0 or (isinstance(self.lr, Real) and self.lr == 0):
            return None
        m = v = 0.0
        power1 = power2 = 1.0
        for step, rate in enumerate(_rates(self.lr, within), start=1):
            gradient = decay * w
            m += (1 - beta1) * (gradient - m)
            v += (1 - beta2) * (gradient * gradient - v)
            power1 *= beta1
            power2 *= beta2
            w -= rate / (1 - power1) * m / (math.sqrt(v / (1 - power2)) + eps)
            if w < 0:
                return step
        return None


class _Run:
    """The same for an optimiser that is really run, on a vector of weights."""

    width = 255
    fast = False

    def __init__(self, optimizer: Optimizer, group: dict[str, Any], lr: LearningRate | None):
        self.optimizer, self.group, self.lr = optimizer, group, lr

    def __call__(self, starts: list[float], within: int) -> list[int | None]:
        weight = torch.tensor(starts, dtype=torch.float64, requires_grad=True)
        weight.grad = torch.zeros_like(weight)
        made = alone(self.optimizer, self.group, weight)
        step_once = type(made).step
        if getattr(step_once, "hooked", False):  # without the hooks that others have put on every optimiser's step
            step_once = vars(step_once)["__wrapped__"]
        turned: dict[int, int] = {}
        shrinking = None
        for step, rate in enumerate(_rates(self.lr, within), start=1):
            if self.lr is not None:
                made.param_groups[0]["lr"] = rate
            looked_at = self.lr is None and step >= 4096 and step & (step - 1) == 0
            before = weight.detach().clone() if looked_at else weight
            try:
                step_once(made)
            except Exception as error:
                raise ValueError(f"{type(made).__name__} cannot be run on a single weight: {error}") from error
            if step == 16 and self.lr is None and weight.tolist() == starts:  # it does not move at all
                break
            for place in (weight.detach() < 0).nonzero().flatten().tolist():
                turned.setdefault(place, step)
            if len(turned) == len(starts):
                break
            if looked_at:
                rates = 1 - weight.detach() / before
                if shrinking is not None and bool((rates <= shrinking * (1 + 1e-6)).all()):
                    break
                shrinking = rates
        return [turned.get(place) for place in range(len(starts))]


def _recursion(
    lr: LearningRate | None,
    weight_decay: float,
    betas: tuple[float, float],
    eps: float,
    optimizer: Optimizer | None,
) -> _Adam | _Run:
    lr = _checked_rate(lr)
    if optimizer is None:
        for name, value in (("weight_decay", weight_decay), ("eps", eps)):
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} must be finite and >= 0, got {value}")
        if not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"betas must lie in [0, 1), got {betas}")
        return _Adam(1e-4 if lr is None else lr, weight_decay, betas, eps)
    if not isinstance(optimizer, Optimizer):
        raise ValueError(f"optimizer must be one of torch.optim, got {type(optimizer).__name__}")
    groups = [group for group in optimizer.param_groups if group.get("weight_decay", 0) != 0]
    groups.sort(key=lambda group: sum(parameter.numel() for parameter in group["params"]))
    return of_group(optimizer, groups[-1] if groups else optimizer.param_groups[0], lr)


def _checked_rate(lr: Any) -> LearningRate | None:
    """`lr` as a number, a list of numbers or the function that it is."""
    if lr is None or callable(lr):
        return lr
    try:
        single = isinstance(lr, Real) or (isinstance(lr, Tensor) and lr.dim() == 0)
        numbers = [float(lr)] if single else [float(rate) for rate in lr]
    except (TypeError, ValueError):
        raise ValueError(
            f"lr must be a number, one for each step, or a function of the step, got {type(lr).__name__}"
        ) from None
    for number in numbers:
        if not (math.isfinite(number) and number >= 0):
            raise ValueError(f"lr must be finite and >= 0, got {number}")
    return numbers[0] if single else numbers


def of_group(optimizer: Optimizer, group: dict[str, Any], lr: LearningRate | None = None) -> _Adam | _Run:
    """The recursion of one group of an optimiser."""
    if type(optimizer) is torch.optim.Adam and not (group["amsgrad"] or group.get("decoupled_weight_decay")):
        rate = float(group["lr"]) if lr is None else lr
        beta1, beta2 = map(float, group["betas"])
        return _Adam(rate, group["weight_decay"], (beta1, beta2), group["eps"])
    return _Run(optimizer, group, lr)


def _rates(lr: LearningRate | None, within: int) -> Iterable[float]:
    """The learning rate of each step."""
    if lr is None or isinstance(lr, Real):
        return repeat(0.0 if lr is None else float(lr), within)
    return islice(map(lr, count(1)) if callable(lr) else map(float, lr), within)  # type: ignore[arg-type]
