"""Why AutoReLU's sign would never turn: asked at the first step of the optimiser that holds its weight."""

from typing import TYPE_CHECKING, Any

import torch
from torch.optim import Optimizer

from noise.first_turn import of_group

if TYPE_CHECKING:
    from noise.dynamic import AutoReLU

FAR = 100_000  # optimiser steps: a first turn that late is taken for a mistake


def why_still(layer: "AutoReLU", optimizer: Optimizer, group: dict[str, Any]) -> str | None:
    """Why the layer's sign does not turn under a parameter group of an `optimizer`, in words; None where it does.

    By the optimiser's own recursion, at the highest learning rate that the group knows of.
    """
    kind = type(optimizer).__name__
    never = "and never turns" if layer.gradient == "exact" else "and turns by rounding noise at most"
    if not group.get("weight_decay"):
        return f"is in a parameter group without weight decay {never}: attaching with optimizer= finds the right one"
    if group.get("decoupled_weight_decay"):
        return f"is under decoupled weight decay ({kind}) {never}: use torch.optim.Adam"
    rate = max(float(group.get(name) or 0) for name in ("lr", "initial_lr", "max_lr"))
    if rate == 0 or optimizer.state.get(layer.weight, {}).get("step", 1) > 1:  # a warm-up, or a run that goes on
        return None
    recursion = of_group(optimizer, {**group, "lr": rate})
    within = 500_000 if recursion.fast else 20_000
    try:
        turn = recursion([layer.start], within)[0]
    except ValueError:
        return None
    if turn is None:
        return f"does not turn within {within:,} steps under {kind} at learning rate {rate:g}: use Adam, start lower"
    weight = torch.tensor(layer.start, dtype=layer.weight.dtype)
    step = layer.start / turn
    if bool(weight - step == weight):
        return (
            f"is {weight.dtype}, which loses steps of {step:.0e}, and does not move: keep the weights in float32 "
            "(autocast), or start lower"
        )
    if turn > FAR:
        return f"first turns after {turn:,} steps at learning rate {rate:g}: noise.start_for gives an earlier start"
    return None
