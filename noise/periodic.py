"""Periodic injection: features change sign behind BatchNorm every T steps (paper section 3.1, Algorithm 1)."""

import operator
from collections.abc import Iterable, Sequence
from typing import Any, overload

import torch
from torch import Tensor, fx, nn
from torch.optim import Optimizer

from noise.attaching import attach
from noise.averages import Flag
from noise.sites import Site


@overload
def flag_at(step: int, interval: int | Sequence[int]) -> bool: ...
@overload
def flag_at(step: Tensor, interval: int | Sequence[int]) -> Tensor: ...
def flag_at(step: int | Tensor, interval: int | Sequence[int]) -> bool | Tensor:
    """Algorithm 1's flag as it is during `step`, in closed form: is floor(step / T) - [T = 1] odd?

    Steps count from 1 and may be epochs or optimiser steps. The algorithm toggles its flag at the end of each step with
    `step % T == T - 1`, and floor(step / T) - [T = 1] such steps lie before `step`: T = 5 leaves steps 1-4 clean, flips
    5-9, leaves 10-14 clean, and so on. Of a list of steps in the place of T, each finds the flag turned: is the number
    of those up to `step` odd? A tensor of steps gives a bool tensor of its shape on its device.
    """
    if isinstance(interval, Sequence):
        # No tensor of the turns: to copy it to a device would be to wait for that.
        return sum((step >= turn for turn in interval), start=step * 0) % 2 == 1
    return (step // interval - int(interval == 1)) % 2 == 1


def turns(interval: int | Iterable[int], steps: int) -> list[int]:
    """The steps of 1 to `steps` at which the flag turns: the first of each stretch, flipped or clean, but step 1's."""
    interval = checked_interval(interval)
    if isinstance(interval, int):
        return list(range(interval + int(interval == 1), steps + 1, interval))
    return [turn for turn in interval if turn <= steps]


def flipped_stretches(interval: int | Iterable[int], steps: int) -> list[tuple[int, int]]:
    """The stretches of steps 1 to `steps` with the flag set, as (first, last) with both ends included."""
    ends = [*turns(interval, steps), steps + 1]
    return [(first, after - 1) for first, after in zip(ends[::2], ends[1::2])]


# In a torch.fx trace (`create_feature_extractor`) the flag stays a buffer; followed inside, it would be a constant.
@fx.wrap
def sign_flip(x: Tensor, flag: Tensor, channels: int | None = None) -> Tensor:
    """`-x` where the 0-dim tensor `flag` is set (True, or above 1/2), else `x` to the bit; dtype and shape of `x`.

    With `channels`, of the first so many channels (dimension 1) alone.
    """
    if channels is None:
        return x * _sign(flag)
    sign = _of_channels(_sign(flag), channels, x.shape[1]).to(x.dtype)
    return x * sign.view([-1] + [1] * (x.dim() - 2))


class PeriodicFlag(Flag):
    """A flag that is Algorithm 1's of the step set last.

    Args:
        interval: T of Algorithm 1, in the unit of the steps passed to `set_step`; or, in its place, the steps at which
            the flag turns: [5, 10] is T = 5 without its third turn and all that follow.

    Raises ValueError unless `interval` is an integer >= 1 (of Python, NumPy or torch), or such ones, each once.
    """

    quantity = "sign"
    told = False  # whether `set_step` was ever called

    def __init__(self, interval: int | Iterable[int]):
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

    def extra_repr(self) -> str:
        return f"interval={self.interval}"


class PeriodicSign(PeriodicFlag):
    """A sign that is -1 while Algorithm 1's flag is set, at all of a site's channels or at the first of them.

    Args:
        interval: as of `PeriodicFlag`.
        channels: C of the input (N, C, ...); of no effect where `share` is 1.
        share: of the channels that turn: the first round(share * C).

    Raises ValueError as `PeriodicFlag`, unless 0 < share <= 1, and where it is of no `channels` or makes none of them.
    """

    def __init__(self, interval: int | Iterable[int], channels: int | None = None, share: float = 1.0):
        super().__init__(interval)
        if not 0 < share <= 1:
            raise ValueError(f"share must lie in 0 < share <= 1, got {share}")
        if channels is None and share < 1:
            raise ValueError(f"a share of {share} needs the number of channels that it is of")
        self.channels = channels
        self.turned = None if channels is None else round(share * channels)
        if self.turned == 0:
            raise ValueError(f"a share of {share} of {channels} channels is none of them")
        if self.turned == channels:
            self.turned = None  # all, by one number for the whole site

    def in_force(self) -> Tensor:
        """-1. while the flag is set, else +1., the mean over the channels: a 0-dim float32 tensor."""
        return self._signs().mean()

    def _signs(self) -> Tensor:
        """float32, shape (), or (C,) where only a share of the channels turns."""
        sign = _sign(self.current())
        if self.turned is None or self.channels is None:
            return sign
        return _of_channels(sign, self.turned, self.channels)

    def extra_repr(self) -> str:
        some = "" if self.turned is None else f", {self.turned} of {self.channels} channels"
        return f"{super().extra_repr()}{some}"


class SignFlip(PeriodicSign):
    """Multiplies its input by -1 while Algorithm 1's flag is set, in training and in evaluation alike.

    The flag is a buffer: it is in the checkpoint, moves with the network and turns without recompiling. It is that of
    the step set last, so that a checkpoint is evaluated under the sign under which its weights were trained, and that
    of the network in an average of it (`noise.averages`). Arguments and errors are those of `PeriodicSign`.
    """

    def forward(self, x: Tensor) -> Tensor:
        if torch.jit.is_scripting():
            return sign_flip(x, self.flag, self.turned)
        else:  # for TorchScript, which leaves out no more than this branch
            return sign_flip(x, self.current(), self.turned)

    def sign(self) -> Tensor:
        """What an evaluation multiplies its input by: float32, shape (), or (C,) where only some channels turn."""
        return self._signs()


def attach_periodic(
    model: nn.Module,
    interval: int | Iterable[int],
    sites: str | Iterable[str] = "first",
    *,
    share: float = 1.0,
    example_input: Any = None,
    optimizer: Optimizer | Iterable[Optimizer] | None = None,
) -> list[str]:
    """Attaches a `SignFlip` at each of the `sites` (`noise.find_sites`) and returns their names; `set_step` turns them.

    `interval` is T of Algorithm 1 or the steps of the turns, `share` that of each site's channels which turn, as of
    `PeriodicSign`. `example_input` and `optimizer` are as of `noise.attach`; a flip has no parameter to put there.
    Raises ValueError as the two do.
    """
    interval = checked_interval(interval)  # once: the turns may be an iterator

    def make(site: Site) -> SignFlip:
        return SignFlip(interval, site.channels, share)

    return attach(model, make, sites, example_input=example_input, optimizer=optimizer)


def checked_interval(interval: int | Iterable[int]) -> int | tuple[int, ...]:
    """`interval` as an int, or as a tuple of the steps of the turns in ascending order.

    Raises ValueError unless it is an integer >= 1, or integers >= 1, each once.
    """
    try:
        steps = [_integer(step) for step in interval]  # type: ignore[union-attr]
    except TypeError:  # not to be iterated over: a number, if of an array without dimensions
        number = _integer(interval)
        if number is not None and number >= 1:
            return number
    else:
        known = sorted({step for step in steps if step is not None and step >= 1})
        if len(known) == len(steps):
            return tuple(known)
    raise ValueError(f"interval must be an int >= 1, or steps >= 1 at which to turn, each once; got {interval!r}")


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


def _of_channels(sign: Tensor, turned: int, channels: int) -> Tensor:
    """The sign at the first `turned` of the channels and 1 at the others: shape (channels,)."""
    return torch.where(torch.arange(channels, device=sign.device) < turned, sign, 1.0)
