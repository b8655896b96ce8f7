"""What holds for any look at a network's forward: nothing changes by it, and what is in the way is said in one line."""

import random
import sys
import sysconfig
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from copy import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parameter import is_lazy

from noise.sites.graph import Graph

LOOKS = 10  # in search of another path through the network
WRAPPERS = {"DataParallel", "DistributedDataParallel", "FullyShardedDataParallel", "DeepSpeedEngine"}


def refuse(model: nn.Module) -> None:
    """Raises ValueError, of one line, for what is no plain network that holds BatchNorms and is ready to run."""
    name = type(model).__name__
    if not isinstance(model, nn.Module):
        raise ValueError(f"the network must be an nn.Module, got {model if isinstance(model, type) else name}")
    if wrapper := WRAPPERS.intersection(kind.__name__ for kind in type(model).__mro__):
        raise ValueError(f"attach to the plain network, model.module, before it is wrapped in {wrapper.pop()}")
    if hasattr(model, "_orig_mod"):  # torch._dynamo's OptimizedModule, which it would take seconds to import
        raise ValueError("attach to the plain network, before torch.compile (here it is model._orig_mod)")
    if isinstance(model, torch.jit.ScriptModule):
        raise ValueError(f"{name} is TorchScript: attach to the plain network, before torch.jit")
    if isinstance(model, _BatchNorm):
        raise ValueError(f"{name} is a BatchNorm itself: give the network that holds it")
    norms = [(path, module) for path, module in model.named_modules() if isinstance(module, _BatchNorm)]
    if not norms:
        raise ValueError(f"{name} has no BatchNorm, and noise is injected behind BatchNorms")
    for path, norm in norms:
        if any(map(is_lazy, norm.parameters())) or any(map(is_lazy, norm.buffers())):
            raise ValueError(f"{path} is a lazy BatchNorm without a size yet: run the network on one batch first")
    for path, parameter in model.named_parameters():
        if hasattr(parameter, "device_mesh"):  # DTensor
            raise ValueError(f"{path} is sharded already: attach to the plain network, before fully_shard")


@contextmanager
def untouched(model: nn.Module, tensors: Iterable[Tensor] = ()) -> Iterator[None]:
    """Leaves the model's attributes, modes and buffers, the `tensors` and the random states as they were before."""
    modules = [(module, module.training, _attributes(module)) for module in model.modules()]
    values = [(tensor, tensor.detach().clone()) for tensor in (*model.buffers(), *tensors)]
    try:
        with _random_states_kept(model):
            yield
    finally:
        for module, training, attributes in modules:
            for container, before in attributes:
                container.clear()
                (container.extend if isinstance(container, (list, deque)) else container.update)(before)
            if module.training != training:  # of TorchScript, which keeps it elsewhere
                module.training = training
        with torch.no_grad():
            for tensor, value in values:
                if not value.is_meta and not torch.equal(tensor, value):
                    tensor.copy_(value)


def _attributes(module: nn.Module) -> list[tuple[Any, Any]]:
    """The module's containers, each with a copy: attributes, parameters, hooks, and what a forward stores things in."""
    containers = [vars(module), *vars(module).values(), module._buffers, module._parameters, module._modules]
    kinds = (dict, list, set, deque)
    return [(container, copy(container)) for container in containers if isinstance(container, kinds)]


@contextmanager
def _random_states_kept(model: nn.Module) -> Iterator[None]:
    devices: dict[str, set[int]] = {}
    for parameter in model.parameters():
        devices.setdefault(parameter.device.type, set()).add(parameter.device.index or 0)
    python, numpy = random.getstate(), sys.modules.get("numpy")
    of_numpy = numpy and numpy.random.get_state()
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng([]))  # of the CPU
        for kind in devices.keys() - {"cpu", "meta"}:
            if kind == "mps":  # has one state, and does not ask for a device
                stack.callback(torch.mps.set_rng_state, torch.mps.get_rng_state())
            else:
                stack.enter_context(torch.random.fork_rng(sorted(devices[kind]), device_type=kind))
        try:
            yield
        finally:
            random.setstate(python)
            if numpy:
                numpy.random.set_state(of_numpy)


def looked_at(model: nn.Module, look: Callable[[bool], Graph]) -> Graph:
    """`look(True)`, the graph in training; where that skips BatchNorms at random (stochastic depth), the fullest one.

    Such skipping shows in that another look in training, with other random numbers, calls other BatchNorms; what
    evaluation alone calls does not.
    """
    graph = look(True)
    if graph.norms.keys() >= {path for path, module in model.named_modules() if isinstance(module, _BatchNorm)}:
        return graph
    try:
        evaluation = look(False)
        if evaluation.norms.keys() - graph.norms.keys():
            for _ in range(LOOKS):
                again = look(True)
                if again.norms.keys() != graph.norms.keys():
                    return max(evaluation, graph, again, key=lambda seen: len(seen.norms))
    except Exception:  # in evaluation it cannot be followed: it was in training
        return graph
    return graph


def where_and_why(error: Exception) -> str:
    """The user's own line at which the forward failed, and the reason, in one line: "net.py:12: 3 channels"."""
    reason = next(iter(str(error).splitlines()), "") or type(error).__name__
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_file()]
    here, torch_ = Path(__file__).parents[1], Path(torch.__file__).parent
    standard = Path(sysconfig.get_path("stdlib"))
    for foreign in (("site-packages", "dist-packages"), ("torchvision", "timm"), ()):
        for frame in reversed(frames):
            path = Path(frame.filename)
            of_python = standard in path.parents and "site-packages" not in path.parts
            if {here, torch_}.isdisjoint(path.parents) and not of_python and set(foreign).isdisjoint(path.parts):
                return f"{frame.filename}:{frame.lineno}: {reason}"
    return reason
