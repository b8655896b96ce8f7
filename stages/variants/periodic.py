"""Signs flipped after BatchNorm every interval (paper section 3.1, Algorithm 1)."""

from typing import TYPE_CHECKING

from torch import nn

from noise.periodic import attach_periodic

if TYPE_CHECKING:
    from stages.params import Params

READS = ("interval", "periodic")


def attach(network: nn.Module, params: "Params") -> list[str]:
    """Attaches sign flips of the schedule `turning`, at `periodic.share` of the channels; returns the sites' names."""
    periodic = params.periodic
    return attach_periodic(network, turning(params), sites=periodic.sites, share=periodic.share)


def turning(params: "Params") -> int | list[int]:
    """T of Algorithm 1: `interval`; or, in its place, the epochs or steps of the turns: `periodic.turns`."""
    return params.interval if params.periodic.turns is None else params.periodic.turns


def unit(params: "Params") -> str:
    """What the paper's "step" is: `periodic.unit`."""
    return params.periodic.unit
