"""The plain network that computes what a network with methods computes in evaluation."""

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from noise.attaching import Injecting, detach, must_be_as_attached
from noise.sites.graph import Join


def fold(model: nn.Module) -> nn.Module:
    """Writes the signs in force into BatchNorm and removes all methods, in place; returns the `model`.

    BatchNorm's weight and bias are negated where its sign is -1. The network then is what it was before attaching (its
    class, keys and shapes, nothing left behind) and gives the same logits to the last bit: rounding is symmetric. So
    its weights load into the plain network; it is exported, fused and deployed as one. What acts in training alone
    (Gaussian noise, dropout) leaves no trace. To go on training, fold a copy: `noise.fold(copy.deepcopy(model))`.

    Raises ValueError, with the network as it was, where the plain network cannot compute the same: a sign of -1 behind
    an addition, at a BatchNorm without weights, or behind a rectifying AutoReLU; features that AutoReLU set to 0, as
    they lay above its cliff (`noise.clipped` counts them while evaluating; without an evaluation since training the
    cliff must be far off); a method that is neither a sign nor an identity in evaluation. `noise.detach` removes the
    methods all the same.
    """
    found = must_be_as_attached(model)
    signs: dict[nn.Module, Tensor] = {}
    for holder in found:
        sign, norm = _sign(model, holder), _norm(model, holder)
        if norm is not None:
            signs[norm] = sign
        elif bool((sign < 0).any()):
            raise ValueError(
                f"the sign behind the addition {holder.site.name} is -1, and no BatchNorm there can take it: fold at a "
                "step at which it is +1, or leave the methods in"
            )
    turned: dict[nn.Parameter, Tensor] = {}
    for norm, sign in signs.items():
        if bool((sign < 0).any()):
            turned.update(dict.fromkeys(_affine(norm), sign))
    _must_agree(model, turned, signs)
    with torch.no_grad():
        for parameter, sign in turned.items():
            parameter.mul_(sign.to(parameter))
    return detach(model)


def _sign(model: nn.Module, holder: Injecting | Join) -> Tensor:
    """What the methods multiply by in evaluation, shape () or (C,). Raises ValueError where that is not all they do."""
    sign, rectified = torch.ones(()), ""
    for name in holder.injected:
        method, where = holder.get_submodule(name), f"{holder.site.name}.{name}"
        if getattr(method, "identity_in_evaluation", False):
            continue
        if not hasattr(method, "sign"):
            raise ValueError(
                f"{where}: what {type(method).__name__} does in evaluation cannot be folded into BatchNorm; it has no "
                "`sign()`, and no `identity_in_evaluation`"
            )
        try:
            own: Tensor = method.sign().cpu()  # type: ignore[operator]
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
        if rectified and bool((own < 0).any()):
            raise ValueError(f"{where} negates what {rectified} has rectified, which no BatchNorm before it can do")
        if callable(more := getattr(method, "more_than_its_sign", None)) and (does := more(_norm(model, holder))):
            raise ValueError(f"{where} {does}")
        if getattr(method, "rectify", False):
            rectified = where
        if rectified and not holder.site.rectified:
            raise ValueError(f"{where} rectifies where the plain network does not")
        sign = sign * own
    return sign


def _norm(model: nn.Module, holder: Injecting | Join) -> nn.Module | None:
    """The BatchNorm of a site: the holder itself, or the one whose activation it is. None behind an addition."""
    if isinstance(holder, Join):
        return None
    if isinstance(holder, _BatchNorm):
        return holder
    return next(module for module in model.modules() if any(child is holder for child in module.children()))


def _affine(norm: nn.Module) -> list[nn.Parameter]:
    """The parameters that a sign of -1 negates."""
    site = next(holder.site.name for holder in (norm, *norm.children()) if isinstance(holder, Injecting))
    found = []
    for name in ("weight", "bias"):
        if name in norm._parameters:
            parameter = norm._parameters[name]
        elif (parameter := norm._parameters.get(f"{name}_orig")) is None:  # of torch.nn.utils.prune
            raise ValueError(f"the {name} of {site} is computed from other tensors: it cannot be negated")
        if parameter is not None:
            found.append(parameter)
        elif name == "weight":
            raise ValueError(f"{site} has no weight (affine=False) that could take its sign of -1")
    return found


def _must_agree(model: nn.Module, turned: dict[nn.Parameter, Tensor], signs: dict[nn.Module, Tensor]) -> None:
    """Raises ValueError where a parameter to be negated is sharded, or another module's with another sign."""
    for path, module in model.named_modules():
        for name, parameter in module._parameters.items():
            if parameter is None or parameter not in turned:
                continue
            if hasattr(parameter, "device_mesh"):  # DTensor
                raise ValueError(
                    f"{path}.{name} is sharded: load the whole state dict into a network that is not, and fold it"
                )
            if not torch.equal(turned[parameter], signs.get(module, torch.ones(()))):
                raise ValueError(f"{path} shares its {name} with a BatchNorm of another sign")
