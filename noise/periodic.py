"""Periodic injection: features change sign behind BatchNorm every T steps (paper section 3.1, Algorithm 1)."""

from collections.abc import Iterable
from typing import overload

import torch
from torch import Tensor, nn

from noise.attaching import attach


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
    _check(interval)
    first = interval + int(interval == 1)
    return [(start, min(start + interval - 1, steps)) for start in range(first, steps + 1, 2 * interval)]


def sign_flip(x: Tensor, flag: Tensor) -> Tensor:
    """`-x` where the 0-dim bool tensor `flag` is set, else `x` to the bit; dtype and shape of `x`."""
    return x * torch.where(flag, -1.0, 1.0)


class SignFlip(nn.Module):
    """Multiplies its input by -1 while Algorithm 1's flag is set, in training and in evaluation alike.

    The flag is a bool buffer: it is in the checkpoint, moves with the network and turns without recompiling. It is that
    of the step set last, so that a checkpoint is evaluated under the sign under which its weights were trained.

    Args:
        interval: T of Algorithm 1, in the unit of the steps passed to `set_step`.

    Raises ValueError unless `interval` is an int >= 1.
    """

    flag: Tensor

    def __init__(self, interval: int):
        super().__init__()
        _check(interval)
        self.interval = interval
        self.register_buffer("flag", torch.tensor(False))

    def set_step(self, step: int | Tensor) -> None:
        """Writes the flag of `step` (counted from 1; an int or a 0-dim tensor, read without synchronising).

        Call it before the step's forward pass and outside of compiled code. Raises ValueError for an int below 1.
        """
        if isinstance(step, Tensor):
            self.flag.copy_(flag_at(step, self.interval))
        elif step < 1:
            raise ValueError(f"steps count from 1, got {step}")
        else:
            self.flag.fill_(flag_at(step, self.interval))

    def flipped(self) -> Tensor:
        """Whether the features are negated now: the flag."""
        return self.flag

    def forward(self, x: Tensor) -> Tensor:
        return sign_flip(x, self.flag)

    def extra_repr(self) -> str:
        return f"interval={self.interval}"


def attach_periodic(model: nn.Module, interval: int, sites: str | Iterable[str] = "first") -> list[str]:
    """Attaches a `SignFlip` at each of the `sites` (`noise.find_sites`) and returns their names; `set_step` turns them.

    Raises ValueError as the two do.
    """
    return attach(model, lambda site: SignFlip(interval), sites)


def _check(interval: int) -> None:
    if isinstance(interval, bool) or not isinstance(interval, int) or interval < 1:
        raise ValueError(f"interval must be an int >= 1, got {interval!r}")
