"""Where the parameters of a method belong in an optimiser that was made before them."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.optim import LBFGS, Optimizer

from noise.optimisers import alone


def group_for(model: nn.Module, optimizer: Optimizer | Iterable[Optimizer]) -> dict[str, Any]:
    """The parameter group, of one or several optimisers, that new parameters of a method in `model` belong to.

    That is the one with coupled weight decay that holds most of the network, since decay is what moves AutoReLU's
    weight; where none has it, the one that holds most of the network's vectors, or of the network. An optimiser that
    takes no vectors (Muon) is left out. Raises ValueError for what is no optimiser, and where none holds anything of
    `model` and can take more.
    """
    optimizers = _checked(optimizer)
    own = {id(parameter) for parameter in model.parameters()}

    def rank(group: dict[str, Any]) -> tuple[int, int, int]:
        held = [parameter for parameter in group["params"] if id(parameter) in own]
        elements = sum(parameter.numel() for parameter in held)
        coupled = bool(group.get("weight_decay")) and not group.get("decoupled_weight_decay")
        vectors = sum(parameter.numel() for parameter in held if parameter.ndim <= 1)
        return (elements if coupled else 0), vectors, elements

    groups = [(optimizer, group) for optimizer in optimizers for group in optimizer.param_groups if rank(group)[2]]
    if not groups:
        raise ValueError("the optimizer holds no parameter of the network: give the one that trains it")
    for optimizer, group in sorted(groups, key=lambda pair: rank(pair[1]), reverse=True):
        if _takes_a_vector(optimizer, group):
            return group
    kinds = ", ".join(sorted({type(optimizer).__name__ for optimizer, _ in groups}))
    raise ValueError(f"{kinds} cannot take the method's parameters (vectors, and new to it): attach before it is made")


def _checked(optimizers: Any) -> list[Optimizer]:
    """One or several as a list; what wraps an optimiser and shows its groups is one."""
    single = hasattr(optimizers, "param_groups") or not isinstance(optimizers, Iterable)
    found = [optimizers] if single else list(optimizers)
    for optimizer in found:
        if not hasattr(optimizer, "param_groups"):
            raise ValueError(f"optimizer must be one of torch.optim or several, got {type(optimizer).__name__}")
    return found


def _takes_a_vector(optimizer: Optimizer, group: dict[str, Any]) -> bool:
    if isinstance(optimizer, LBFGS):  # its one state is as long as all parameters together
        return not optimizer.state
    if any(parameter.ndim <= 1 for parameter in group["params"]):
        return True
    # What cannot be made of a matrix either, a wrapper of another optimiser, may take both.
    return _can_be_made(optimizer, group, (1,)) or not _can_be_made(optimizer, group, (1, 1))


def _can_be_made(optimizer: Optimizer, group: dict[str, Any], shape: tuple[int, ...]) -> bool:
    try:
        alone(optimizer, group, nn.Parameter(torch.zeros(shape)))
    except (ValueError, AttributeError):  # the latter where a wrapper is no torch.optim.Optimizer
        return False
    return True


def place(parameters: Iterable[nn.Parameter], group: dict[str, Any], model: nn.Module) -> None:
    """Appends the `parameters` of `model` that the `group` does not hold yet.

    The group stays the same object with the same numbers, so that learning-rate schedulers reach the new parameters;
    the optimiser's state of the others is untouched, and theirs begins with their first step.
    """
    held = {id(parameter) for parameter in group["params"]}
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    for parameter in parameters:
        if id(parameter) in held:
            continue
        held.add(id(parameter))
        group["params"].append(parameter)
        if "param_names" in group:  # the optimiser was made from named parameters
            group["param_names"].append(names[id(parameter)])
