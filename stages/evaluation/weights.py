"""Whether a state is one that a network can have come to."""

from collections.abc import Mapping
from typing import Any

import torch


def unsound(found: Any, expected: Mapping[str, torch.Tensor]) -> str | None:
    """What is wrong with a state dict that should fit another of the same network; None where nothing is."""
    if (
        not isinstance(found, Mapping)
        or not found
        or not all(isinstance(value, torch.Tensor) for value in found.values())
    ):
        return "no state dict"
    if absent := expected.keys() - found.keys():
        return f"without {min(absent)}"
    if foreign := found.keys() - expected.keys():
        return f"with {min(foreign, key=str)}, which the network does not have"
    for name, like in expected.items():
        value = found[name]
        if value.shape != like.shape or value.dtype != like.dtype:
            return f"{name} is {_kind(value)} and not {_kind(like)}"
        if not torch.isfinite(value).all():
            return f"{name} holds what is no number"
    matrices = [value for value in found.values() if value.ndim >= 2]
    if matrices and not any(value.any() for value in matrices):
        return "all weights are zero"
    return None


def _kind(tensor: torch.Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
