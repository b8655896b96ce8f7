"""Which BatchNorm plays which part: stem, main path and shortcut of the residual blocks, and the rest."""

import re
from collections.abc import Callable, Iterable
from itertools import chain

from torch import nn

from noise.sites.activations import activated
from noise.sites.graph import Graph, Node

MAIN_PATH = ("first", "second", "third")


def parts(graph: Graph) -> dict[str, str]:
    """The site set of each BatchNorm, by the rules of the table in `noise.sites`, in order of execution."""
    part = _Blocks(graph).part
    units = [name for name, calls in graph.norms.items() if activated(graph, calls) or name in part]
    before_blocks = next((place for place, name in enumerate(units) if name in part), 1)
    behind_stem = "other" if part else "first"
    for place, name in enumerate(units):
        part.setdefault(name, "stem" if place < before_blocks else behind_stem)
    return {name: part.get(name, "other") for name in graph.norms}


class _Blocks:
    """The BatchNorms of blocks, in `part`. The innermost come first: a BatchNorm is of the block right around it."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.part: dict[str, str] = {}
        self.place = {node: place for place, node in enumerate(graph.nodes)}
        self.layers = {node.path for node in graph.nodes if graph.is_norm(node) or graph.holds_parameters(node)}
        block_of = {node: self.block_of(node) for node in graph.sums}
        owners = set(block_of.values())
        for path in sorted(owners, key=_depth, reverse=True):
            sums = [node for node in graph.sums if block_of[node] == path]
            if self.is_whole(path):
                self.label_units(sums)
            else:
                inside = [node for node in graph.nodes if _inside(_where(node), path)]
                between = graph.nodes[self.place[inside[0]] : self.place[sums[-1]] + 1]
                self.label_block(sums, {node.path for node in inside} & self.layers, between)
        self.label_siblings(owners - {""})

    def is_whole(self, path: str) -> bool:
        """Whether all BatchNorms are inside of `path`: the network itself, or what a wrapper holds."""
        return all(_inside(name, path) for name in self.graph.norms)

    def block_of(self, node: Node) -> str:
        """The module whose own forward adds; the one around it, where that hands in both the sum and what it adds to.

        So it is where the last layer of a block adds the block's input (EfficientNet in HuggingFace's transformers).
        """
        around = node.owner.rpartition(".")[0]
        for term in node.inputs:
            reached, between = {term}, []
            for later in self.graph.nodes[self.place[term] + 1 : self.place[node] + 1]:
                if not reached.isdisjoint(later.inputs):
                    reached.add(later)
                    between.append(later)
            needed = {node}
            for earlier in reversed(between):
                if earlier in needed:
                    needed.update(earlier.inputs)
            outside = [n for n in between if n in needed and not _inside(_where(n), node.owner)]
            if outside and all(_inside(_where(n), around) for n in outside) and not self.is_whole(around):
                return around
        return node.owner

    def label_block(self, sums: list[Node], layers: set[str | None], nodes: list[Node]) -> None:
        """One block of these `layers`: its main path, followed back from its last sum by each sum's heaviest term."""
        adding, nothing = set(sums), set[str | None]()
        free = layers & self.graph.norms.keys() - self.part.keys()

        def weight(path: set[str | None]) -> tuple[int, int]:
            return len(path & free), len(path)

        def heaviest(terms: Iterable[Node]) -> set[str | None]:
            return max((main.get(term, nothing) for term in sorted(terms, key=self.place.__getitem__)), key=weight)

        every = _before(nodes, lambda node: {node.path} & layers)
        below = _before(nodes, lambda node: {node} & adding)
        main: dict[Node, set[str | None]] = {}
        for node in nodes:
            all_paths = ({node.path} & layers).union(*(main.get(source, nothing) for source in node.inputs))
            main[node] = heaviest(node.inputs) if node in adding else all_paths
        inner = set().union(*(below[source] for node in sums for source in node.inputs if source in below))
        found = heaviest(adding - inner) & free
        self.label(found, set().union(*(every[node] for node in sums)) & free - found)

    def label_units(self, sums: list[Node]) -> None:
        """A block for each unit of the network's own forward, which goes from one to the next.

        All that a sum adds may come through an earlier one, which then ends a unit. What comes before the fork of a
        unit's paths is not the block's. Nor is there one where, around blocks, something is added to an input.
        """
        adding = set(sums)
        below = _before(self.graph.nodes, lambda node: {node} & adding)
        behind: dict[Node, set[Node]] = {}  # the sums that all of a value comes through
        for node in self.graph.nodes:
            through = [behind[source] for source in node.inputs]
            behind[node] = (set.intersection(*through) if through else set()) | ({node} & adding)
        units: list[list[Node]] = []
        for node in sums:
            same = [u for u in units if behind[u[0]] - {u[0]} == behind[node] - {node} and below[node] & set(u)]
            units = [unit for unit in units if unit not in same] + [[*chain.from_iterable(same), node]]
        every = _before(self.graph.nodes, lambda node: {node.path} & self.layers)
        if self.part:  # what is added around the blocks to an image, or to boxes, makes no block of them all
            units = [unit for unit in units if all(every[term] for node in unit for term in node.inputs)]
        for unit in units:
            common = set.intersection(*(every[term] for node in unit for term in node.inputs))
            self.label_block(unit, self.layers - common, self.graph.nodes)

    def label_siblings(self, owners: set[str]) -> None:
        """What adds nothing and yet is a block: it is of a block's class, or stands among blocks, at the same place."""
        modules, norms = self.graph.modules, list(self.graph.norms)
        classes = {type(modules[path]).__name__ for path in owners}
        places = {_place(path) for path in owners}
        last = max((norms.index(name) for name in self.part), default=0)
        for path in sorted(modules.keys() - owners - {""}, key=_depth, reverse=True):
            free = {name for name in norms if _inside(name, path)} - self.part.keys()
            numbers = list(map(norms.index, free))
            among = _place(path) in places and len(free) > 1 and min(numbers) > 0 and max(numbers) < last
            container = isinstance(modules[path], (nn.Sequential, nn.ModuleList, nn.ModuleDict))
            if type(modules[path]).__name__ in classes or (among and not container):
                self.label(free, ())

    def label(self, main: Iterable[str | None], shortcut: Iterable[str]) -> None:
        in_order = (name for name in self.graph.norms if name in main)
        self.part.update((name, MAIN_PATH[i] if i < len(MAIN_PATH) else "other") for i, name in enumerate(in_order))
        self.part.update(dict.fromkeys(shortcut, "shortcut"))


def _before(nodes: list[Node], own: Callable[[Node], set]) -> dict[Node, set]:
    """The union of `own` over each node and all among `nodes` that its value depends on."""
    found: dict[Node, set] = {}
    for node in nodes:
        found[node] = own(node).union(*(found[source] for source in node.inputs if source in found))
    return found


def _where(node: Node) -> str:
    return f"{node.path or node.owner}."


def _depth(path: str) -> int:
    return path.count(".") + bool(path)


def _inside(name: str, path: str) -> bool:
    return not path or name.startswith(f"{path}.")


def _place(path: str) -> str:
    return re.sub(r"(?<![^.])\d+(?![^.])", "#", path)
