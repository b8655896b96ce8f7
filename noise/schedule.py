"""What the library asks of a method, and the two questions put to all methods of a network alike.

A method is any `nn.Module` behind a site, one of `noise` or a user's own. It may offer, each by itself:

    set_step(step)       is told the step by `noise.set_step`: an int counted from 1, or a 0-dim integer tensor
    in_force()           the strength of what its next forward does in its present mode: a 0-dim float tensor, found
                         without waiting for the device. `quantity` (a class attribute) says of what: "sign" (+1 or -1,
                         the mean where channels differ), "stddev" (0 in evaluation), "p" (0 in evaluation), or a name
                         of its own
    sign()               float, shape () or (C,): what its forward in evaluation multiplies features by; to fold it away
    more_than_its_sign(norm)    what keeps it from being folded all the same, in words, or None; `norm` is the BatchNorm
                         before it, None behind an addition
    identity_in_evaluation = True    where that forward returns its input; nothing is left to fold
    reset_parameters()   where it has parameters or buffers: their start, after `to_empty` from the meta device too

A schedule is a closed-form function of the step, without state that accumulates: a run resumed at step k equals one
that went there.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from noise.attaching import methods

_being_told: set[int] = set()  # the modules whose `set_step` is running


def set_step(model: nn.Module, step: int | Tensor) -> None:
    """Tells every module of `model` that has a `set_step` the step, counted from 1; other modules stay as they are.

    The library's methods and a user's are reached alike; a network's own `set_step` may call this one. Call it before
    the step's forward pass, outside of compiled code. Raises what the modules' own `set_step` raises (`SignFlip`:
    ValueError for an int below 1).
    """
    for module in model.modules():
        if id(module) not in _being_told and callable(told := getattr(module, "set_step", None)):
            _being_told.add(id(module))
            try:
                told(step)
            finally:
                _being_told.discard(id(module))


def in_force(model: nn.Module) -> dict[str, Tensor]:
    """What each attached method that reports it will do in the next forward pass: 0-dim float tensors, without a sync.

    The key is "<site>.<method>", the site as `attach` named it: "layer1.0.bn1.signflip". Each is on its method's
    device; that of a method without tensors is on the CPU. AutoReLU's sign is that of the next forward: ask before the
    optimiser's step for the one that the last forward had.
    """
    return {f"{site}.{name}": report() for site, name, _, report in _reports(model)}


def site_names(model: nn.Module) -> list[str]:
    """The names of the sites with a sign (those of `SignFlip`, `AutoReLU`, `Negate`), in the order of `signs`."""
    return list(_signs(model))


def signs(model: nn.Module) -> Tensor:
    """The sign in force at each of `site_names`: int8, shape (sites,), on the model's device, without a sync.

    Where the channels of a site differ (`in_force` lies between -1 and 1) it is -1 where more than half of them are
    flipped and 0 where fewer are: +1 says that none is. Several methods at a site multiply.
    """
    products = list(_signs(model).values())
    if not products:
        return torch.empty(0, dtype=torch.int8, device=next((p.device for p in model.parameters()), None))
    # Scaled by more than a GPU's mean of ones may miss 1 by, and by less than one channel of thousands counts.
    return torch.stack(products).mul(1.0001).floor().clamp(min=-1).to(torch.int8)


def _signs(model: nn.Module) -> dict[str, Tensor]:
    products: dict[str, Tensor] = {}
    for site, _, quantity, report in _reports(model):
        if quantity == "sign":
            products[site] = products[site] * report() if site in products else report()
    return products


def _reports(model: nn.Module) -> Iterator[tuple[str, str, str | None, Callable[[], Tensor]]]:
    """Site, name, quantity and `in_force` of the attached methods that have it."""
    for site, name, method in methods(model):
        if callable(report := getattr(method, "in_force", None)):
            yield site, name, getattr(method, "quantity", None), report
