"""Which BatchNorm plays which part: stem, main path and shortcut of the residual blocks, and the rest."""

from collections import Counter

from torch import fx

from noise.graph import Graph, owner

MAIN_PATH = ("first", "second", "third")

RELUS = {"relu", "relu6"}
ACTIVATIONS = RELUS | {
    "celu", "elu", "gelu", "hardsigmoid", "hardswish", "hardtanh", "leakyrelu", "mish", "prelu", "rrelu", "selu",
    "sigmoid", "silu", "softplus", "swish", "tanh",
}  # fmt: skip


def rectified(graph: Graph, calls: list[fx.Node]) -> bool:
    """Whether the values of all `calls` are read by ReLU or ReLU6 and by nothing else."""
    readers = {reader for call in calls for reader in graph.readers(call)}
    return bool(readers) and readers <= RELUS


def activated(graph: Graph, calls: list[fx.Node]) -> bool:
    """Whether an activation is among what reads the values of `calls`."""
    return any(reader in ACTIVATIONS for call in calls for reader in graph.readers(call))


def parts(graph: Graph) -> dict[str, str]:
    """The site set of each BatchNorm, by the rules of the table in `noise.sites`, in order of execution."""
    part = _in_blocks(graph)
    units = [name for name, calls in graph.norms.items() if activated(graph, calls) or name in part]
    before_blocks = next((place for place, name in enumerate(units) if name in part), 1)
    behind_stem = "other" if part else "first"
    for place, name in enumerate(units):
        part.setdefault(name, "stem" if place < before_blocks else behind_stem)
    return {name: part.get(name, "other") for name in graph.norms}


def _in_blocks(graph: Graph) -> dict[str, str]:
    part: dict[str, str] = {}

    def free(path: str) -> set[str]:
        """The BatchNorms inside of `path` that no block holds yet."""
        return {name for name in graph.norms if not path or name.startswith(f"{path}.")} - part.keys()

    def label(main: set[str], shortcut: set[str]) -> None:
        in_order = (name for name in graph.norms if name in main)
        part.update((name, MAIN_PATH[i] if i < len(MAIN_PATH) else "other") for i, name in enumerate(in_order))
        part.update(dict.fromkeys(shortcut, "shortcut"))

    # The innermost first: of nested blocks, a BatchNorm belongs to the one right around it.
    def depth(path: str) -> int:
        return path.count(".") + bool(path)

    before = _upstream(graph)
    owners = Counter(map(owner, graph.additions))
    for addition in sorted(graph.additions, key=lambda node: -depth(owner(node))):
        path = owner(addition)
        # `additions` has seen to it that both are nodes.
        left, right = (before[operand] & free(path) for operand in addition.args[:2] if isinstance(operand, fx.Node))
        main, shortcut = sorted((left - right, right - left), key=len, reverse=True)
        if path and owners[path] == 1:  # a BatchNorm before the fork is the block's too (pre-activation)
            main |= left & right
        label(main, shortcut)
    classes = {type(graph.modules[path]).__name__ for path in owners if path}
    for path in sorted(graph.modules, key=depth, reverse=True):
        if path and path not in owners and type(graph.modules[path]).__name__ in classes:
            label(free(path), set())
    return part


def _upstream(graph: Graph) -> dict[fx.Node, set[str]]:
    """The BatchNorms that each node's value depends on, its own included."""
    before: dict[fx.Node, set[str]] = {}
    for node in graph.nodes:
        before[node] = set().union(*(before[source] for source in node.all_input_nodes))
        if graph.is_norm(node):
            before[node].add(node.target)
    return before
