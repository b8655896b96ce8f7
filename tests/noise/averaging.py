"""The tools that average a network: every one has `module`, the average, and `update_parameters(network)`."""

import copy

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_avg_fn, get_ema_multi_avg_fn, get_swa_multi_avg_fn


class ByHand(nn.Module):
    """timm's ModelEmaV2, of which many scripts hold a copy; `foreach` writes in place as its V3 does."""

    def __init__(self, model, decay, foreach=False, device=None):
        super().__init__()
        self.module = copy.deepcopy(model).eval().to(device)
        self.decay, self.foreach = decay, foreach

    @torch.no_grad()
    def update_parameters(self, model):
        for average, value in zip(self.module.state_dict().values(), model.state_dict().values(), strict=True):
            if self.foreach and average.is_floating_point():
                average.lerp_(value, 1 - self.decay)
            else:
                average.copy_(self.decay * average + (1 - self.decay) * value)


class TensorByTensor(nn.Module):
    """The loop over parameters, and over buffers, that scripts write with `.data`."""

    def __init__(self, model, decay):
        super().__init__()
        self.module, self.decay = copy.deepcopy(model), decay

    def update_parameters(self, model):
        for average, value in zip(self.module.parameters(), model.parameters(), strict=True):
            average.data.mul_(self.decay).add_(value.data, alpha=1 - self.decay)
        for average, value in zip(self.module.buffers(), model.buffers(), strict=True):
            average.data.copy_(average.data * self.decay + value.data * (1 - self.decay))


def torchvision_ema(decay, device="cpu"):
    """`references/classification/utils.py`, ExponentialMovingAverage."""

    class ExponentialMovingAverage(AveragedModel):
        def __init__(self, model, decay, device):
            def ema_avg(average, value, count):
                return decay * average + (1 - decay) * value

            super().__init__(model, device, ema_avg, use_buffers=True)

    return lambda model: ExponentialMovingAverage(model, decay, device)


def timm(name, decay, **options):
    def make(model):
        average = getattr(pytest.importorskip("timm.utils"), name)(model, decay=decay, **options)
        average.update_parameters = average.update
        return average

    return make


def averages():
    def averaged(**options):
        return lambda model: AveragedModel(model, **options)

    yield "swa", averaged()
    yield "swa-multi", averaged(multi_avg_fn=get_swa_multi_avg_fn())
    yield (
        "swa-buffers",
        averaged(avg_fn=lambda average, value, count: average + (value - average) / (count + 1), use_buffers=True),
    )
    for decay in 0.9, 0.99, 0.9999:
        for buffers in False, True:
            yield f"ema-{decay}-{buffers}", averaged(avg_fn=get_ema_avg_fn(decay), use_buffers=buffers)
            yield (
                f"ema-multi-{decay}-{buffers}",
                averaged(multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=buffers),
            )
        yield f"torchvision-{decay}", torchvision_ema(decay)
        for options in {}, {"device": "cpu"}:
            yield f"timm-v2-{decay}-{options}", timm("ModelEmaV2", decay, **options)
            yield f"timm-v3-{decay}-{options}", timm("ModelEmaV3", decay, **options)
            yield f"by-hand-{decay}-{options}", lambda model, d=decay, o=options: ByHand(model, d, **o)
        for options in {"exclude_buffers": True}, {"foreach": False}, {"use_warmup": True}:
            yield f"timm-v3-{decay}-{options}", timm("ModelEmaV3", decay, **options)
        yield f"in-place-{decay}", lambda model, d=decay: ByHand(model, d, foreach=True)
        yield f"tensor-by-tensor-{decay}", lambda model, d=decay: TensorByTensor(model, d)


KINDS = dict(averages())
