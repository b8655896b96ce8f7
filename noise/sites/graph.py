"""A network as the calls that its forward makes, by whichever way they were seen.

`tracing` reads them off torch.fx, `observing` off a run; what the calls mean is said in `blocks` and `activations`.
Both enter the modules that hold a BatchNorm, and sequences; any other module is one call.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


class Join(nn.Sequential):
    """The methods behind an addition (`injected`, the names of its children), spliced in as `site.name`."""

    __jit_ignored_attributes__ = ("site", "injected")
    site: Any
    injected: tuple[str, ...] = ()


ADDITIONS = {"add", "iadd", "radd"}

# What tells of a tensor without reading its values, or makes another of its shape: no readers, and constant.
SHAPES = {
    "shape", "size", "dim", "ndim", "ndimension", "numel", "nelement", "stride", "len", "device", "dtype", "layout",
    "getdevice", "iscuda", "requiresgrad", "gradfn", "iscontiguous", "isfloatingpoint", "iscomplex", "version", "base",
    "zeroslike", "oneslike", "fulllike", "emptylike", "randlike", "randnlike", "randintlike", "newzeros", "newones",
    "newfull", "newempty", "newtensor",
}  # fmt: skip


@dataclass(eq=False)
class Node:
    """A call and the value that it gave, or an input of the network.

    name: of the function, method or class that was called, in lower case without underscores.
    inputs: the calls whose values it reads, each once. Constants (parameters, sizes, what is made of them) have none.
    owner: the path of the module whose own forward made the call; "" is the network itself.
    path: of the module that was called, None for a function.
    repeated: whether it was made in a later call of the owner.
    channels: size of dimension 1 of the value; 0 where it is not known.
    features: False where the value is known to have no dimension 1, as a loss has none.
    """

    name: str
    inputs: Sequence["Node"] = ()
    owner: str = ""
    path: str | None = None
    repeated: bool = False
    channels: int = 0
    features: bool = True
    readers: list["Node"] = field(default_factory=list)
    leads: bool = True
    returned: bool = False
    addition: int | None = None


class Graph:
    """The calls of `model`, and what they are.

    nodes: all calls, in order of execution.
    norms: the calls of each BatchNorm under its path; paths and calls in order of execution.
    sums: the calls that add the features of two calls (`a + b`, `a += b`, `torch.add`). A module that is called several
        times contributes those of its first call.

    Of each node, `readers` are the calls that read its value; `returned` says whether the network returns it; `leads`
    says whether anything comes of it: of functions that check values, or print their mean, nothing does; `addition` is
    its number among all that its owner's forward adds to a computed value, `x + 1` included, so that it is the same for
    the owner on its own.
    """

    def __init__(self, model: nn.Module, nodes: list[Node], outputs: Iterable[Node]):
        self.modules = dict(model.named_modules())
        self.nodes = nodes
        self.norms: dict[str, list[Node]] = {}
        self.sums: list[Node] = []
        added: Counter[str] = Counter()
        for node in nodes:
            if node.path is not None and isinstance(self.modules[node.path], _BatchNorm):
                self.norms.setdefault(node.path, []).append(node)
            elif node.path is None and node.name in ADDITIONS and node.inputs and not node.repeated:
                node.addition = added[node.owner]
                added[node.owner] += 1
                if len(node.inputs) == 2 and node.features:
                    self.sums.append(node)
        returned = set(outputs)
        for node in reversed(nodes):
            node.returned = node in returned
            # A network that returns no tensor (but stores it, say) does not tell what leads nowhere.
            ends = (node.path is not None and not self.is_join(node)) or node.returned or not returned
            node.leads = ends or any(reader.leads for reader in node.readers)
            for source in node.inputs:
                source.readers.insert(0, node)

    def module(self, node: Node) -> nn.Module | None:
        """The module that the node calls."""
        return None if node.path is None else self.modules[node.path]

    def is_norm(self, node: Node) -> bool:
        return node.path in self.norms

    def is_join(self, node: Node) -> bool:
        """Whether the node is what has been attached behind an addition."""
        return isinstance(self.module(node), Join)

    def holds_parameters(self, node: Node) -> bool:
        """Whether the node calls a module of the network's own with parameters."""
        module = self.module(node)
        return module is not None and not self.is_join(node) and any(True for _ in module.parameters())


def is_leaf(module: nn.Module) -> bool:
    """Whether a call of the module is one node, so that its control flow does not matter."""
    if isinstance(module, (_BatchNorm, Join, torch.jit.ScriptModule)):
        return True
    if type(module).forward is nn.Sequential.forward:
        return False
    return not any(isinstance(inner, _BatchNorm) for inner in module.modules())


def plain(name: str) -> str:
    """The name as both sources spell it: `iadd` for `__iadd__`, `relu` for `relu_`, `sigmoid` for `sigmoid.default`."""
    return name.split(".")[0].lower().replace("_", "")
