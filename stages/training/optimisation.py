"""What moves the weights: the optimiser, weights of classes and images, the running average, the end of a run."""

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


def make_optimiser(network, options):
    """The optimiser of `train.optimizer`; every parameter decays, as torch's defaults and the paper have it (AutoReLU lives on it)."""
    rates = {"lr": options.learning_rate, "weight_decay": options.weight_decay, "fused": True}
    if options.optimizer == "sgd":
        return torch.optim.SGD(network.parameters(), momentum=options.momentum, **rates)
    return {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[options.optimizer](network.parameters(), **rates)


def balance(targets, classes, kind):
    """`(weights per class for the loss, weights per image for sampling)`, None where not asked for; both inverse to the class counts."""
    if kind == "none":
        return None, None
    labels = targets if targets.ndim == 1 else targets.argmax(1)
    counts = torch.bincount(labels.cpu(), minlength=classes).clamp(min=1)
    inverse = (len(labels) / (classes * counts)).float()
    return (inverse.to(targets.device), None) if kind == "weights" else (None, inverse[labels.cpu()])


def running_average(network, decay):
    """A running average of the network's parameters, with its buffers as they are (a flag has no average), or None."""
    if decay is None:
        return None
    return AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(decay))


def stops_early(progress, patience):
    """Whether the validation macro F1 has not risen for `patience` epochs."""
    return patience is not None and progress.epoch - progress.best_epoch >= patience
