"""Dropout inside of residual blocks, the regulariser that the paper compares with (section 4.4)."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from noise.attaching import attach


class Dropout(nn.Dropout):
    """`nn.Dropout` that reports the rate in force."""

    quantity = "p"
    identity_in_evaluation = True

    def in_force(self) -> Tensor:
        """The rate of the next forward: `p` while training, 0 in evaluation; 0-dim float32 on the CPU."""
        return _rate(self)


class Dropout2d(nn.Dropout2d):
    """`nn.Dropout2d` that reports the rate in force."""

    quantity = "p"
    identity_in_evaluation = True

    def in_force(self) -> Tensor:
        """As of `Dropout`."""
        return _rate(self)


def attach_dropout(
    model: nn.Module,
    p: float,
    sites: str | Iterable[str] = "first",
    *,
    channelwise: bool = False,
    example_input: Any = None,
    optimizer: Optimizer | Iterable[Optimizer] | None = None,
) -> list[str]:
    """Attaches dropout at each of the `sites` (`noise.find_sites`) and returns their names.

    The default is after the first ReLU of each block. It is attached right before that ReLU, which is the same: both
    zeroing and scaling up by 1 / (1 - p) commute with ReLU (not so with ReLU6 or Hardswish, which are not homogeneous).

    Args:
        p: probability that an element is zeroed while training, 0 <= p < 1.
        channelwise: zeroes whole channels of an image (`nn.Dropout2d`) in place of single elements (`nn.Dropout`).
        example_input, optimizer: as of `noise.attach`; dropout has no parameter to put there.

    Raises ValueError unless 0 <= p < 1, and as `find_sites` does.
    """
    if not 0 <= p < 1:
        raise ValueError(f"p must lie in 0 <= p < 1, got {p}")
    layer = Dropout2d if channelwise else Dropout
    return attach(model, lambda site: layer(p), sites, example_input=example_input, optimizer=optimizer)


def _rate(layer: nn.Dropout | nn.Dropout2d) -> Tensor:
    return torch.tensor(layer.p if layer.training else 0.0, dtype=torch.float32)
