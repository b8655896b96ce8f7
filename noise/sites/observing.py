"""A network's calls as one run on an example shows them, whatever the Python of its forward does."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import fields, is_dataclass
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode

from noise.sites.forward import looked_at, untouched, where_and_why
from noise.sites.graph import SHAPES, Graph, Join, Node, is_leaf, plain


def observed(model: nn.Module, example_input: Any) -> Graph:
    """The graph of one run without gradients: `model(x)`, or `model(*x)` of a tuple, or `model(**x)` of a dictionary.

    BatchNorms are in evaluation mode, so that a batch of one will do; the rest of the network is in training mode, in
    which noise is injected, or in evaluation mode where that fails (detectors ask for targets in training). Model,
    example and random states stay as they are.

    Raises ValueError, with the user's own line, where the network fails in both.
    """
    lazy = next((path for path, parameter in model.named_parameters() if is_lazy(parameter)), None)
    if lazy:
        raise ValueError(f"{lazy} is lazy and has no size yet: run the network on one batch first")

    def look(training: bool) -> Graph:
        _set_modes(model, training)
        return _Recorder(model).run(example_input)

    failures = []
    for seen in (lambda: looked_at(model, look), lambda: look(False)):
        try:
            # Inference tensors have no versions, which tell what is changed in place.
            with untouched(model, tensors_in(example_input)), torch.inference_mode(False), torch.no_grad():
                return seen()
        except Exception as error:
            failures.append(error)
    reason = where_and_why(failures[-1])
    if not any(True for _ in tensors_in(example_input)):
        reason += f"; it holds no tensor, but a {type(example_input).__name__}"
    raise ValueError(f"{type(model).__name__} does not run on the example_input ({reason})") from failures[-1]


def _set_modes(model: nn.Module, training: bool) -> None:
    # One by one: a `train` of the network's own may do anything, and freezes what is none of this run's business.
    for module in model.modules():
        module.training = training
    for module in model.modules():
        if isinstance(module, (_BatchNorm, Join)):
            for inner in module.modules():  # the methods attached to it, which draw and count in training
                inner.training = False


class _Recorder(TorchFunctionMode):
    """Notes each call of a leaf module, and each function outside of them, while the model runs.

    A tensor stands for the last call that gave it or changed it in place, through a view as well. Tensors of which
    nothing is known are constants: parameters, buffers, and what is made of them.
    """

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model
        self.paths = {id(module): path for path, module in model.named_modules()}
        self.leaves = {id(module) for module in model.modules() if module is not model and is_leaf(module)}
        self.calls: Counter[str] = Counter()
        self.callers: list[tuple[str, bool]] = []  # path, and whether it is a later call of it
        self.paused = False
        self.nodes: list[Node] = []
        # By id, and so kept alive with its base: the tensor, what it stands for, and its version at that time.
        self.values: dict[int, tuple[Tensor, Tensor | None, Node, int]] = {}
        self.written: dict[int, Node] = {}  # by the id of the base: what changed it last, through whichever view

    def run(self, example_input: Any) -> Graph:
        args, kwargs = _arguments(example_input)
        given = Node("input")
        self.nodes.append(given)
        for tensor in tensors_in(example_input):
            self._assign(tensor, given)
        call = nn.Module.__call__

        def entered(module: nn.Module, /, *args: Any, **kwargs: Any) -> Any:
            return self.enter(call, module, args, kwargs)

        call_script = torch.jit.ScriptFunction.__call__

        def scripted(function: Any, /, *args: Any, **kwargs: Any) -> Any:
            """As the Python that it was made from, which shows what it calls."""
            python = getattr(function, "_torchdynamo_inline", None)
            if python is not None:
                return python(*args, **kwargs)
            return self._note(
                plain(function.name), None, lambda: call_script(function, *args, **kwargs), (args, kwargs)
            )

        for module in self.model.modules():
            if isinstance(module, _BatchNorm):  # which may be called by this name; an attribute until `untouched` ends
                vars(module)["forward"] = self._entered_directly(module, module.forward)

        # Where anything is compiled, torch._dynamo has been imported, which takes seconds.
        eager = torch.compiler.set_stance("force_eager") if "torch._dynamo" in sys.modules else nullcontext()
        # As torch.fx does: no hooks, which would have to go between the user's own.
        patched = (
            patch.object(nn.Module, "__call__", entered),
            patch.object(torch.jit.ScriptFunction, "__call__", scripted),
        )
        with patched[0], patched[1], eager, self:
            result = self.model(*args, **kwargs)
        outputs = [self._node(tensor) for tensor in tensors_in(result)]
        return Graph(self.model, self.nodes, [node for node in outputs if node])

    def __torch_function__(self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        name = _name(func, args)
        if self.paused or name in SHAPES:
            return func(*args, **kwargs)
        return self._note(name, None, lambda: func(*args, **kwargs), (args, kwargs))

    def enter(self, call: Callable, module: nn.Module, args: tuple, kwargs: dict) -> Any:
        """Calls the module, and notes it as one call or what it calls in turn."""
        path = self.paths.get(id(module))
        if path is None or self.paused:  # one that is made in a forward is what its own forward does
            return call(module, *args, **kwargs)
        if id(module) in self.leaves:
            name = plain(type(module).__name__)
            self.paused = True
            try:
                return self._note(name, path, lambda: call(module, *args, **kwargs), (args, kwargs))
            finally:
                self.paused = False
        self.callers.append((path, self.calls[path] > 0))
        self.calls[path] += 1
        try:
            return call(module, *args, **kwargs)
        finally:
            self.callers.pop()

    def _entered_directly(self, module: nn.Module, forward: Callable) -> Callable:
        return lambda *args, **kwargs: self.enter(lambda _, *a, **k: forward(*a, **k), module, args, kwargs)

    def _note(self, name: str, path: str | None, call: Callable[[], Any], arguments: Any) -> Any:
        read = list(tensors_in(arguments))
        inputs = [node for node in map(self._node, read) if node]
        versions = [_version(tensor) for tensor in read]
        wholes = [self._node(_base(tensor)) for tensor in read]
        result = call()
        given = list(tensors_in(result))
        noted = zip(read, versions, wholes, strict=True)
        was = {id(tensor): whole for tensor, version, whole in noted if _version(tensor) != version}
        changed = [tensor for tensor in read if id(tensor) in was]
        is_call = inputs or (path is not None and isinstance(self.model.get_submodule(path), _BatchNorm))
        if is_call and (given or changed):
            owner, repeated = self.callers[-1] if self.callers else ("", False)
            shape = next((tensor.shape for tensor in (*given, *changed)), ())
            channels = shape[1] if len(shape) > 1 else 0
            node = Node(name, list(dict.fromkeys(inputs)), owner, path, repeated, channels, len(shape) > 1)
            self.nodes.append(node)
            for tensor in (*given, *changed):
                self._assign(tensor, node)
            for tensor in changed:
                base, whole = _base(tensor), was[id(tensor)]
                if whole and tensor.numel() < base.numel():  # the rest of it is what it was
                    self.nodes.append(Node("setitem", [whole, node], owner, None, repeated, whole.channels))
                self.written[id(base)] = self.nodes[-1]
        return result

    def _assign(self, tensor: Tensor, node: Node) -> None:
        self.values[id(tensor)] = tensor, tensor._base, node, _version(tensor)

    def _node(self, tensor: Tensor) -> Node | None:
        _, _, node, version = self.values.get(id(tensor), (None, None, None, None))
        if node is not None and version == _version(tensor):
            return node
        return self.written.get(id(_base(tensor)), node)


def tensors_in(value: Any, depth: int = 4) -> Iterator[Tensor]:
    """The tensors in containers, dataclasses and objects, some levels deep."""
    if isinstance(value, Tensor):
        yield value
        return
    inner: Any = ()
    if isinstance(value, Mapping):
        inner = value.values()
    elif isinstance(value, (list, tuple, set, frozenset)):
        inner = value
    elif is_dataclass(value) and not isinstance(value, type):
        inner = [getattr(value, field.name, None) for field in fields(value)]
    elif hasattr(value, "__dict__") and not callable(value):  # torchvision's ImageList
        inner = vars(value).values()
    if depth:
        for item in list(inner):
            yield from tensors_in(item, depth - 1)


def _arguments(example_input: Any) -> tuple[tuple, dict]:
    if isinstance(example_input, tuple):
        return example_input, {}
    if isinstance(example_input, Mapping):
        return (), dict(example_input)
    return (example_input,), {}


def _name(func: Callable, args: tuple) -> str:
    name = getattr(func, "__name__", type(func).__name__)
    if name in ("__get__", "__set__"):  # of a property
        name = getattr(getattr(func, "__self__", None), "__name__", name)
    # Of two tensors, not along a dimension.
    if name in ("max", "min") and len(args) > 1 and isinstance(args[1], Tensor):
        return f"{name}imum"
    return plain(name)


def _base(tensor: Tensor) -> Tensor:
    return tensor if tensor._base is None else tensor._base


def _version(tensor: Tensor) -> int:
    return 0 if tensor.is_inference() else tensor._version
