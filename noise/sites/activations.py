"""What reads a value: whether an activation stands behind it, and whether that is ReLU and nothing else."""

from collections.abc import Callable, Iterator
from typing import Any

from torch import nn

from noise.sites.graph import ADDITIONS, Graph, Node, plain

RELUS = {"relu", "relu6"}
_FORWARDS = {nn.ReLU.forward.__code__, nn.ReLU6.forward.__code__}
_ACTIVATIONS = RELUS | {
    "celu", "elu", "gelu", "glu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leakyrelu", "logsigmoid",
    "mish", "prelu", "rrelu", "selu", "sigmoid", "silu", "softplus", "softshrink", "softsign", "swish", "tanh",
    "tanhshrink", "threshold",
}  # fmt: skip
# Functions of which activations of one's own are made, and other things too.
_BENDING = {
    "abs", "arctan", "atan", "clamp", "clampmax", "clampmin", "clip", "cos", "erf", "exp", "expit", "fmax", "fmin",
    "maximum", "minimum", "pow", "sin", "sqrt", "square", "where", "gt", "ge", "lt", "le",
}  # fmt: skip
# As the last part of the name of a module with parameters.
_ENDINGS = ("lu", "swish", "mish", "sigmoid", "tanh", "activation")

# What passes values on as they are: ReLU before it or behind it comes to the same.
_PASSING = {
    "cat", "channelshuffle", "chunk", "clone", "concat", "concatenate", "contiguous", "copy", "cpu", "cuda", "data",
    "detach", "double", "expand", "flatten", "float", "getitem", "half", "identity", "index", "indexselect",
    "maskedfill", "movedim", "narrow", "permute", "pixelshuffle", "pixelunshuffle", "repeat", "reshape", "select",
    "setitem", "split", "squeeze", "stack", "stochasticdepth", "swapaxes", "t", "to", "transpose", "type", "typeas",
    "unbind", "unflatten", "unsqueeze", "view", "viewas",
}  # fmt: skip
_PASSING_PARTS = ("drop", "maxpool", "pad")
_NOT_PASSING_PARTS = ("avg", "alpha", "relu", "activation")  # AlphaDropout shifts what it keeps
# What blends values, so that the sign of what comes out need not be that of what went in.
_BLENDING = {"interpolate", "mean", "upsample"}
_BLENDING_PARTS = ("pool", "upsample", "upsampling", "blur", "alphadropout")
_ARITHMETIC = ADDITIONS | {
    "div", "divide", "idiv", "imul", "isub", "itruediv", "mul", "multiply", "neg", "negative", "rmul", "rsub", "sub",
    "subtract", "truediv",
}  # fmt: skip
# Modules without parameters that are no activations; any other is one, by whatever name.
_QUIET = {
    "add", "concat", "fold", "lambda", "lambdalayer", "mul", "quantstub", "dequantstub", "rearrange", "reduce", "scale",
    "sum", "unfold",
}  # fmt: skip
_QUIET_PARTS = (
    "anchor", "attention", "attn", "crop", "embed", "loss", "noise", "norm", "permute", "reshape", "resize", "roi",
    "shift", "shuffle", "similarity", "slice", "softmax", "softmin", "transform", "transpose", "view",
)  # fmt: skip


def rectified(graph: Graph, calls: list[Node]) -> bool:
    """Whether the values of all `calls` are read by ReLU or ReLU6 and by nothing else, dropout and max-pools aside.

    What the network returns is read by its user.
    """
    readers = [reader for call in calls for reader in _readers(graph, call, _passes)]
    return bool(readers) and all(_is_relu(name, module) for name, module in readers)


def activated(graph: Graph, calls: list[Node]) -> bool:
    """Whether an activation is among what reads the values of `calls`, behind a pool or a constant factor as well."""
    return any(
        _is_activation(name, module) for call in calls for name, module in _readers(graph, call, _passes_or_blends)
    )


def _readers(
    graph: Graph, node: Node, through: Callable[[Graph, Node], bool]
) -> Iterator[tuple[str, nn.Module | None]]:
    """What reads the node's value, as name and module; an activation inside of a BatchNorm is its only reader."""
    inner = getattr(graph.module(node), "act", None) if graph.is_norm(node) else None
    if isinstance(inner, nn.Module) and not isinstance(inner, nn.Identity):
        yield plain(type(inner).__name__), inner
        return
    if node.returned:
        yield "output", None
    for reader in node.readers:
        if not reader.leads and reader.name not in _ACTIVATIONS:
            continue
        if not graph.is_norm(reader) and through(graph, reader):
            yield from _readers(graph, reader, through)
        else:
            yield reader.name, graph.module(reader)


def _passes(graph: Graph, node: Node) -> bool:
    name = node.name
    if graph.holds_parameters(node):
        return False
    of_parts = any(part in name for part in _PASSING_PARTS) and not any(part in name for part in _NOT_PASSING_PARTS)
    return name in _PASSING or graph.is_join(node) or of_parts


def _passes_or_blends(graph: Graph, node: Node) -> bool:
    if _passes(graph, node):
        return True
    if graph.holds_parameters(node):
        return False
    by_constants = node.name in _ARITHMETIC and len(node.inputs) == 1
    return by_constants or node.name in _BLENDING or any(part in node.name for part in _BLENDING_PARTS)


def _is_relu(name: str, module: nn.Module | None) -> bool:
    """Whether it is PyTorch's ReLU or ReLU6: a module of one's own may have the name and do something else."""
    if module is None:
        return name in RELUS
    if not isinstance(module, (nn.ReLU, nn.ReLU6)):
        return False
    kind: Any = type(module)
    forward = getattr(kind, "plain_forward", kind.forward)  # behind attached methods
    return forward.__code__ in _FORWARDS


def _is_activation(name: str, module: nn.Module | None) -> bool:
    if name in _ACTIVATIONS | _BENDING:
        return True
    if module is None or isinstance(module, nn.modules.batchnorm._NormBase):
        return False
    if not _ACTIVATIONS.isdisjoint(plain(kind.__name__) for kind in type(module).__mro__):
        return True
    if any(True for _ in module.parameters()):
        return name.endswith(_ENDINGS)
    return name not in _QUIET and not any(part in name for part in _QUIET_PARTS)
