"""As many turns as Algorithm 1 makes, at epochs that the seed draws: is it the period?"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from noise.periodic import turns
from stages.training.randomness import generator
from stages.variants import once, periodic

if TYPE_CHECKING:
    from stages.params import Params

READS = periodic.READS
unit = periodic.unit
attach = periodic.attach


def settle(params: "Params", rates: Sequence[float], seed: int) -> "Params":
    """`periodic.turns` is as many epochs (or steps: `periodic.unit`) from the second on as the sign turns in the run.

    Each once, every choice of them as likely as any other. A run without a turn stays one.
    """
    length = once.length(params, rates)
    count = len(turns(periodic.turning(params), length))
    drawn = torch.randperm(length - 1, generator=generator(seed, "turns", 0))[:count] + 2
    return once.turning_at(params, sorted(drawn.tolist()))
