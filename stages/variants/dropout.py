"""Dropout after the first ReLU of each block, the regulariser that the paper compares with (section 4.4)."""

from typing import TYPE_CHECKING

from torch import nn

from noise.dropout import attach_dropout

if TYPE_CHECKING:
    from stages.params import Params

READS = ("dropout",)


def attach(network: nn.Module, params: "Params") -> list[str]:
    """Attaches dropout of rate `dropout.p`; returns the names of the sites."""
    return attach_dropout(network, p=params.dropout.p, sites=params.dropout.sites)
