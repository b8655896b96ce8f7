"""Attaching a method to the sites of a network, and which signs are in force at them."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import reduce
from itertools import chain
from operator import xor

import torch
from torch import Tensor, nn

from noise.graph import Injected
from noise.sites import Site, find_sites
from noise.splicing import splice


def attach(model: nn.Module, make: Callable[[Site], nn.Module], sites: str | Iterable[str] = "first") -> list[str]:
    """Puts `make(site)` behind each of the `sites` and returns their names, in order of execution.

    The BatchNorm `layer1.0.bn1` becomes an `Injected` of that name, which holds it as `layer1.0.bn1.bn` and behind it
    the methods in the order in which they were attached, each under its class's name in lower case (`...bn1.signflip`).
    Methods go to the site's device. Parameters keep their values and no random number is drawn, so that networks from
    one seed stay paired. Make the optimiser afterwards.

    Raises ValueError as `find_sites` does, and where a method of the same class is attached already.
    """
    found = find_sites(model, sites)
    methods = [make(site) for site in found]
    for site, method in zip(found, methods, strict=True):
        if hasattr(_injected(model, site), _key(method)):
            raise ValueError(f"{type(method).__name__} is attached at {site.name} already")
    for site, method in zip(found, methods, strict=True):
        injected = _injected(model, site)
        if injected is None:
            injected = _inject(model, site)
        device = _device(injected, model.get_submodule(site.name.rpartition(".")[0]))
        injected.append_method(_key(method), method.to(device).train(injected.training))
    return [site.name for site in found]


def site_names(model: nn.Module) -> list[str]:
    """The names of the sites with a sign (those of `SignFlip` or `AutoReLU`), in the order of `signs`."""
    return [injected.site for injected, _ in _signed(model)]


def signs(model: nn.Module) -> Tensor:
    """The sign in force at each of `site_names`, +1 or -1: int8, shape (sites,), on the model's device, without a sync.

    Several signs at one site multiply. AutoReLU's sign is that of the next forward: ask before the optimiser's step for
    the one that the last forward had.
    """
    flipped = [reduce(xor, (method.flipped() for method in methods)) for _, methods in _signed(model)]  # type: ignore[operator]
    if not flipped:
        return torch.empty(0, dtype=torch.int8, device=_device(model))
    return 1 - 2 * torch.stack(flipped).to(torch.int8)


def _signed(model: nn.Module) -> list[tuple[Injected, list[nn.Module]]]:
    wrappers = (module for module in model.modules() if isinstance(module, Injected))
    signed = ((wrapper, [method for method in wrapper if hasattr(method, "flipped")]) for wrapper in wrappers)
    return [(wrapper, methods) for wrapper, methods in signed if methods]


def _injected(model: nn.Module, site: Site) -> Injected | None:
    parent, _, name = site.name.rpartition(".")
    module = getattr(model.get_submodule(parent), name, None)
    return module if isinstance(module, Injected) else None


def _inject(model: nn.Module, site: Site) -> Injected:
    """Puts an `Injected` without methods at the site."""
    path, _, name = site.name.rpartition(".")
    parent = model.get_submodule(path)
    if site.addition is not None:
        injected = Injected()
        splice(parent, site.addition, name, injected)
    else:
        norm = model.get_submodule(site.name)
        injected = Injected(OrderedDict(bn=norm))
        if isinstance(activation := getattr(norm, "act", None), nn.Module):
            injected.append_method("act", activation)
            norm.act = nn.Identity()
        for path in [path for path, module in model.named_modules(remove_duplicate=False) if module is norm]:
            model.set_submodule(path, injected)
    injected.site = site.name
    injected.training = parent.training
    return injected


def _device(*modules: nn.Module) -> torch.device | None:
    """Of the first tensor of the first module that has any."""
    tensors = chain.from_iterable(chain(module.parameters(), module.buffers()) for module in modules)
    return next((tensor.device for tensor in tensors), None)


def _key(method: nn.Module) -> str:
    return type(method).__name__.lower()
