"""A network's calls as torch.fx traces them, without an input."""

import inspect
from typing import Any

from torch import Tensor, fx, nn
from torch.nn.modules.batchnorm import _BatchNorm

from noise.sites.forward import looked_at, untouched, where_and_why
from noise.sites.graph import SHAPES, Graph, Node, is_leaf, plain

# Behind these, dimension 1 is not that of the input.
_RESHAPING = {"getitem", "chunk", "split", "narrow", "view", "reshape", "permute", "transpose", "pixelshuffle", "stack"}

# What gives another look at the same values, or at a part of them, through which they can be changed in place.
_PARTS = {"chunk", "getitem", "narrow", "select", "split", "unbind"}
_VIEWS = _PARTS | {
    "data", "detach", "flatten", "movedim", "permute", "requiresgrad", "reshape", "squeeze", "swapaxes", "t",
    "transpose", "unflatten", "unsqueeze", "view", "viewas",
}  # fmt: skip

_AUGMENTED = {
    f"i{name}" for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor")
}


class Tracer(fx.Tracer):
    """Enters only what holds a BatchNorm, so that other modules' control flow need not be traceable."""

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return is_leaf(module)

    def call_module(self, m: nn.Module, forward: Any, args: tuple, kwargs: dict) -> Any:
        try:
            self.path_of_module(m)
        except NameError:  # `nn.ReLU()(x)`, made in a forward, is what its own forward does
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)


class _InputsAlone(Tracer):
    """Leaves optional arguments to Python, `*args` and `**kwargs` included: no nodes for them, no checks of them."""

    def create_args_for_root(self, root_fn: Any, is_module: bool, concrete_args: Any = None) -> Any:
        parameters = list(inspect.signature(self.root.forward).parameters.values())
        positional, by_name = [], {}
        for place, parameter in enumerate(parameters):
            if place and (parameter.default is not parameter.empty or parameter.kind is parameter.VAR_POSITIONAL):
                continue
            if parameter.kind is parameter.VAR_KEYWORD:
                continue
            proxy = self.create_proxy("placeholder", parameter.name, (), {})
            if parameter.kind is parameter.KEYWORD_ONLY:
                by_name[parameter.name] = proxy
            else:
                positional.append(proxy)
        return lambda root: root.forward(*positional, **by_name), [self.root]


def traced(model: nn.Module) -> Graph:
    """The graph of `model.forward` in training mode; its first argument is an input, optional ones have their defaults.

    Raises ValueError, with the user's own line, where torch.fx cannot follow the control flow.
    """

    def look(training: bool) -> Graph:
        for module in model.modules():
            module.training = training
        nodes, outputs = _calls(_InputsAlone().trace(model), model)
        return Graph(model, list(nodes.values()), outputs)

    try:
        with untouched(model):
            return looked_at(model, look)
    except Exception as error:
        raise ValueError(
            f"{_failure(model, error)}. Two ways out: give an `example_input=`, on which the network is run once "
            "instead, or attach to a part that can be traced (as `model.backbone`)"
        ) from error


def trace(model: nn.Module) -> fx.Graph:
    """The torch.fx graph of `model.forward` in its present mode, all arguments but the first at their defaults.

    Raises ValueError, with the user's own line, where torch.fx cannot follow the control flow.
    """
    parameters = list(inspect.signature(model.forward).parameters.values())
    defaults = {p.name: p.default for p in parameters[1:] if p.default is not p.empty}
    try:
        with untouched(model):
            graph = Tracer().trace(model, defaults)
    except Exception as error:
        raise ValueError(_failure(model, error)) from error
    arguments = {f"{name}_1": name for name in defaults}  # as torch.fx renames them
    for node in graph.nodes:
        if node.op == "placeholder":
            node.target = arguments.get(node.target, node.target)
    return graph


def additions(model: nn.Module, graph: fx.Graph) -> list[fx.Node]:
    """What the traced model's own forward adds to a computed value: `Site.addition` counts these."""
    nodes, outputs = _calls(graph, model)
    Graph(model, list(nodes.values()), outputs)  # which numbers them
    return [node for node, call in nodes.items() if call.addition is not None and not call.owner]


