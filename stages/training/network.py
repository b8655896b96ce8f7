"""The network of a run: an architecture by its name, from scratch, with a variant's modules attached."""

import copy
from collections.abc import Callable
from difflib import get_close_matches
from typing import TYPE_CHECKING, cast

import torch
from torch import nn
from torchvision import models

from stages.training.convolution import multiply_where_few
from stages.training.device import Device
from stages.training.normalisation import synchronise_batch_norm
from stages.training.processes import Processes
from stages.training.randomness import seed_for

if TYPE_CHECKING:
    from stages.params import Train

STEPS_THAT_REPAY_COMPILATION = 5000


def build(name: str, classes: int, stem: str = "imagenet") -> nn.Module:
    """The untrained architecture, taking images of shape (N, 3, H, W) and returning logits (N, classes).

    It is torchvision's of that name, or else timm's where timm is installed. Raises SystemExit where neither has one,
    or where it has no stem to make small.
    """
    names = models.list_models(module=models)
    if name in names:
        network = models.get_model(name, weights=None, num_classes=classes)
    else:
        network = _of_timm(name, classes, names)
    if stem == "small":
        convolution = getattr(network, "conv1", None)
        if not (isinstance(convolution, nn.Conv2d) and hasattr(network, "maxpool")):
            raise SystemExit(
                f"params.yaml: train.stem: 'small' is for ResNets, {name} has no such stem; choose imagenet"
            )
        network.conv1 = nn.Conv2d(3, convolution.out_channels, kernel_size=3, padding=1, bias=False)
        nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out", nonlinearity="relu")
        network.maxpool = nn.Identity()
    return network


def _of_timm(name, classes, others):
    try:
        import timm  # optional, and slow to import
    except ImportError:
        where, names = "torchvision has no classifier {!r} (timm, which may have it, is not installed)", others
    else:
        if timm.is_model(name):
            return timm.create_model(name, num_classes=classes)
        where, names = "neither torchvision nor timm has a classifier {!r}", others + timm.list_models()
    close = get_close_matches(name, names, n=3) or ["resnet18"]
    raise SystemExit(f"params.yaml: train.network: {where.format(name)}; did you mean {' or '.join(close)}?")


def prepare(
    attach: Callable[[nn.Module], list[str]],
    seed: int,
    options: "Train",
    classes: int,
    device: Device,
    processes: Processes,
) -> tuple[nn.Module, list[str]]:
    """The network of a run on its device, and the names of the sites that its variant touched.

    All variants of a seed share the initial weights: they are drawn before anything is attached, and attaching draws
    nothing. Raises SystemExit where the variant cannot be attached to `train.network`.
    """
    torch.manual_seed(seed_for(seed, "weights"))
    network = build(options.network, classes, options.stem)
    if processes.world > 1:
        network = synchronise_batch_norm(network, device.device)
    try:
        sites = attach(network)
    except ValueError as error:
        raise SystemExit(f"params.yaml: the variant cannot be attached to {options.network}: {error}") from None
    if gains_by_products(device):
        multiply_where_few(network)
    network = network.to(device.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network, sites


def gains_by_products(device: Device) -> bool:
    """Whether convolutions over few positions are faster as matrix products: in bfloat16 on a CPU.

    `python -m benchmarks.training` has a row without them.
    """
    return device.device.type == "cpu" and device.precision == torch.bfloat16


def compiles(wish: str, device: Device, steps: int) -> bool:
    """Whether a run of so many steps is compiled: where `machine.compile` asks for it, or on a GPU where it repays.

    By the steps of the whole run, not of what is left: a continued run computes as an uninterrupted one.
    """
    return wish == "on" or (wish == "auto" and device.device.type == "cuda" and steps >= STEPS_THAT_REPAY_COMPILATION)


def compiled(network: nn.Module, device: Device) -> nn.Module:
    """The network, compiled; on a GPU into CUDA graphs.

    At the paper's batch of 64 launching the kernels takes longer than running them.
    """
    mode = "reduce-overhead" if device.device.type == "cuda" else None
    return cast(nn.Module, torch.compile(network, mode=mode))


def must_take(network: nn.Module, name: str, size: int, classes: int) -> None:
    """Raises SystemExit where a step would fail over images of (3, size, size), or get no logits (N, classes)."""
    trial, device = copy.deepcopy(network).train(), next(network.parameters()).device
    try:
        with torch.random.fork_rng([device] if device.type == "cuda" else []), torch.no_grad():
            logits = trial(torch.zeros(2, 3, size, size, device=device))
    except (RuntimeError, AssertionError, ValueError) as error:
        raise SystemExit(
            f"params.yaml: train.network: {name} does not take images of {size} px ({str(error).splitlines()[0]})"
        ) from None
    if getattr(logits, "shape", None) != (2, classes):
        raise SystemExit(
            f"params.yaml: train.network: {name} gives {type(logits).__name__} and not logits alone; choose another one"
        )
