"""The plain network."""

from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from stages.params import Params

READS = ()


def attach(network: nn.Module, params: "Params") -> list[str]:
    """Nothing is attached."""
    return []
