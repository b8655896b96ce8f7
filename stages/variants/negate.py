"""Algorithm 1 as one rewriting of the weights at each turn, and none of the features: equals `periodic` to the bit."""

from typing import TYPE_CHECKING

from torch import nn

from noise.negate import attach_negate, bind
from stages.ending import Mistake
from stages.variants import periodic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stages.params import Params

READS = periodic.READS
unit = periodic.unit
ready = bind


def settle(params: "Params", rates: "Sequence[float]", seed: int) -> "Params":
    """Raises Mistake for a running average: weights that change sign cancel in it, and `periodic`'s do not."""
    if params.train.ema is not None:
        raise Mistake(
            f"train.ema {params.train.ema:g}: the weights whose sign the variant negate turns cancel in a running "
            "average; set it to null, or leave the variant out"
        )
    return params


def attach(network: nn.Module, params: "Params") -> list[str]:
    """Attaches what negates BatchNorm's weights, just where `periodic` flips; returns the names of the sites."""
    section, when = params.periodic, periodic.turning(params)
    return attach_negate(network, when, sites=section.sites, share=section.share, optimizer="later")
