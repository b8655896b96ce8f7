"""Gaussian noise in the epochs that Algorithm 1 flips, in the place of the flip: is it any disturbance at its times?"""

from typing import TYPE_CHECKING

from torch import nn

from noise.bursts import attach_bursts
from stages.variants import periodic

if TYPE_CHECKING:
    from stages.params import Params

READS = (*periodic.READS, "bursts")
unit = periodic.unit


def attach(network: nn.Module, params: "Params") -> list[str]:
    """Attaches noise of standard deviation `bursts.stddev`; returns the names of the sites."""
    return attach_bursts(network, params.bursts.stddev, periodic.turning(params), sites=params.bursts.sites)
