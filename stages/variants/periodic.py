"""Signs flipped after BatchNorm every interval (paper section 3.1, Algorithm 1)."""

from typing import TYPE_CHECKING

from torch import nn

from noise.periodic import attach_periodic

if TYPE_CHECKING:
    from stages.params import Params

READS = ("interval", "periodic")


def attach(network: nn.Module, params: "Params") -> list[str]:
    """Attaches sign flips of the period `interval`; returns the names of the sites."""
    return attach_periodic(network, interval=params.interval, sites=params.periodic.sites)


def unit(params: "Params") -> str:
    """What the paper's "step" is: `periodic.unit`."""
    return params.periodic.unit
