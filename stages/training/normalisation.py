"""BatchNorm over the batch of all processes of a run."""

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def synchronise_batch_norm(network: nn.Module, device: torch.device) -> nn.Module:
    """BatchNorm over the whole batch of all processes, parameters and names as before.

    Raises SystemExit for another kind of BatchNorm (timm's with an activation inside), which would stay, or become,
    another function.
    """
    kinds = {type(module) for module in network.modules() if isinstance(module, _BatchNorm)} - {nn.BatchNorm2d}
    if kinds:
        names = " and ".join(sorted(kind.__name__ for kind in kinds))
        raise SystemExit(
            f"params.yaml: train.processes: {names} cannot be shared by processes; choose 1, or another train.network"
        )
    if device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(network)
    for module in network.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = GatheredBatchNorm2d
    return network


class GatheredBatchNorm2d(nn.BatchNorm2d):
    """nn.SyncBatchNorm for processes on a CPU, which it does not serve.

    Statistics are reduced by all-reduces with a gradient.
    """

    # As in every nn.BatchNorm2d that tracks its statistics with a momentum, which is all that there is here.
    running_mean: torch.Tensor
    running_var: torch.Tensor
    num_batches_tracked: torch.Tensor
    momentum: float

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return super().forward(x)
        wide = x.float()
        count = wide.numel() // wide.shape[1] * dist.get_world_size()
        mean = _Sum.apply(wide.sum((0, 2, 3))) / count
        centred = wide - mean.view(1, -1, 1, 1)
        variance = _Sum.apply((centred**2).sum((0, 2, 3))) / count
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        scale = self.weight * (variance + self.eps).rsqrt()
        return (centred * scale.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)).to(x.dtype)


class _Sum(torch.autograd.Function):
    """The sum of a tensor over all processes; every process's loss depends on it, so the gradient is summed as well."""

    @staticmethod
    def forward(ctx, x):
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx, gradient):
        total = gradient.clone()
        dist.all_reduce(total)
        return total
