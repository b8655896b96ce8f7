"""The places of a network at which noise can be injected, and attaching a method to them.

A site is the output of a BatchNorm, or the sum at the end of a residual block. Sites come in sets:

set       what it holds                                      ResNet-18     ResNet-50     MobileNetV2, V3  VGG-BN
--------- -------------------------------------------------- ------------- ------------- ---------------- ----------
first     first BatchNorm on the main path of each block     bn1           bn1           of expansion     all but one
second    second BatchNorm on the main path                  bn2           bn2           of depthwise     -
third     third BatchNorm on the main path                   -             bn3           of projection    -
shortcut  every BatchNorm on the other path                  downsample.1  downsample.1  -                -
block     the sum of both paths, if a ReLU reads it          join          join          - (no ReLU)      -
stem      before an activation and ahead of all blocks       bn1           bn1           features.0.1     first one
other     the rest: behind the blocks, before no activation  -             -             the last one     -
all       every BatchNorm                                    20            53            52; 34 or 46     8 to 16

A block is a module whose own forward adds two tensors, and any other of its class (MobileNet's blocks that change the
shape add nothing). Its main path is the one with more BatchNorms, counted in order of execution: a MobileNet block
without expansion begins with its depthwise convolution. In a network without blocks, `stem` is the first BatchNorm
before an activation and `first` are all others before one. `all` leaves the sums out, at which a sign flip would undo
those on the two paths to it.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from itertools import chain
from operator import xor

import torch
from torch import Tensor, nn

from noise.blocks import MAIN_PATH, parts, rectified
from noise.graph import Graph, Injected, owner, splice

SITE_SETS = ("stem", *MAIN_PATH, "shortcut", "block", "other", "all")


@dataclass(frozen=True)
class Site:
    """A place at which a method can act.

    name: of the BatchNorm ("layer1.0.bn1"), or of the module that is spliced in behind an addition ("layer1.0.join").
    kind: the site set that it belongs to.
    channels: size of dimension 1 of the features there.
    rectified: whether ReLU or ReLU6, and nothing else, reads the features.
    addition: behind an addition, its number among those of its block; None at a BatchNorm.
    """

    name: str
    kind: str
    channels: int
    rectified: bool
    addition: int | None = None


def find_sites(model: nn.Module, sites: str | Iterable[str] = "first") -> list[Site]:
    """The sites of `model` in order of execution; the model and the random states stay as they are.

    Args:
        model: a plain network (not compiled, not wrapped) that torch.fx can trace down to the modules that hold
            BatchNorms. What has been attached already is seen through.
        sites: a set of the table above, the name of a site, or several of either.

    Raises ValueError where the network has no such site, with what it has, and where it cannot be traced.
    """
    found = _all_sites(Graph(model))
    kinds = Counter(site.kind for site in found)
    network = type(model).__name__
    counts = ", ".join(f"{kind} {kinds[kind]}" for kind in SITE_SETS if kinds[kind])
    has = f"{network} has {counts or 'no BatchNorm'}"
    chosen = set()
    for wanted in (sites,) if isinstance(sites, str) else sites:
        match = {s for s in found if wanted in (s.kind, s.name) or (wanted == "all" and s.kind != "block")}
        if not match and wanted in SITE_SETS:
            raise ValueError(f"no site in the set {wanted!r}: {has}")
        if not match:
            raise ValueError(f"no site {wanted!r}: give one of {', '.join(SITE_SETS)}, or the name of a site; {has}")
        chosen |= match
    if not chosen:
        raise ValueError(f"no sites asked for: {has}")
    return [site for site in found if site in chosen]


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


def _all_sites(graph: Graph) -> list[Site]:
    part = parts(graph)
    found = {}
    for name, calls in graph.norms.items():
        found[calls[0]] = Site(name, part[name], graph.channels(calls[0]), rectified(graph, calls))
    numbers: Counter[str] = Counter()
    for addition in graph.additions:
        path = owner(addition)
        number, channels = numbers[path], graph.channels(addition)
        numbers[path] += 1
        if channels and rectified(graph, [addition]):
            name = "join" if number == 0 else f"join_{number}"
            found[addition] = Site(f"{path}.{name}" if path else name, "block", channels, True, number)
    return [found[node] for node in graph.nodes if node in found]


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
