"""What moves the weights: the optimiser, and the running average of what it made of them."""

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

if TYPE_CHECKING:
    from stages.params import Train


def make_optimiser(network: nn.Module, options: "Train") -> torch.optim.Optimizer:
    """The optimiser of `train.optimizer`; every parameter decays, as by torch's defaults (AutoReLU lives on it)."""
    rates: dict[str, Any] = {"lr": options.learning_rate, "weight_decay": options.weight_decay, "fused": True}
    if options.optimizer == "sgd":
        return torch.optim.SGD(network.parameters(), momentum=options.momentum, **rates)
    return {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[options.optimizer](network.parameters(), **rates)


def make_average(network: nn.Module, decay: float) -> AveragedModel:
    """The exponential running average of a network's parameters; its buffers stay as they are: a flag has none."""
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(decay))
    return average.requires_grad_(False)
