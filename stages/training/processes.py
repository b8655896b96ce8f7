"""One run on several processes: torchrun starts them, DistributedDataParallel averages their gradients.

`train.batch_size` is the batch of all processes together, so the same run on one, two or eight GPUs means the same training: every
process takes its part of the batch that one process would have, and BatchNorm takes its statistics over the whole of it.
"""

import ctypes
import logging
import os
import signal
import sys
import uuid
import warnings
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn

PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>


@dataclass(frozen=True)
class Processes:
    """This process among its equals; rank 0 is the one that writes."""

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        return self.rank == 0

    def agree(self, value):
        """Rank 0's value, on every rank."""
        if self.world == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values)
        return values[0]

    def gather(self, value) -> list:
        """The values of all ranks in their order, on every rank."""
        if self.world == 1:
            return [value]
        values = [None] * self.world
        dist.all_gather_object(values, value)
        return values

    def mean(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor's mean over all ranks, on every rank; it carries no gradient."""
        if self.world == 1:
            return tensor
        total = tensor.detach().clone()
        dist.all_reduce(total)
        return total / self.world

    def wrap(self, network: nn.Module) -> nn.Module:
        """The network whose backward pass averages the gradients over all processes; parameters start as rank 0's."""
        if self.world == 1:
            return network
        # Every rank computes the same buffers from the same whole-batch statistics, the same steps and the same weights.
        warnings.filterwarnings(
            "ignore", "`broadcast_buffers` is deprecated", FutureWarning
        )  # for a name that torch 2.11 does not have
        return nn.parallel.DistributedDataParallel(network, broadcast_buffers=False)


def launch(processes: int, device: str) -> bool:
    """Run this very command on so many processes of this machine to their end; False where nothing is to be launched.

    A process that torchrun started (several machines, a SLURM job) is never launched again. Being interrupted ends all of them.
    Raises SystemExit where they cannot be launched, and, without a word, where one of them ended in an error: that one has said why.
    """
    if processes == 1 or "LOCAL_RANK" in os.environ:
        return False
    if ":" in device:
        raise SystemExit(
            f"params.yaml: train.device: {device!r} is one device, for {processes} processes; choose auto, cuda or cpu"
        )
    gpus = torch.cuda.device_count()
    if _on_gpus(device) and processes > gpus:
        raise SystemExit(f"params.yaml: train.processes: {processes} are more than the {gpus} GPUs of this machine")
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    # Without it torchrun sets one thread each and says so at length.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // processes)))
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    config = LaunchConfig(
        min_nodes=1, max_nodes=1, nproc_per_node=processes, run_id=str(uuid.uuid4()), rdzv_backend="c10d", rdzv_endpoint="localhost:0",
        max_restarts=0, monitor_interval=0.2,
    )  # fmt: skip
    try:
        elastic_launch(config, sys.executable)("-m", sys.modules["__main__"].__spec__.name, *sys.argv[1:])
    except ChildFailedError:
        raise SystemExit(1) from None
    except SignalException:
        raise KeyboardInterrupt from None
    return True


def join(device: str) -> Processes:
    """Take the place that torchrun has given this process in its environment, or be the only one."""
    if "LOCAL_RANK" not in os.environ:
        return Processes()
    if sys.platform == "linux":
        # After a kill -9 of the launcher, which could tell nobody, its processes end as if interrupted.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if _on_gpus(device):
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if _on_gpus(device) else "gloo")
    return Processes(dist.get_rank(), dist.get_world_size())


def _on_gpus(device):
    return device != "cpu" and torch.cuda.is_available()


def leave(processes: Processes):
    if processes.world > 1:
        dist.destroy_process_group()
