"""A network's torch.fx graph: its BatchNorms, its additions, and a module spliced in behind an addition."""

import inspect
from collections.abc import Iterator

import torch
from torch import fx, nn
from torch.nn.modules.batchnorm import _BatchNorm


class Injected(nn.Sequential):
    """A BatchNorm (`bn`) and the methods applied to its output, in the order in which they were attached.

    Behind an addition there is no `bn`. A BatchNorm with an activation of its own (timm's BatchNormAct2d) hands it over
    as `act`, which stays last.
    """

    site: str  # the name that `attach` returned, free of the prefixes of later wrappers (DistributedDataParallel)

    def append_method(self, name: str, method: nn.Module) -> None:
        activation = self._modules.pop("act", None)
        self.add_module(name, method)
        if activation is not None:
            self.add_module("act", activation)


class _Tracer(fx.Tracer):
    """Enters only what holds a BatchNorm, so that other modules' control flow need not be traceable."""

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        kinds = (_BatchNorm, Injected)
        return isinstance(module, kinds) or not any(isinstance(inner, kinds) for inner in module.modules())


def trace(model: nn.Module) -> fx.Graph:
    """The graph of `model.forward`, optional arguments at their defaults.

    Raises ValueError where torch.fx cannot follow the control flow.
    """
    parameters = inspect.signature(model.forward).parameters.values()
    defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
    gpus = {tensor.device.index for tensor in model.parameters() if tensor.is_cuda}
    try:
        # Tracing runs the Python of `forward`, which may draw random numbers outside of its modules.
        with torch.random.fork_rng(devices=gpus):
            return _Tracer().trace(model, defaults)
    except Exception as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ValueError(
            f"torch.fx cannot trace {type(model).__name__} ({reason}): attach to the plain network, before it is "
            "compiled or wrapped, and keep branches on data inside modules without BatchNorm"
        ) from error


def owner(node: fx.Node) -> str:
    """The path of the module whose own forward executes `node`; "" is the traced network itself."""
    stack = node.meta.get("nn_module_stack")
    return next(reversed(stack.values()))[0] if stack else ""


def additions(graph: fx.Graph) -> list[fx.Node]:
    """The nodes that add two computed tensors (`a + b`, `a += b`, `torch.add`, `a.add(b)`), in order of execution.

    A module that is called several times contributes the additions of its first call.
    """
    found = []
    for node in graph.nodes:
        if node.op in ("call_function", "call_method") and _called(node) in ("add", "iadd"):
            operands = [arg for arg in node.args[:2] if isinstance(arg, fx.Node) and arg.op != "get_attr"]
            # torch.fx marks the later calls of a module "path@1", "path@2", ...
            repeated = "@" in next(reversed(node.meta.get("nn_module_stack") or {"": None}))
            if len(operands) == 2 and not repeated:
                found.append(node)
    return found


class Graph:
    """The graph of `model`, and what its nodes are.

    norms: the calls of each BatchNorm under its path; paths and calls in order of execution.
    additions: as of `additions`.
    """

    def __init__(self, model: nn.Module):
        graph = trace(model)
        self.modules = dict(model.named_modules())
        self.nodes = list(graph.nodes)
        self.additions = additions(graph)
        self.norms: dict[str, list[fx.Node]] = {}
        for node in self.nodes:
            if self.is_norm(node):
                self.norms.setdefault(node.target, []).append(node)

    def is_norm(self, node: fx.Node) -> bool:
        module = self._module(node)
        return isinstance(getattr(module, "bn", None) if isinstance(module, Injected) else module, _BatchNorm)

    def readers(self, node: fx.Node) -> Iterator[str]:
        """What reads the node's value: names of functions, methods and classes, in lower case without underscores.

        Identities and what was spliced in are seen through; an activation inside of a BatchNorm is its only reader.
        """
        inner = getattr(self._module(node), "act", None)
        if isinstance(inner, nn.Module) and not isinstance(inner, nn.Identity):
            yield _plain(type(inner).__name__)
            return
        for user in node.users:
            module = self._module(user)
            if isinstance(module, (nn.Identity, Injected)) and not self.is_norm(user):
                yield from self.readers(user)
            else:
                yield _plain(type(module).__name__) if module else _called(user)

    def channels(self, node: fx.Node) -> int:
        """Size of dimension 1 of the node's value, as the last layer before it has it; 0 where none tells."""
        module = self._module(node)
        if isinstance(module, Injected):
            module = getattr(module, "bn", None)
        for attribute in ("num_features", "out_channels", "out_features"):
            if hasattr(module, attribute):
                return getattr(module, attribute)
        return next(filter(None, map(self.channels, node.all_input_nodes)), 0)

    def _module(self, node: fx.Node) -> nn.Module | None:
        return self.modules[node.target] if node.op == "call_module" else None


def splice(block: nn.Module, addition: int, name: str, inserted: nn.Module) -> None:
    """Passes the sum of the block's own addition number `addition` through `inserted`, which becomes `block.<name>`.

    The block stays the same object with the same children. Its class becomes a subclass with the traced forward, in the
    way of torch.distributed's `fully_shard`: it can be copied and saved as a state dict, but not pickled whole.
    Raises ValueError where the block's forward branches on `training`, or the name is taken.
    """
    kind = type(block)
    if hasattr(block, name):
        raise ValueError(f"{kind.__name__} has an attribute {name!r} already, which the injected module would replace")
    graph, in_evaluation = _trace_in_both_modes(block)
    if graph.python_code("self").src != in_evaluation.python_code("self").src:
        raise ValueError(
            f"the forward of {kind.__name__} branches on `training`, so nothing can be spliced in behind its addition: "
            "move what differs (as F.dropout) into a module of its own"
        )
    node = [node for node in additions(graph) if not owner(node)][addition]
    block.add_module(name, inserted)
    with graph.inserting_after(node):
        call = graph.call_module(name)
    node.replace_all_uses_with(call)
    call.args = (node,)
    block.__class__ = type(kind.__name__, (kind,), {"forward": type(fx.GraphModule(block, graph)).forward})


def _trace_in_both_modes(block: nn.Module) -> list[fx.Graph]:
    modes = {module: module.training for module in block.modules()}
    try:
        return [trace(block.train(mode)) for mode in (True, False)]
    finally:
        for module, mode in modes.items():
            module.training = mode


def _called(node: fx.Node) -> str:
    return _plain(getattr(node.target, "__name__", str(node.target)))


def _plain(name: str) -> str:
    return name.lower().replace("_", "")
