"""Putting a module behind an addition of a block, whose forward torch.fx writes anew."""

from collections.abc import Iterable
from copy import deepcopy
from itertools import chain
from typing import Any

from torch import Tensor, fx, nn

from noise.sites.graph import Join
from noise.sites.tracing import additions, trace


def subclass(kind: type[nn.Module], mixin: type[nn.Module], **attributes: Any) -> type[nn.Module]:
    """A class of the name and the module of `kind` (torch's tracers know a leaf by these), with `plain` = kind."""
    names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__doc__": kind.__doc__, "plain": kind}
    return type(kind.__name__, (mixin, kind), {**names, **attributes})


class Spliced(nn.Module):
    """What a block becomes: a subclass of its class, of the same name, with the traced forward."""

    plain: type[nn.Module]  # the class that it was

    def _load_from_state_dict(self, state_dict, prefix, *args):
        for name, child in self.named_children():
            if isinstance(child, Join):
                reset_where_absent(self, [name], state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def __deepcopy__(self, memo):
        copied = memo[id(self)] = self.__class__.__new__(self.__class__)
        copied.__setstate__(deepcopy(self.__dict__, memo))
        return copied

    def __reduce_ex__(self, protocol):
        raise TypeError(
            f"{self.plain.__name__} with a method behind its addition cannot be pickled whole: save its state_dict(), "
            "or use noise.fold or noise.detach first"
        )


def reset_where_absent(module: nn.Module, names: Iterable[str], state_dict: Any, prefix: str) -> None:
    """Resets the children `names` of a `module` where only its other weights are loaded; adds theirs to `state_dict`.

    Weights of the plain network say nothing of the methods: with them, nothing is in force. A dict that holds nothing
    of the module at all (the weights of a new head) leaves the methods as they are.
    """
    own = {f"{prefix}{name}.{key}" for name in names for key in module.get_submodule(name).state_dict()}
    others = {key for key in module.state_dict(prefix=prefix) if key not in own}
    loaded = [state_dict[key] for key in others if key in state_dict]
    if not own.isdisjoint(state_dict) or (others and not loaded):
        return
    device = next((value.device for value in loaded if isinstance(value, Tensor)), None)
    for name in names:
        child = module.get_submodule(name)
        if device is not None and any(tensor.is_meta for tensor in chain(child.parameters(), child.buffers())):
            child.to_empty(device=device)  # for load_state_dict(assign=True), which takes the module's tensors, too
        for inner in child.modules():
            if callable(reset := getattr(inner, "reset_parameters", None)):
                reset()
        state_dict.update(child.state_dict(prefix=f"{prefix}{name}."))


def splice(block: nn.Module, join: Join, name: str) -> None:
    """Passes the sum of the block's own addition number `join.site.addition` through `join`, its new child `name`.

    Raises ValueError where the block's forward branches on `training`, or the name is taken; nothing has changed then.
    """
    if hasattr(block, name):
        kind = type(block).__name__
        raise ValueError(
            f"{kind} has an attribute {name!r} already, which the module behind its addition would replace"
        )
    block.add_module(name, join)
    try:
        _respell(block)
    except BaseException:
        unsplice(block, name)
        raise


def unsplice(block: nn.Module, name: str) -> None:
    """Takes the `Join` of that name away; with the last one the block has its own class again."""
    delattr(block, name)
    _respell(block)


def _respell(block: nn.Module) -> None:
    """Gives the block a forward that passes through its `Join`s, from its own class's."""
    spliced = type(block)
    kind = block.__class__ = spliced.plain if issubclass(spliced, Spliced) else spliced
    joins = {name: child for name, child in block.named_children() if isinstance(child, Join)}
    if not joins:
        return
    try:
        graph, in_evaluation = _trace_in_both_modes(block)
        if graph.python_code("self").src != in_evaluation.python_code("self").src:
            raise ValueError(
                f"the forward of {kind.__name__} branches on `training`, so nothing can be spliced in behind its "
                "addition: move what differs (as F.dropout) into a module of its own"
            )
    except BaseException:
        block.__class__ = spliced
        raise
    own = additions(block, graph)
    for name, join in joins.items():
        node = own[join.site.addition]
        with graph.inserting_after(node):
            call = graph.call_module(name)
        node.replace_all_uses_with(call)
        call.args = (node,)
    block.__class__ = subclass(kind, Spliced, forward=type(fx.GraphModule(block, graph)).forward)


def _trace_in_both_modes(block: nn.Module) -> list[fx.Graph]:
    modes = {module: module.training for module in block.modules()}
    try:
        graphs = []
        for mode in (True, False):
            for module in modes:
                module.training = mode
            graphs.append(trace(block))
        return graphs
    except ValueError as error:
        raise ValueError(f"nothing can be put behind its addition, but behind its BatchNorms: {error}") from error
    finally:
        for module, mode in modes.items():
            module.training = mode
