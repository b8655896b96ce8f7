"""Dropout and periodic flips together (paper section 4.4)."""

from typing import TYPE_CHECKING

from torch import nn

from stages.variants import dropout, periodic

if TYPE_CHECKING:
    from stages.params import Params

READS = (*periodic.READS, *dropout.READS)
unit = periodic.unit


def attach(network: nn.Module, params: "Params") -> list[str]:
    """Attaches both; returns the names of the sites, those of the flips first."""
    # The flip comes right after BatchNorm, as in Algorithm 1, and dropout after it.
    return periodic.attach(network, params) + dropout.attach(network, params)
