"""One run on several processes: DistributedDataParallel averages gradients. (`stages.running.launch` starts them.)

`train.batch_size` is the batch of all processes together, so the same run on one, two or eight GPUs means the same
training: every process takes its part of the batch that one process would have, and BatchNorm takes its statistics
over the whole of it.
"""

import warnings
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import nn

T = TypeVar("T")


@dataclass(frozen=True)
class Processes:
    """This process among its equals; rank 0 is the one that writes."""

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and speaks for all."""
        return self.rank == 0

    def agree(self, value: T) -> T:
        """Rank 0's value, on every rank."""
        if self.world == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values)
        return values[0]

    def gather(self, value: T) -> list[T]:
        """The values of all ranks in their order, on every rank."""
        if self.world == 1:
            return [value]
        values: list[T] = [value] * self.world  # overwritten by those of the ranks
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
        # Every rank computes the same buffers from the same whole-batch statistics, steps and weights. (The warning is
        # about a name that torch 2.11 does not have.)
        warnings.filterwarnings("ignore", "`broadcast_buffers` is deprecated", FutureWarning)
        return nn.parallel.DistributedDataParallel(network, broadcast_buffers=False)
