"""AutoReLU decides when the signs turn (paper section 3.2, Eq. 1 and 2)."""

from typing import TYPE_CHECKING

from torch import nn

from noise.dynamic import attach_dynamic

if TYPE_CHECKING:
    from stages.params import Params

READS = ("dynamic",)


def attach(network: nn.Module, params: "Params") -> list[str]:
    """Attaches an AutoReLU of the section `dynamic`; returns the names of the sites."""
    dynamic = params.dynamic
    autorelu = dynamic.model_dump(exclude={"start", "sites"})
    return attach_dynamic(network, start=dynamic.start, sites=dynamic.sites, **autorelu)
