"""Where the parameters of a method belong in an optimiser that was made before them."""

from collections.abc import Iterable
from typing import Any

from torch import nn
from torch.optim import Optimizer


def group_for(model: nn.Module, optimizer: Optimizer | Iterable[Optimizer]) -> dict[str, Any]:
    """The parameter group, of one or several optimisers, that new parameters of a method in `model` belong to.

    That is the one with coupled weight decay that holds most of the network, since decay is what moves AutoReLU's
    weight; where none has it, the one that holds most of the network's vectors, or of the network. Raises ValueError
    where the optimisers hold nothing of `model`.
    """
    optimizers = [optimizer] if isinstance(optimizer, Optimizer) else list(optimizer)
    own = {id(parameter) for parameter in model.parameters()}

    def rank(group: dict[str, Any]) -> tuple[int, int, int]:
        held = [parameter for parameter in group["params"] if id(parameter) in own]
        elements = sum(parameter.numel() for parameter in held)
        coupled = bool(group.get("weight_decay")) and not group.get("decoupled_weight_decay")
        vectors = sum(parameter.numel() for parameter in held if parameter.ndim <= 1)
        return (elements if coupled else 0), vectors, elements

    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    best = max(groups, key=rank, default=None)
    if best is None or rank(best)[2] == 0:
        raise ValueError("the optimizer holds no parameter of the network: give the one that trains it")
    return best


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
