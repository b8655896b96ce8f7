"""Additive Gaussian noise with the meaning of `keras.layers.GaussianNoise`."""

import math
from collections import deque
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.optim import Optimizer

from noise import streams
from noise.attaching import attach
from noise.sites import Site


def gaussian_noise(x: Tensor, stddev: float, generator: torch.Generator | None = None) -> Tensor:
    """`x` plus zero-mean Gaussian noise of standard deviation `stddev`, drawn anew for each element.

    `x` is floating-point and of any shape, dtype, device and memory format; the result has all four. Without a
    `generator` (of x's device) the noise comes from the device's global one.
    Raises ValueError unless `stddev` is finite and >= 0.
    """
    return x + _checked(stddev) * torch.randn_like(x, generator=generator)


class GaussianNoise(nn.Module):
    """Adds zero-mean Gaussian noise while training and nothing in `eval()`, as Keras' layer of this name.

    Place it at the input, before or after an activation: `nn.Sequential(GaussianNoise(0.01), network)`.

    Args:
        stddev: standard deviation of the noise, in units of the input; 0 makes the layer an identity.
        seed: of a stream of the layer's own. None draws from the device's global generator, whose state is the training
            script's to save. The own stream's state is in `state_dict()` as `stream` (`noise.streams`), so that a
            resumed run draws what the uninterrupted one would have. A stream belongs to one type of device: moved from
            a CPU to a GPU, or loaded where its device is missing, it starts from the seed. Give each process of a
            distributed run its own seed. `torch.compile` breaks its graph at a layer with a stream of its own.

    Under activation checkpointing a forward pass that is repeated draws the same noise again.

    Raises ValueError unless `stddev` is finite and >= 0.
    """

    __jit_ignored_attributes__ = ("generator", "_drawn")
    quantity = "stddev"
    identity_in_evaluation = True

    def __init__(self, stddev: float, seed: int | None = None):
        super().__init__()
        self.stddev = _checked(stddev)
        self.seed = seed
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Starts the stream of its own from the seed."""
        self.generator = None if self.seed is None else torch.Generator().manual_seed(self.seed)
        self._drawn = Drawn()

    def forward(self, x: Tensor) -> Tensor:
        if torch.jit.is_scripting():
            if not self.training or self.stddev == 0:
                return x
            if self.seed is not None:
                raise RuntimeError("TorchScript knows no stream of its own: script a GaussianNoise without a seed")
            return x + self.stddev * torch.randn_like(x)
        else:  # for TorchScript, which leaves out no more than this branch
            return self._forward(x)

    def _forward(self, x: Tensor) -> Tensor:
        if isinstance(x, fx.Proxy) and (path := x.tracer.path_of_module(self)):  # type: ignore[attr-defined]
            # A leaf of any torch.fx trace: it goes on to draw from its stream, and to follow train() and eval().
            return x.tracer.create_proxy("call_module", path, (x,), {})
        if not self.training or self.stddev == 0:
            return x
        if self.generator is None:
            return gaussian_noise(x, self.stddev)
        if self.generator.device != x.device:
            self.generator = self._moved(self.generator, x.device)
        # Inside of a backward pass, a forward is the repetition that activation checkpointing makes.
        if torch._C._current_graph_task_id() == -1:
            self._drawn.note(x, self.generator)
            return gaussian_noise(x, self.stddev, self.generator)
        again = torch.Generator(x.device)
        again.set_state(self._drawn.state_for(x))
        return gaussian_noise(x, self.stddev, again)

    def in_force(self) -> Tensor:
        """The standard deviation of the next forward: `stddev` while training, 0 in evaluation; on the CPU."""
        return torch.tensor(self.stddev if self.training else 0.0, dtype=torch.float32)

    def _moved(self, generator: torch.Generator, device: torch.device) -> torch.Generator:
        stream = torch.Generator(device).manual_seed(self.seed or 0)
        if device.type == generator.device.type:
            stream.set_state(generator.get_state())
        return stream

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        if self.generator is not None:
            destination[prefix + "stream"] = streams.packed(self.generator)

    def _load_from_state_dict(
        self,
        state_dict: Any,
        prefix: str,
        metadata: Any,
        strict: bool,
        missing: list[str],
        unexpected: Any,
        errors: Any,
    ) -> None:
        key = prefix + "stream"
        if self.generator is not None:
            if key in state_dict:
                self.reset_parameters()
                self.generator = streams.unpacked(state_dict.pop(key), key) or self.generator
            elif strict:
                missing.append(key)
        super()._load_from_state_dict(state_dict, prefix, metadata, strict, missing, unexpected, errors)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_drawn": Drawn()}

    def extra_repr(self) -> str:
        return f"stddev={self.stddev}, seed={self.seed}"


class Drawn:
    """The latest calls of a layer: what came in, and where its stream stood."""

    def __init__(self) -> None:
        self.calls: deque[tuple[torch.Size, Tensor, Tensor]] = deque(maxlen=64)

    def note(self, x: Tensor, generator: torch.Generator) -> None:
        self.calls.append((x.shape, _fingerprint(x), generator.get_state()))

    def state_for(self, x: Tensor) -> Tensor:
        """The stream's state at the call with this input, which is then forgotten.

        Raises RuntimeError unless there is just one.
        """
        mark = _fingerprint(x)
        found = [call for call in self.calls if call[0] == x.shape and torch.equal(call[1].to(mark.device), mark)]
        if len(found) != 1:
            raise RuntimeError(
                f"GaussianNoise with a seed cannot draw the same noise again: {len(found)} of its calls had the input "
                "that this repeated forward pass (activation checkpointing) has; leave the seed out, or the layer "
                "outside of what is checkpointed"
            )
        self.calls = deque((call for call in self.calls if call is not found[0]), maxlen=self.calls.maxlen)
        return found[0][2]


def attach_gaussian(
    model: nn.Module,
    stddev: float,
    sites: str | Iterable[str] = "first",
    seed: int | None = None,
    *,
    example_input: Any = None,
    optimizer: Optimizer | Iterable[Optimizer] | None = None,
) -> list[str]:
    """Attaches a `GaussianNoise` at each of the `sites` (`noise.find_sites`) and returns their names.

    With a `seed`, each site has a stream of its own that follows from it. `example_input` and `optimizer` are as of
    `noise.attach`; noise has no parameter to put there. Raises ValueError as the two do.
    """
    seeds = None if seed is None else torch.Generator().manual_seed(seed)

    def make(site: Site) -> GaussianNoise:
        own = None if seeds is None else int(torch.randint(2**62, (), generator=seeds, device="cpu"))
        return GaussianNoise(stddev, own)

    return attach(model, make, sites, example_input=example_input, optimizer=optimizer)


def _checked(stddev: float) -> float:
    if not (math.isfinite(stddev) and stddev >= 0):
        raise ValueError(f"stddev must be finite and >= 0, got {stddev}")
    return stddev


def _fingerprint(x: Tensor) -> Tensor:
    """A number that tells inputs apart, of the same bits for the same input; on its device, as int32."""
    return x.detach().sum(dtype=torch.float32).view(torch.int32)
