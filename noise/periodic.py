"""Periodic injection: features change sign behind BatchNorm every T steps (paper section 3.1, Algorithm 1)."""

import operator
from collections.abc import Iterable
from typing import Any, overload

import torch
from torch import Tensor, fx, nn
from torch.optim import Optimizer

from noise.attaching import attach
from noise.averages import Flag


@overload
def flag_at(step: int, interval: int) -> bool: ...
@overload
def flag_at(step: Tensor, interval: int) -> Tensor: ...
def flag_at(step: int | Tensor, interval: int) -> bool | Tensor:
    """Algorithm 1's flag as it is during `step`, in closed form: is floor(step / T) - [T = 1] odd?

    Steps count from 1 and may be epochs or optimiser steps. The algorithm toggles its flag at the end of each step with
    `step % T == T - 1`, and floor(step / T) - [T = 1] such steps lie before `step`: T = 5 leaves steps 1-4 clean, flips
    5-9, leaves 10-14 clean, and so on. A tensor of steps gives a bool tensor of its shape on its device.
    """
    return (step // interval - int(interval == 1)) % 2 == 1


def flipped_stretches(interval: int, steps: int) -> list[tuple[int, int]]:
    """The stretches of steps 1 to `steps` with the flag set, as (first, last) with both ends included."""
    interval = checked_interval(interval)
    first = interval + int(interval == 1)
    return [(start, min(start + interval - 1, steps)) for start in range(first, steps + 1, 2 * interval)]


# In a torch.fx trace (`create_feature_extractor`) the flag stays a buffer; followed inside, it would be a constant.
@fx.wrap
def sign_flip(x: Tensor, flag: Tensor) -> Tensor:
    """`-x` where the 0-dim tensor `flag` is set (True, or above 1/2), else `x` to the bit; dtype and shape of `x`."""
    return x * _sign(flag)


class PeriodicFlag(Flag):
    """A flag that is Algorithm 1's of the step set last.

    Args:
        interval: T of Algorithm 1, in the unit of the steps passed to `set_step`.

    Raises ValueError unless `interval` is an integer >= 1 (of Python, NumPy or torch).
    """

    quantity = "sign"
    told = False  # whether `set_step` was ever called

    def __init__(self, interval: int):
        super().__init__()
        self.interval = checked_interval(interval)

    def set_step(self, step: int | Tensor) -> None:
        """Writes the flag of `step` (counted from 1; an integer or a 0-dim tensor, read without synchronising).

        Call it before the step's forward pass and outside of compiled code. Raises ValueError for what is no integer,
        and for an integer below 1 that is no tensor.
        """
        self._turn_to(flag_at(checked_step(step), self.interval))
        self.told = True

    def _turn_to(self, flag: bool | Tensor) -> None:
        with torch.no_grad():
            if isinstance(flag, Tensor):
                self.flag.copy_(flag)
            else:
                self.flag.fill_(flag)

    def in_force(self) -> Tensor:
        """-1. while the flag is set, else +1.: a 0-dim float32 tensor."""
        return _sign(self.current())

    def extra_repr(self) -> str:
        return f"interval={self.interval}"


class SignFlip(PeriodicFlag):
    """Multiplies its input by -1 while Algorithm 1's flag is set, in training and in evaluation alike.

    The flag is a buffer: it is in the checkpoint, moves with the network and turns without recompiling. It is that of
    the step set last, so that a checkpoint is evaluated under the sign under which its weights were trained, and that
    of the network in an average of it (`noise.averages`).

    Args:
        interval: T of Algorithm 1, in the unit of the steps passed to `set_step`.

    Raises ValueError unless `interval` is an integer >= 1.
    """

    def forward(self, x: Tensor) -> Tensor:
        if torch.jit.is_scripting():
            return x * torch.where(self.flag > 0.5, -1.0, 1.0)
        else:  # for TorchScript, which leaves out no more than this branch
            return sign_flip(x, self.current())

    def sign(self) -> Tensor:
        """What an evaluation multiplies its input by: `in_force()`."""
        return self.in_force()


def attach_periodic(
    model: nn.Module,
    interval: int,
    sites: str | Iterable[str] = "first",
    *,
    example_input: Any = None,
    optimizer: Optimizer | Iterable[Optimizer] | None = None,
) -> list[str]:
    """Attaches a `SignFlip` at each of the `sites` (`noise.find_sites`) and returns their names; `set_step` turns them.

    `example_input` and `optimizer` are as of `noise.attach`; a flip has no parameter to put there. Raises ValueError as
    the two do.
    """
    return attach(model, lambda site: SignFlip(interval), sites, example_input=example_input, optimizer=optimizer)


def checked_interval(interval: int) -> int:
    """`interval` as an int. Raises ValueError unless it is an integer >= 1."""
    number = _integer(interval)
    if number is None or number < 1:
        raise ValueError(f"interval must be an int >= 1, got {interval!r}")
    return number


def checked_step(step: int | Tensor) -> int | Tensor:
    """`step` as an int, or the tensor itself. Raises ValueError for no integer, and for an int below 1."""
    if isinstance(step, Tensor):
        if step.dim() or step.is_floating_point() or step.is_complex() or step.dtype == torch.bool or step.is_meta:
            raise ValueError(f"a step is an integer, got {step!r}; a tensor of one has no dimensions")
        return step
    number = _integer(step)
    if number is None:
        raise ValueError(f"a step is an integer, got {step!r}")
    if number < 1:
        raise ValueError(f"steps count from 1, got {number}")
    return number


def _integer(value: object) -> int | None:
    """`value` as an int where it is an integer of any library; None for a bool, a float and what is no number."""
    try:
        return None if isinstance(value, bool) else operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return None


def _sign(flag: Tensor) -> Tensor:
    return torch.where(flag > 0.5, -1.0, 1.0)