def _failure(model: nn.Module, error: Exception) -> str:
    return f"torch.fx cannot trace {type(model).__name__} ({where_and_why(error)})"


def _calls(graph: fx.Graph, model: nn.Module) -> tuple[dict[Any, Node], list[Node]]:
    """The calls of the graph, without constants, and those that are returned.

    What is changed in place is, from there on, what changed it.
    """
    modules = dict(model.named_modules())
    nodes: dict[Any, Node] = {}  # by the fx.Node
    now: dict[fx.Node, Node] = {}
    outputs: list[Node] = []
    bases: dict[fx.Node, fx.Node] = {}
    partial: set[fx.Node] = set()
    for node in graph.nodes:
        module = modules[node.target] if node.op == "call_module" else None
        inputs = list(dict.fromkeys(now[source] for source in node.all_input_nodes if source in now))
        name = _name(node, module)
        first = node.args[0] if node.args and isinstance(node.args[0], fx.Node) else None
        if first and name in _VIEWS and (name != "getitem" or node.all_input_nodes == [first]):
            bases[node] = bases.get(first, first)
            if name in _PARTS or first in partial:
                partial.add(node)
        if node.op == "placeholder":
            nodes[node] = now[node] = Node("input")
        elif first and first in now and node.op == "call_method" and node.target == "requires_grad_":
            now[node] = now[first]
        elif (
            node.op.startswith("call")
            and name not in SHAPES
            and (inputs or (module and isinstance(module, _BatchNorm)))
        ):
            *callers, last = (node.meta.get("nn_module_stack") or {"": ("", None)}).items()
            # A module's own call is on the stack already; the later calls of a module are "path@1", "path@2", ...
            key, (owner, _) = last if module is None else callers[-1] if callers else ("", ("", None))
            channels = _channels(name, inputs, module)
            nodes[node] = now[node] = Node(name, inputs, owner, node.target if module else None, "@" in key, channels)
            changed = first if _in_place(node, module) else node.kwargs.get("out")
            if isinstance(changed, fx.Node):
                base, value = bases.get(changed, changed), now[node]
                if changed in partial and base in now:  # the rest of it is what it was
                    value = nodes[node, base] = Node("setitem", [now[base], value], owner, None, "@" in key, channels)
                now.update(dict.fromkeys([base, changed, *(view for view in bases if bases[view] is base)], value))
        elif node.op == "output":
            outputs = inputs
    return nodes, outputs


def _name(node: fx.Node, module: nn.Module | None) -> str:
    if module is not None:
        return plain(type(module).__name__)
    name = plain(getattr(node.target, "__name__", str(node.target)))
    if name == "getattr":
        return plain(str(node.args[1]))
    # Of two tensors, not along a dimension.
    if name in ("max", "min") and len(node.args) > 1 and isinstance(node.args[1], (fx.Node, Tensor)):
        return f"{name}imum"
    return name


def _in_place(node: fx.Node, module: nn.Module | None) -> bool:
    if module is not None:
        return getattr(module, "inplace", False) is True
    target = getattr(node.target, "__name__", str(node.target))
    if node.kwargs.get("inplace") is True or (plain(target) in ("relu", "relu6") and True in node.args[1:]):
        return True
    return target in _AUGMENTED or plain(target) == "setitem" or (target.endswith("_") and not target.endswith("__"))


def _channels(name: str, inputs: list[Node], module: nn.Module | None) -> int:
    """As the last layer before the value has it."""
    for attribute in ("num_features", "out_channels", "out_features"):
        if isinstance(size := getattr(module, attribute, None), int):
            return size
    if name in _RESHAPING:
        return 0
    known = [source.channels for source in inputs if source.channels]
    if name in ("cat", "concat"):
        return sum(known) if len(known) == len(inputs) else 0
    return next(iter(known), 0)
