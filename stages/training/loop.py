"""The training loop, to read from top to bottom: one checkpoint an epoch, no synchronisation with the device inside an epoch."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

import noise
from stages.params import Params
from stages.running.checkpoints import Checkpoints
from stages.training.batches import Batches
from stages.training.device import Device
from stages.training.evaluation import predict
from stages.training.optimisation import RunningAverage, balance, cross_entropy, make_optimiser, stops_early
from stages.training.processes import Processes
from stages.training.randomness import seed_for
from stages.training.schedule import factor
from stages.training.score import scores
from stages.training.signs import SignRecord

STEPS_THAT_REPAY_COMPILATION = 5000


class Diverged(Exception):
    """The loss is no longer a number: going on would only cost time."""


@dataclass
class Progress:
    """Where a run stands after an epoch; with the network and the optimiser it is all that a checkpoint holds."""

    epoch: int = 0
    curves: list[dict] = field(default_factory=list)
    best_f1: float = -math.inf
    best_epoch: int = 0
    seconds: float = 0.0  # of training, interruptions left out
    best: dict | None = None


class Training:
    """One run: `for row in Training(...).epochs()` trains it and gives the row of curves.csv of every epoch.

    A run with a checkpoint continues from it, and gives the rows of the epochs done before once more. `progress`, `signs` and
    `evaluated` (the network, or its running average where `train.ema` asks for one) are the run's result.
    """

    def __init__(
        self,
        network: nn.Module,
        train: Batches,
        val: Batches,
        params: Params,
        seed: int,
        device: Device,
        classes: list[str],
        checkpoints: Checkpoints,
        processes: Processes = Processes(),
        log=print,
    ):
        self.network, self.train, self.val, self.classes = network, train, val, classes
        self.params, self.options, self.seed = params, params.train, seed
        self.device, self.processes, self.checkpoints, self.log = device, processes, checkpoints, log
        self.steps_per_epoch = train.size // self.options.batch_size
        self.optimiser = make_optimiser(network, self.options)
        weights, self.image_weights = balance(train.targets, len(classes), self.options.class_balance)
        self.class_weights = None if weights is None else weights.to(device.device)
        self.average = RunningAverage(network, self.options.ema) if self.options.ema else None
        self.evaluated = self.average.module if self.average else network
        self.progress, self.signs = Progress(), SignRecord(network, self.steps_per_epoch)

    def epochs(self) -> Iterator[dict]:
        """Train to the end. Raises Diverged where the loss is not finite, OSError where a checkpoint cannot be written."""
        self._continue()
        yield from self.progress.curves
        saved = time.monotonic()
        started = saved - self.progress.seconds
        while self.progress.epoch < self.options.epochs and not stops_early(self.progress, self.options.early_stopping):
            epoch = self.progress.epoch + 1
            row = self._train(epoch) | self._validate(epoch)
            self.progress.epoch = epoch
            self.progress.curves.append(row)
            self.progress.seconds = time.monotonic() - started
            if (
                self.processes.first
                and time.monotonic() - saved >= self.options.checkpoint_seconds
                and epoch < self.options.epochs
            ):
                self.checkpoints.save(
                    {name: part.state_dict() for name, part in self._parts()} | {"progress": vars(self.progress)}
                )
                saved = time.monotonic()
            yield row

    def _train(self, epoch):
        options, unit = self.options, self.params.periodic.unit
        # Each process drops out for its own images: one mask for all would tie them to each other.
        purpose = "dropout" if self.processes.first else f"dropout of rank {self.processes.rank}"
        torch.manual_seed(seed_for(self.seed, purpose, epoch))
        if unit == "epoch":
            noise.set_step(self.network, epoch)
        self.network.train()
        total_loss = torch.zeros((), device=self.device.device)
        order = self.train.order(self.seed, epoch, self.image_weights)
        ranks = self.processes.rank, self.processes.world
        for index, (images, targets) in enumerate(
            self.train.train(order, options.batch_size, options.augment, self.seed, epoch, *ranks)
        ):
            step = (epoch - 1) * self.steps_per_epoch + index + 1
            rate = options.learning_rate * factor(
                step, self.steps, self.steps_per_epoch, options.schedule, options.warmup
            )
            for group in self.optimiser.param_groups:
                group["lr"] = rate
            if unit == "step":
                noise.set_step(self.network, step)
            self.optimiser.zero_grad()
            with self.device.autocast():
                logits = self.model(images)
            loss = cross_entropy(logits, targets, self.class_weights, options.label_smoothing, self.processes)
            self.signs.observe(index)
            loss.backward()
            self.optimiser.step()
            if self.average:
                self.average.update(self.network)
            total_loss += loss.detach()

        loss = sum(self.processes.gather(total_loss.item())) / self.processes.world / self.steps_per_epoch
        if not math.isfinite(loss):
            raise Diverged(
                f"the training loss is {loss} in epoch {epoch}: lower train.learning_rate (now {options.learning_rate:g})"
            )
        return {"epoch": epoch, "step": step, "lr": rate, "train_loss": loss, "flipped": self.signs.close_epoch(epoch)}

    def _validate(self, epoch):
        actual, predicted, _, loss = predict(self.evaluated, self.val, self.device, self.processes)
        scored = scores(actual, predicted, self.classes)
        if scored["macro_f1"] > self.progress.best_f1:
            self.progress.best_f1, self.progress.best_epoch = scored["macro_f1"], epoch
            self.progress.best = {name: tensor.cpu().clone() for name, tensor in self.evaluated.state_dict().items()}
        return {
            "val_loss": loss,
            "val_macro_f1": scored["macro_f1"],
            "val_accuracy": scored["accuracy"],
            "predicted_classes": len(np.unique(predicted)),
        }

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole run."""
        return self.options.epochs * self.steps_per_epoch

    def _parts(self):
        yield from (("network", self.network), ("optimiser", self.optimiser), ("signs", self.signs))
        if self.average:
            yield "average", self.average

    def _continue(self):
        # The first process's checkpoint, for all: on several machines each has a disk of its own.
        if state := self.processes.agree(self.checkpoints.load(self.log) if self.processes.first else None):
            for name, part in self._parts():
                part.load_state_dict(state[name])
            self.progress = Progress(**state["progress"])
            self.log(f"continuing after epoch {self.progress.epoch} of {self.options.epochs}")
        # By the steps of the whole run, not of what is left: a continued run computes as an uninterrupted one.
        self.model = self.processes.wrap(compiled(self.network, self.options.compile, self.device, self.steps))


def compiled(network, wish, device, steps):
    """The network, compiled where that is asked for, or on a GPU where the run is long enough to repay the compilation."""
    if wish == "on" or (wish == "auto" and device.device.type == "cuda" and steps >= STEPS_THAT_REPAY_COMPILATION):
        # A machine without a compiler still trains: "auto" then says so and goes on without.
        torch._dynamo.config.suppress_errors = wish == "auto"
        # CUDA graphs: at the paper's batch of 64 launching the kernels takes longer than running them.
        return torch.compile(network, mode="reduce-overhead" if device.device.type == "cuda" else None)
    return network
