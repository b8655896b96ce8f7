"""AutoReLU decides when the signs turn (paper section 3.2, Eq. 1 and 2)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import nn

from noise.dynamic import attach_dynamic
from noise.first_turn import start_for

if TYPE_CHECKING:
    from stages.params import Params

READS = ("dynamic",)


def settle(params: "Params", rates: Sequence[float], seed: int) -> "Params":
    """`dynamic.start: auto` as the number under which the sign first turns after the share `first_turn` of the run."""
    dynamic, decay = params.dynamic, params.train.weight_decay
    if dynamic.start != "auto":
        return params
    step = max(1, round(dynamic.first_turn * len(rates)))
    # Where nothing moves w, no start turns: the run says so by itself, and any start serves.
    turns = params.train.optimizer == "adam" and decay > 0
    start = start_for(step, lr=rates, weight_decay=decay) if turns else 0.5
    return params.model_copy(update={"dynamic": dynamic.model_copy(update={"start": start})})


def attach(network: nn.Module, params: "Params") -> list[str]:
    """Attaches an AutoReLU of the section `dynamic`, settled; returns the names of the sites."""
    dynamic = params.dynamic
    if dynamic.start == "auto":
        raise ValueError("dynamic.start is auto: `settle` makes a number of it")
    autorelu = dynamic.model_dump(exclude={"start", "first_turn", "sites"})
    return attach_dynamic(network, start=dynamic.start, sites=dynamic.sites, **autorelu)
