"""One run on several processes: torchrun starts them, DistributedDataParallel averages their gradients.

`train.batch_size` is the batch of all processes together, so the same run on one, two or eight GPUs means the same training: every
process takes its part of the batch that one process would have, and BatchNorm takes its statistics over the whole of it.
"""

import os
import subprocess
import sys
from dataclasses import dataclass

import torch
import torch.distributed as dist
import torch.distributed.nn.functional as differentiable
from torch import nn


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

    def wrap(self, network: nn.Module) -> nn.Module:
        """The network whose backward pass averages the gradients over all processes; parameters start as rank 0's."""
        if self.world == 1:
            return network
        # Every rank computes the same buffers from the same whole-batch statistics, the same steps and the same weights.
        return nn.parallel.DistributedDataParallel(network, broadcast_buffers=False)


def relaunch(processes: int) -> int | None:
    """Run this very command on so many processes of this machine and return their exit status; None where nothing is to be done.

    A process that torchrun started (several machines, a SLURM job) is never launched again.
    """
    if processes == 1 or "LOCAL_RANK" in os.environ:
        return None
    module = sys.modules["__main__"].__spec__.name
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", "-m", module, *sys.argv[1:]]
    # Without it torchrun sets one thread each and says so at length.
    threads = str(max(1, (os.cpu_count() or 1) // processes))
    return subprocess.run(command, env={"OMP_NUM_THREADS": threads, **os.environ}).returncode


def join() -> Processes:
    """Take the place that torchrun has given this process in its environment, or be the only one."""
    if "LOCAL_RANK" not in os.environ:
        return Processes()
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    return Processes(dist.get_rank(), dist.get_world_size())


def leave(processes: Processes):
    if processes.world > 1:
        dist.destroy_process_group()


def synchronise_batch_norm(network: nn.Module, device: torch.device) -> nn.Module:
    """BatchNorm over the whole batch of all processes, parameters and names as before."""
    if device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(network)
    for module in network.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = GatheredBatchNorm2d
    return network


class GatheredBatchNorm2d(nn.BatchNorm2d):
    """nn.SyncBatchNorm for processes on a CPU, which it does not serve: statistics are reduced by differentiable all-reduces."""

    def forward(self, x):
        if not self.training:
            return super().forward(x)
        wide = x.float()
        count = wide.numel() // wide.shape[1] * dist.get_world_size()
        mean = differentiable.all_reduce(wide.sum((0, 2, 3))) / count
        centred = wide - mean.view(1, -1, 1, 1)
        variance = differentiable.all_reduce((centred**2).sum((0, 2, 3))) / count
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        scale = self.weight * (variance + self.eps).rsqrt()
        return (centred * scale.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)).to(x.dtype)
