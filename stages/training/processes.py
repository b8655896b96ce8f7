"""One run on several processes: DistributedDataParallel averages their gradients. (`stages.running.launch` starts them.)

`train.batch_size` is the batch of all processes together, so the same run on one, two or eight GPUs means the same training: every
process takes its part of the batch that one process would have, and BatchNorm takes its statistics over the whole of it.
"""

import warnings
from dataclasses import dataclass

import torch
import torch.distributed as dist
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
