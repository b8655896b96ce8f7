"""A network's torch.fx graph: its BatchNorms and its additions."""

import inspect
from collections.abc import Iterator
from typing import Any

import torch
from torch import fx, nn
from torch.nn.modules.batchnorm import _BatchNorm


class Join(nn.Sequential):
    """The methods behind an addition (`injected`, the names of its children), spliced in as `site.name`."""

    __jit_ignored_attributes__ = ("site", "injected")
    site: Any
    injected: tuple[str, ...] = ()


class _Tracer(fx.Tracer):
    """Enters only what holds a BatchNorm, so that other modules' control flow need not be traceable."""

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        kinds = (_BatchNorm, Join)
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
        return isinstance(self._module(node), _BatchNorm)

    def readers(self, node: fx.Node) -> Iterator[str]:
        """What reads the node's value: names of functions, methods and classes, in lower case without underscores.

        Identities and what was spliced in are seen through; an activation inside of a BatchNorm is its only reader.
        """
        inner = getattr(self._module(node), "_modules", {}).get("act")
        if isinstance(inner, nn.Module) and not isinstance(inner, nn.Identity):
            yield _plain(type(inner).__name__)
            return
        for user in node.users:
            module = self._module(user)
            if isinstance(module, (nn.Identity, Join)):
                yield from self.readers(user)
            else:
                yield _plain(type(module).__name__) if module else _called(user)

    def channels(self, node: fx.Node) -> int:
        """Size of dimension 1 of the node's value, as the last layer before it has it; 0 where none tells."""
        module = self._module(node)
        for attribute in ("num_features", "out_channels", "out_features"):
            if hasattr(module, attribute):
                return getattr(module, attribute)
        return next(filter(None, map(self.channels, node.all_input_nodes)), 0)

    def _module(self, node: fx.Node) -> nn.Module | None:
        return self.modules[node.target] if node.op == "call_module" else None


def _called(node: fx.Node) -> str:
    return _plain(getattr(node.target, "__name__", str(node.target)))


def _plain(name: str) -> str:
    return name.lower().replace("_", "")
