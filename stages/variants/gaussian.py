"""Gaussian noise after BatchNorm in every training step: noise that goes on, against a sign that turns now and then."""

from typing import TYPE_CHECKING

from torch import nn

from noise.gaussian import attach_gaussian

if TYPE_CHECKING:
    from stages.params import Params

READS = ("gaussian",)


def attach(network: nn.Module, params: "Params") -> list[str]:
    """Attaches noise of standard deviation `gaussian.stddev`; returns the names of the sites.

    It draws from the device's own generator, which training seeds anew in every epoch: a resumed run draws the same.
    """
    return attach_gaussian(network, stddev=params.gaussian.stddev, sites=params.gaussian.sites)
