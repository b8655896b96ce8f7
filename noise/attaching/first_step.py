"""One look, at the first optimiser step after attaching, at what keeps a method from ever acting.

Attaching cannot see it: the optimiser is made later. So a hook of torch's on every optimiser's step waits for the first
one that moves the network, warns once of all that it finds, in one line, and is gone.
"""

import gc
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary, ref

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook

NAMED = 3  # so many sites are named in a warning, the others counted


class NoiseWarning(UserWarning):
    """An attached method does nothing, or will not for a very long time."""


@dataclass
class _Watched:
    methods: list[tuple[str, ref[nn.Module]]]
    acts: Callable[[nn.Module], bool]


_watched: WeakKeyDictionary[nn.Module, _Watched] = WeakKeyDictionary()
_hook: torch.utils.hooks.RemovableHandle | None = None


def watch(model: nn.Module, methods: Iterable[tuple[str, nn.Module]], acts: Callable[[nn.Module], bool]) -> None:
    """Warns (`NoiseWarning`) at the first step of an optimiser that holds a parameter of `model`, if there is reason.

    `methods` are (site, method) pairs; `acts` says of a module whether it calls the methods that are its children.
    Nothing is kept alive, and a copy of the network is not watched. What is looked at:

    - a parameter of a method is in no optimiser, needs no gradient, or is unknown to the DistributedDataParallel around
      the network: it was attached too late;
    - `still(optimizer, group)`, where a method has it, says why it does not move under the group with its parameters
      (asked once for all methods of a class with the same `start` in the group);
    - a method with `set_step` and `told` was never told a step;
    - a method that does nothing in evaluation (`identity_in_evaluation`, without `set_step`) is in evaluation mode, and
      not because a part of the network that is not trained now is;
    - the module that called a method was exchanged for another since.
    """
    global _hook
    entry = _watched.setdefault(model, _Watched([], acts))
    known = [reference() for _, reference in entry.methods]
    entry.methods += [(site, ref(method)) for site, method in methods if all(method is not other for other in known)]
    if _hook is None:
        _hook = register_optimizer_step_post_hook(_after_step)


def unwatch(model: nn.Module) -> None:
    """Forgets `model` and its parts."""
    for module in model.modules():
        _watched.pop(module, None)
    _remove_hook()


def _after_step(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
    if _watched:
        moved = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
        models = [model for model in _watched if any(id(parameter) in moved for parameter in model.parameters())]
        found = [complaint for model in models for complaint in _complaints(model, _watched.pop(model), optimizer)]
    else:
        found = []
    _remove_hook(during=True)
    if found:
        warnings.warn("; ".join(dict.fromkeys(found)), NoiseWarning, stacklevel=_outside_of_torch())


def _outside_of_torch() -> int:
    """The `stacklevel`, for a warning in the function that asks, of the user's line that made the step."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and (level == 1 or f"{os.sep}torch{os.sep}" in frame.f_code.co_filename):
        level, frame = level + 1, frame.f_back
    return level


def _remove_hook(during: bool = False) -> None:
    """Removes the hook where nothing is watched. During a step that is safe for the last hook alone: torch iterates."""
    global _hook
    if _watched or _hook is None:
        return
    hooks = _hook.hooks_dict_ref()
    if during and hooks and next(reversed(hooks)) != _hook.id:
        return
    _hook.remove()
    _hook = None


def _complaints(model: nn.Module, watched: _Watched, optimizer: Optimizer) -> Iterator[str]:
    """What is wrong, in words, behind the names of the sites that it is wrong with."""
    parents = {id(child): module for module in model.modules() for child in module.children()}
    wrapped = list(_known_to_wrappers(model))
    optimizers = [optimizer]
    asked: dict[Any, str | None] = {}
    sites: dict[str, list[str]] = {}
    for site, reference in watched.methods:
        method = reference()
        parent = None if method is None else parents.get(id(method))
        if method is None or parent is None or not watched.acts(parent):
            reason = "the method is never called, since the module that called it was exchanged: convert, then attach"
        else:
            held = all(_group(optimizers, parameter) is not None for parameter in method.parameters())
            if not held and len(optimizers) == 1:
                optimizers += [other for other in _alive(Optimizer) if other is not optimizer]
            reason = _reason(method, optimizers, wrapped, asked) or _asleep(model, parent, method, parents)
        if reason:
            sites.setdefault(reason, []).append(site)
    for reason, names in sites.items():
        others = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        yield f"{', '.join(names[:NAMED])}{others}: {reason}"


def _reason(
    method: nn.Module, optimizers: list[Optimizer], wrapped: list[set[int]], asked: dict[Any, str | None]
) -> str | None:
    """Why the method does nothing."""
    kind = type(method).__name__
    for name, parameter in method.named_parameters():
        if not parameter.requires_grad:
            return f"{kind}.{name} requires no gradient and never moves"
        holder = _group(optimizers, parameter)
        if holder is None:
            return f"{kind}.{name} is in no optimiser and never moves: attach before it is made, or with optimizer="
        if any(id(parameter) not in known for known in wrapped):
            return f"{kind}.{name} is unknown to DistributedDataParallel: attach before the network is wrapped"
        if callable(still := getattr(method, "still", None)):
            key = type(method), getattr(method, "start", None), id(holder[1])
            if key not in asked:
                asked[key] = still(*holder)
            if asked[key]:
                return f"{kind}.{name} {asked[key]}"
    if callable(getattr(method, "set_step", None)) and not getattr(method, "told", True):
        return f"{kind} was told no step and never changes: call noise.set_step(model, step) before each step"
    return None


def _asleep(model: nn.Module, holder: nn.Module, method: nn.Module, parents: dict[int, nn.Module]) -> str | None:
    """That the method is in evaluation mode while the block around it, or nothing at all, is training."""
    if method.training or not getattr(method, "identity_in_evaluation", False) or hasattr(method, "set_step"):
        return None
    block = parents.get(id(holder), holder)
    if model.training and not block.training:  # a backbone in evaluation, under a head that is trained
        return None
    return (
        f"{type(method).__name__} is in evaluation mode and does nothing: it follows its BatchNorm, so call train() of "
        "the method where BatchNorms are frozen by eval()"
    )


def _known_to_wrappers(model: nn.Module) -> Iterator[set[int]]:
    """The parameters that each DistributedDataParallel around `model` reduces."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        for wrapper in _alive(nn.parallel.DistributedDataParallel):
            if any(module is model for module in wrapper.modules()):
                yield {id(parameter) for parameter in wrapper._module_parameters}


def _alive(kind: type[Any]) -> list[Any]:
    """All objects of the type. `isinstance` would wake lazy ones of other libraries."""
    return [thing for thing in gc.get_objects() if issubclass(type(thing), kind)]


def _group(optimizers: list[Optimizer], parameter: Tensor) -> tuple[Optimizer, dict[str, Any]] | None:
    """The optimiser, and its group, that holds the parameter."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            if any(held is parameter for held in group["params"]):
                return optimizer, group
    return None
