"""Finding the sites of a network: `noise.sites` says what they are."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from torch import nn

from noise.sites.activations import activated, rectified
from noise.sites.blocks import MAIN_PATH, parts
from noise.sites.forward import refuse
from noise.sites.graph import Graph
from noise.sites.observing import observed
from noise.sites.tracing import traced

SITE_SETS = ("stem", *MAIN_PATH, "shortcut", "block", "other", "all")


@dataclass(frozen=True)
class Site:
    """A place at which a method can act.

    name: of the BatchNorm ("layer1.0.bn1"), or of the module that is spliced in behind an addition ("layer1.0.join").
    kind: the site set that it belongs to.
    channels: size of dimension 1 of the features there.
    rectified: whether ReLU or ReLU6, and nothing else, reads the features; through a max-pool or dropout as well.
    addition: behind an addition, its number among all that its block adds; None at a BatchNorm.
    activated: whether an activation reads the features, of whichever kind, through a pool or dropout as well.
    """

    name: str
    kind: str
    channels: int
    rectified: bool
    addition: int | None = None
    activated: bool = True


def find_sites(model: nn.Module, sites: str | Iterable[str] = "first", *, example_input: Any = None) -> list[Site]:
    """The sites of `model` in order of execution; the model and the random states stay as they are.

    Args:
        model: a plain network (not compiled, not wrapped). What has been attached already is seen through.
        sites: a set of the table above, the name of a site, or several of either.
        example_input: on which the network is run once, in place of tracing it by torch.fx: `model(x)`, or `model(*x)`
            of a tuple, or `model(**x)` of a dictionary. For networks whose forward torch.fx cannot follow.

    Raises ValueError where the network has no such site, with what it has, and where it cannot be traced, or run.
    """
    refuse(model)
    found = _all_sites(traced(model) if example_input is None else observed(model, example_input))
    kinds = Counter(site.kind for site in found)
    counts = ", ".join(f"{kind} {kinds[kind]}" for kind in SITE_SETS if kinds[kind])
    has = f"{type(model).__name__} has {counts}" if found else f"{type(model).__name__} runs none of its BatchNorms"
    chosen = set()
    for wanted in asked(sites):
        match = {s for s in found if wanted in (s.kind, s.name) or (wanted == "all" and s.kind != "block")}
        if not match and wanted in SITE_SETS:
            would = ", ".join(repr(kind) for kind in SITE_SETS if kinds[kind])
            hint = f"; sites={would} or 'all' would work" if wanted == "first" and found else ""
            raise ValueError(f"no site in the set {wanted!r}: {has}{hint}")
        if not match:
            raise ValueError(f"no site {wanted!r}: give one of {', '.join(SITE_SETS)}, or the name of a site; {has}")
        chosen |= match
    if not chosen:
        raise ValueError(f"no sites asked for: {has}")
    return [site for site in found if site in chosen]


def asked(sites: str | Iterable[str]) -> list[str]:
    """The sets and names that `sites` lists. Raises ValueError where it is none of these."""
    names = [sites] if isinstance(sites, str) else list(sites) if isinstance(sites, Iterable) else [sites]
    if wrong := [name for name in names if not isinstance(name, str)]:
        raise ValueError(f"sites are given by name, as {'first'!r} or a list of such, got {wrong[0]!r}")
    return names


def _all_sites(graph: Graph) -> list[Site]:
    part = parts(graph)
    found = {}
    for name, calls in graph.norms.items():
        by_relu, by_any = rectified(graph, calls), activated(graph, calls)
        found[calls[0]] = Site(name, part[name], graph.modules[name].num_features, by_relu, activated=by_any)
    numbers: Counter[str] = Counter()
    for node in graph.sums:
        number = numbers[node.owner]
        numbers[node.owner] += 1
        if node.channels and rectified(graph, [node]):
            name = "join" if number == 0 else f"join_{number}"
            path = f"{node.owner}.{name}" if node.owner else name
            found[node] = Site(path, "block", node.channels, True, node.addition)
    return [found[node] for node in graph.nodes if node in found]
