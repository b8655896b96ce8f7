"""Additive Gaussian noise with the meaning of `keras.layers.GaussianNoise`."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

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
            script's to save. The own stream's state is part of `state_dict()`, so that a resumed run draws what the
            uninterrupted one would have. A stream belongs to one type of device: moved from a CPU to a GPU, or loaded
            where its device is missing, it starts from the seed. Give each process of a distributed run its own seed.
            `torch.compile` breaks its graph at a layer with a stream of its own.

    Raises ValueError unless `stddev` is finite and >= 0.
    """

    def __init__(self, stddev: float, seed: int | None = None):
        super().__init__()
        self.stddev = _checked(stddev)
        self.seed = seed
        self.generator = None if seed is None else torch.Generator().manual_seed(seed)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.stddev == 0:
            return x
        if self.generator is not None and self.generator.device != x.device:
            self.generator = self._moved(self.generator, x.device)
        return gaussian_noise(x, self.stddev, self.generator)

    def _moved(self, generator: torch.Generator, device: torch.device) -> torch.Generator:
        stream = torch.Generator(device).manual_seed(self.seed or 0)
        if device.type == generator.device.type:
            stream.set_state(generator.get_state())
        return stream

    def get_extra_state(self) -> dict | None:
        if self.generator is None:
            return None
        return {"device": self.generator.device.type, "state": self.generator.get_state()}

    def set_extra_state(self, state: dict | None) -> None:
        if state is None or self.generator is None:
            return
        if state["device"] == "cpu" or torch.get_device_module(state["device"]).is_available():
            self.generator = torch.Generator(state["device"])
            self.generator.set_state(state["state"].cpu())  # torch.load(map_location=...) may have moved it

    def extra_repr(self) -> str:
        return f"stddev={self.stddev}, seed={self.seed}"


def attach_gaussian(
    model: nn.Module, stddev: float, sites: str | Iterable[str] = "first", seed: int | None = None
) -> list[str]:
    """Attaches a `GaussianNoise` at each of the `sites` (`noise.find_sites`) and returns their names.

    With a `seed`, each site has a stream of its own that follows from it. Raises ValueError as the two do.
    """
    seeds = None if seed is None else torch.Generator().manual_seed(seed)

    def make(site: Site) -> GaussianNoise:
        own = None if seeds is None else int(torch.randint(2**62, (), generator=seeds, device="cpu"))
        return GaussianNoise(stddev, own)

    return attach(model, make, sites)


def _checked(stddev: float) -> float:
    if not (math.isfinite(stddev) and stddev >= 0):
        raise ValueError(f"stddev must be finite and >= 0, got {stddev}")
    return stddev
