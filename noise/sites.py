"""The places of a network at which noise can be injected.

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

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from torch import nn

from noise.blocks import MAIN_PATH, parts, rectified
from noise.graph import Graph, owner

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
