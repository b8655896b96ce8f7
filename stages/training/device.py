"""Where a run computes and in which number format."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

import torch

TRAINS = ("cpu", "cuda")


@dataclass(frozen=True)
class Device:
    """A device with the precision of its products; parameters and BatchNorm statistics are float32 everywhere."""

    device: torch.device
    precision: torch.dtype

    @property
    def hardware(self) -> str:
        """The model of the GPU, or of the processor with the instructions that its kernels are chosen by."""
        if self.device.type == "cuda":
            return torch.cuda.get_device_name(self.device)
        return f"{_processor()} ({', '.join(_instructions())})"

    @property
    def threads(self) -> int | None:
        """The threads that share an operation on a CPU: they decide the last digits, as the hardware does."""
        return None if self.device.type == "cuda" else torch.get_num_threads()

    def autocast(self) -> torch.autocast:
        """The context of forward passes."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.precision == torch.bfloat16)


def choose(device: str = "auto", precision: str = "auto", deterministic: bool = True) -> Device:
    """The device and precision of a run, as `machine.device` and `train.precision` name them.

    bfloat16 is chosen where the hardware multiplies it: GPUs since Ampere, CPUs with AMX or AVX512-BF16.
    Raises SystemExit where the device is not there, or is none that trains.
    """
    # "cuda" without a number is the one that torchrun gave to this process.
    name = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    try:
        chosen = torch.device(name)
        # meta computes nothing; of the others (mps, xpu) no one has seen that a run repeats itself.
        reason = "" if chosen.type in TRAINS else f"training is for {' and '.join(TRAINS)}"
        torch.empty(0, device="cpu" if reason else chosen)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
    if reason:
        wrong = f"params.yaml: machine.device: {device!r} cannot be used here ({reason})"
        raise SystemExit(f"{wrong}; auto and cpu always can")
    if precision == "auto":
        precision = "bfloat16" if _multiplies_bfloat16(chosen) else "float32"
    if deterministic:
        # cuBLAS reads it when its handle is made; without it, it may pick another algorithm in every run.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(deterministic)
    # It is there to make a program that reads memory before writing it repeat itself; nothing here does, and it costs a
    # seventh of a step.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = not deterministic
    return Device(chosen, getattr(torch, precision))


def _multiplies_bfloat16(device):
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()


def _processor():
    try:
        model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    except OSError:
        model = None
    return model[1] if model else "CPU"


def _instructions():
    yield torch.backends.cpu.get_cpu_capability()
    if torch.cpu._is_avx512_bf16_supported():
        yield "AVX512-BF16"
    if torch.cpu._is_amx_tile_supported():
        yield "AMX"
