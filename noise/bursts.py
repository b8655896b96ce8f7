"""Gaussian noise in the flipped stretches of Algorithm 1 alone, in the place of the flip: a control of it."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.optim import Optimizer

from noise.attaching import attach
from noise.gaussian import GaussianNoise
from noise.periodic import PeriodicFlag, checked_interval


# In a torch.fx trace the flag stays a buffer, as in `sign_flip`.
@fx.wrap
def where_flagged(flag: Tensor, noisy: Tensor, x: Tensor) -> Tensor:
    """`noisy` where the 0-dim tensor `flag` is set (True, or above 1/2), else `x`."""
    return torch.where(flag > 0.5, noisy, x)


class GaussianBursts(PeriodicFlag):
    """Adds Gaussian noise while training and while Algorithm 1's flag is set; nothing at other times.

    Noise is drawn in every training step, from the device's global generator, whether it is added or not: a turn waits
    for nothing and compiles nothing anew.

    Args:
        stddev: of the noise, as of `GaussianNoise`.
        interval: as of `PeriodicFlag`.

    Raises ValueError as the two do.
    """

    quantity = "stddev"
    identity_in_evaluation = True

    def __init__(self, stddev: float, interval: int | Iterable[int]):
        super().__init__(interval)
        self.noise = GaussianNoise(stddev)

    def forward(self, x: Tensor) -> Tensor:
        if torch.jit.is_scripting():
            return where_flagged(self.flag, self.noise(x), x)
        else:  # for TorchScript, which leaves out no more than this branch
            return where_flagged(self.current(), self.noise(x), x)

    def in_force(self) -> Tensor:
        """The standard deviation of the next forward: 0 in evaluation and while no flag is set; 0-dim float32."""
        return torch.where(self.current() > 0.5, self.noise.stddev if self.training else 0.0, 0.0)


def attach_bursts(
    model: nn.Module,
    stddev: float,
    interval: int | Iterable[int],
    sites: str | Iterable[str] = "first",
    *,
    example_input: Any = None,
    optimizer: Optimizer | Iterable[Optimizer] | None = None,
) -> list[str]:
    """Attaches `GaussianBursts` at each of the `sites` (`noise.find_sites`) and returns their names.

    `set_step` begins and ends them. `example_input` and `optimizer` are as of `noise.attach`; there is no parameter to
    put there. Raises ValueError as the two do.
    """
    interval = checked_interval(interval)  # once: the turns may be an iterator
    return attach(
        model, lambda site: GaussianBursts(stddev, interval), sites, example_input=example_input, optimizer=optimizer
    )
