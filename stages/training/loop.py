"""The training loop: one function to read from top to bottom, one checkpoint an epoch, no synchronisation inside an epoch."""

import copy
import math
import time
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F

import noise
from stages.params import Params
from stages.scoring.metrics import scores
from stages.training.batches import Batches
from stages.training.device import Device
from stages.training.randomness import seed_for
from stages.training.schedule import factor
from stages.training.signs import SignRecord

EVALUATION_BATCH = 256


class Diverged(Exception):
    """The loss is no longer a number: going on would only cost time."""


@dataclass
class Progress:
    """Where a run stands after an epoch; with the network and the optimiser it is all that a checkpoint holds."""

    epoch: int = 0
    curves: list[dict] = field(default_factory=list)
    best_f1: float = -math.inf
    best_epoch: int = 0
    best: dict | None = None


def fit(network, train: Batches, val: Batches, params: Params, seed: int, device: Device, classes, *, checkpoints, on_epoch, log):
    """Train the network; returns its Progress and SignRecord.

    `on_epoch(row, signs)` is called after every epoch with its row of curves.csv. Raises Diverged where the loss is not finite.
    """
    options = params.train
    steps_per_epoch = train.size // options.batch_size
    steps = options.epochs * steps_per_epoch
    optimiser = make_optimiser(network, options)
    loss_weights, sample_weights = balance(train.targets, len(classes), options.class_balance)
    averaged = ema_of(network, options.ema)
    progress, signs = Progress(), SignRecord(network, steps_per_epoch)
    parts = {"network": network, "optimiser": optimiser, "signs": signs} | ({"averaged": averaged} if averaged else {})
    if state := checkpoints.load(log):
        for name, part in parts.items():
            part.load_state_dict(state[name])
        progress = Progress(**state["progress"])
        log(f"continuing after epoch {progress.epoch} of {options.epochs}")
    saved = time.monotonic()

    while progress.epoch < options.epochs and not stops_early(progress, options.early_stopping):
        epoch = progress.epoch + 1
        torch.manual_seed(seed_for(seed, "dropout", epoch))
        if params.periodic.unit == "epoch":
            noise.set_step(network, epoch)
        network.train()
        total_loss = torch.zeros((), device=device.device)
        order = train.order(seed, epoch, sample_weights)
        for index, (images, targets) in enumerate(train.train(order, options.batch_size, options.augment, seed, epoch)):
            step = (epoch - 1) * steps_per_epoch + index + 1
            rate = options.learning_rate * factor(step, steps, steps_per_epoch, options.schedule, options.warmup)
            for group in optimiser.param_groups:
                group["lr"] = rate
            if params.periodic.unit == "step":
                noise.set_step(network, step)
            with device.autocast():
                logits = network(images)
            loss = F.cross_entropy(logits.float(), targets, weight=loss_weights, label_smoothing=options.label_smoothing)
            signs.observe(index)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            if averaged:
                averaged.update_parameters(network)
            total_loss += loss.detach()

        train_loss = total_loss.item() / steps_per_epoch
        if not math.isfinite(train_loss):
            raise Diverged(f"the training loss is {train_loss} in epoch {epoch}: lower train.learning_rate (now {options.learning_rate:g})")
        evaluated = averaged.module if averaged else network
        actual, predicted, _, val_loss = predict(evaluated, val, device)
        scored = scores(actual, predicted, classes)
        row = {
            "epoch": epoch,
            "step": step,
            "lr": rate,
            "train_loss": train_loss,
            "val_loss": val_loss,
            "val_macro_f1": scored["macro_f1"],
            "val_accuracy": scored["accuracy"],
            "flipped": signs.close_epoch(epoch, steps_per_epoch),
            "predicted_classes": len(np.unique(predicted)),
        }
        progress.epoch = epoch
        progress.curves.append(row)
        if scored["macro_f1"] > progress.best_f1:
            progress.best_f1, progress.best_epoch = scored["macro_f1"], epoch
            progress.best = copy.deepcopy({name: tensor.cpu() for name, tensor in evaluated.state_dict().items()})
        on_epoch(row, signs)
        if time.monotonic() - saved >= options.checkpoint_seconds and epoch < options.epochs:
            states = {name: part.state_dict() for name, part in parts.items()}
            checkpoints.save(states | {"progress": vars(progress)})
            saved = time.monotonic()
    return progress, signs, averaged.module if averaged else network


@torch.inference_mode()
def predict(network, batches: Batches, device: Device):
    """`(actual, predicted, confidence, loss)` of a split in its own order: NumPy arrays (N,), and the mean cross-entropy per image.

    The network is in evaluation mode; the sign in force stays as it is: it belongs to the network's state.
    """
    network.eval()
    actual, predicted, confidence = [], [], []
    loss = torch.zeros((), device=device.device)
    for images, targets in batches.plain(EVALUATION_BATCH):
        with device.autocast():
            logits = network(images)
        logits = logits.float()
        loss += F.cross_entropy(logits, targets, reduction="sum")
        top = logits.softmax(1).max(1)
        actual.append(targets if targets.ndim == 1 else targets.argmax(1))
        predicted.append(top.indices)
        confidence.append(top.values)
    columns = (torch.cat(column).cpu().numpy() for column in (actual, predicted, confidence))
    return *columns, loss.item() / batches.size


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


def ema_of(network, decay):
    """A running average of the network, or None."""
    if decay is None:
        return None
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    return AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)


def stops_early(progress, patience):
    """Whether the validation macro F1 has not risen for `patience` epochs."""
    return patience is not None and progress.epoch - progress.best_epoch >= patience
