"""What a device can do, and how long and how much a call takes on it."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models

from stages.training.device import Device


def peak_flops(device: Device) -> float:
    """The most operations a second (a multiply-add is two) that a large product reaches, in the device's precision."""
    size = 8192 if device.device.type == "cuda" else 2048
    a = torch.randn(size, size, device=device.device, dtype=device.precision)
    return 2 * size**3 / min(seconds(lambda: a @ a, device) for _ in range(8))


def seconds(call: Callable[[], object], device: Device) -> float:
    """How long the call takes, until the device has done it."""
    synchronise(device)
    started = time.perf_counter()
    call()
    synchronise(device)
    return time.perf_counter() - started


def synchronise(device: Device) -> None:
    """Wait until the device has done what was asked of it."""
    if device.device.type == "cuda":
        torch.cuda.synchronize(device.device)


def flops_per_image(network: str, classes: int, size: int, device: Device) -> float:
    """Of forward and backward, for the plain network."""
    network = models.get_model(network, weights=None, num_classes=classes).to(device.device)
    with FlopCounterMode(display=False) as counter:
        network(torch.zeros(2, 3, size, size, device=device.device)).sum().backward()
    return counter.get_total_flops() / 2


def peak_memory(device: Device) -> int:
    """The most bytes so far: allocated on a GPU; on a CPU resident in this process, without its workers."""
    if device.device.type == "cuda":
        return torch.cuda.max_memory_allocated(device.device)
    status = Path("/proc/self/status").read_text()  # getrusage would give the parent's peak where that is higher
    return 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])
