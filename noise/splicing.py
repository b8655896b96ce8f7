"""A module spliced in behind an addition of a block's own forward."""

from torch import fx, nn

from noise.tracing import additions, trace


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
    node = additions(block, graph)[addition]
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
