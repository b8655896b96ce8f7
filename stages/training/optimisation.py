"""What moves the weights: the optimiser, weights of classes and images, the running average, the end of a run."""

import copy

import torch
import torch.nn.functional as F


def make_optimiser(network, options):
    """The optimiser of `train.optimizer`; every parameter decays, as torch's defaults and the paper have it (AutoReLU lives on it)."""
    rates = {"lr": options.learning_rate, "weight_decay": options.weight_decay, "fused": True}
    if options.optimizer == "sgd":
        return torch.optim.SGD(network.parameters(), momentum=options.momentum, **rates)
    return {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[options.optimizer](network.parameters(), **rates)


def balance(targets, classes, kind):
    """`(weights per class for the loss, weights per image for sampling)`, None where not asked for; both inverse to the class counts.

    Targets are int64 (N,), or float (N, classes): then a class counts with its shares.
    """
    if kind == "none":
        return None, None
    targets = targets.cpu()
    counts = torch.bincount(targets, minlength=classes).float() if targets.ndim == 1 else targets.sum(0)
    inverse = len(targets) / (classes * counts.clamp(min=1))
    return (inverse, None) if kind == "weights" else (None, _of_images(inverse, targets))


def cross_entropy(logits, targets, class_weights, label_smoothing, processes):
    """The mean cross-entropy of a batch, in float32; with class weights their weighted mean, over the batch of all processes.

    (Of torch's own weighted mean each process would divide by its own weights, and soft targets by no weights at all.)
    """
    if class_weights is None:
        return F.cross_entropy(logits.float(), targets, label_smoothing=label_smoothing)
    total = F.cross_entropy(
        logits.float(), targets, weight=class_weights, label_smoothing=label_smoothing, reduction="sum"
    )
    return total / processes.mean(_of_images(class_weights, targets).sum())


def _of_images(class_weights, targets):
    return class_weights[targets] if targets.ndim == 1 else targets @ class_weights


class RunningAverage:
    """A running average of a network's parameters, with its buffers as they are (a flag has no average).

    torch.optim.swa_utils.AveragedModel with an exponential average, but that it never waits for the device.
    """

    def __init__(self, network, decay: float):
        self.module, self.decay, self.started = copy.deepcopy(network).requires_grad_(False), decay, False

    @torch.no_grad()
    def update(self, network):
        """Take in the network after an optimiser's step; the first is the start of the average."""
        ours, theirs = list(self.module.parameters()), list(network.parameters())
        if self.started:
            torch._foreach_lerp_(ours, theirs, 1 - self.decay)
        else:
            torch._foreach_copy_(ours, theirs)
        for own, other in zip(self.module.buffers(), network.buffers(), strict=True):
            own.copy_(other)
        self.started = True

    def state_dict(self):
        return {"module": self.module.state_dict(), "started": self.started}

    def load_state_dict(self, state):
        self.module.load_state_dict(state["module"])
        self.started = state["started"]


def stops_early(progress, patience):
    """Whether the validation macro F1 has not risen for `patience` epochs."""
    return patience is not None and progress.epoch - progress.best_epoch >= patience
