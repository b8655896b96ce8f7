"""The training of one run, to read from top to bottom. It knows no files: what is done with an epoch is its caller's.

training = Training(run)
training.load_state_dict(state)          # to continue
for row in training.epochs():            # trains an epoch, and gives its row of curves.csv
    ...                                  # training.state_dict() is the checkpoint after it
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from noise.schedule import set_step
from stages.crops.store import Crops
from stages.stratified import stratified
from stages.training.batches import Batches
from stages.training.device import Device
from stages.training.evaluation import ALONE, predict
from stages.training.in_force import InForce
from stages.training.network import compiled, prepare
from stages.training.optimisation import make_average, make_optimiser
from stages.training.processes import Processes
from stages.training.randomness import seed_for
from stages.training.schedule import factor
from stages.training.task import Classification

if TYPE_CHECKING:
    from stages.params import Train


# Mean cross-entropy per image over an epoch. Guessing costs ln(classes), below 10, and a network that has lost its way
# some hundreds; here a float32 logit's neighbour is 0.001 away, a bfloat16 one's 64, and nothing comes back from that.
# Validation may show more for a while: BatchNorm's running averages lag behind (`stages.running.health` warns).
HIGHEST_LOSS = 1e4


class Diverged(Exception):
    """The loss is no longer a number, or none that means anything: going on would only cost time."""


@dataclass(frozen=True)
class Run:
    """All that decides the bits of a run, beside this code.

    attach: puts the variant's modules into a network and returns the names of the sites.
    ready: what the variant does with the network and its optimiser before the first step.
    unit: what a step of the schedules is, "epoch" or (optimiser) "step".
    """

    attach: Callable[[nn.Module], list[str]]
    unit: str
    options: "Train"
    seed: int
    crops: Crops
    device: Device
    compile: bool = False
    processes: Processes = ALONE
    ready: Callable[[nn.Module, torch.optim.Optimizer], None] = lambda network, optimiser: None

    @property
    def classes(self) -> list[str]:
        """The names of the classes, in label order."""
        return self.crops.summary["classes"]


@dataclass
class Progress:
    """Where a run stands after an epoch; with the network and the optimiser it is all that a checkpoint holds."""

    epoch: int = 0
    curves: list[dict] = field(default_factory=list)
    best_score: float = -math.inf
    best_epoch: int = 0
    seconds: float = 0.0  # of training, interruptions left out
    best: dict | None = None


class Training:
    """One run. `progress`, `in_force` and `evaluated` (the network, or its running average) are its result."""

    def __init__(self, run: Run):
        self.run, self.options = run, run.options
        device = run.device.device
        self.network, self.sites = prepare(
            run.attach, run.seed, run.options, len(run.classes), run.device, run.processes
        )
        train, val, watched = run.crops["train"], run.crops["val"], self.options.watched
        own = stratified(train.labels, self.options.images, seed_for(run.seed, "images"))
        self.train = Batches(train, run.crops.summary, device, soft=True).part(own)
        # What is watched does not depend on the seed where the split does not: of val, every run sees the same.
        self.watched = self.train.part(own[stratified(train.labels[own], watched.train, 0)])
        self.val = Batches(val, run.crops.summary, device).part(stratified(val.labels, watched.val, 0))
        balance, smoothing = self.options.class_balance, self.options.label_smoothing
        self.task = Classification(len(run.classes), self.train.targets, balance, smoothing)
        self.optimiser = make_optimiser(self.network, self.options)
        run.ready(self.network, self.optimiser)
        self.average = make_average(self.network, self.options.ema) if self.options.ema else None
        self.evaluated = self.average.module if self.average else self.network
        self.steps_per_epoch = self.train.size // self.options.batch_size
        self.progress, self.in_force = Progress(), InForce(self.network, self.steps_per_epoch)

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole run."""
        return self.options.epochs * self.steps_per_epoch

    def epochs(self) -> Iterator[dict]:
        """Train to the end, from where the run stands. Raises Diverged where the loss is not finite, or absurd."""
        self.model = self.run.processes.wrap(
            compiled(self.network, self.run.device) if self.run.compile else self.network
        )
        started = time.monotonic() - self.progress.seconds
        while self.progress.epoch < self.options.epochs and not self._stops_early():
            epoch = self.progress.epoch + 1
            row = self._train(epoch) | self._validate(epoch)
            self.progress.epoch = epoch
            self.progress.curves.append(row)
            self.progress.seconds = time.monotonic() - started
            yield row

    def _train(self, epoch):
        options, processes, unit = self.options, self.run.processes, self.run.unit
        # Each process drops out for its own images: one mask for all would tie them to each other.
        purpose = "dropout" if processes.first else f"dropout of rank {processes.rank}"
        torch.manual_seed(seed_for(self.run.seed, purpose, epoch))
        if unit == "epoch":
            set_step(self.network, epoch)
        before = [parameter.detach().clone() for parameter in self.network.parameters()]
        self.network.train()
        total_loss = torch.zeros((), device=self.run.device.device)
        first_loss = torch.zeros_like(total_loss)  # of the run, before any weight has moved
        order = self.train.order(self.run.seed, epoch, self.task.image_weights, options.order)
        ranks = processes.rank, processes.world
        batches = self.train.train(order, options.batch_size, options.augment, self.run.seed, epoch, *ranks)
        for index, (images, targets) in enumerate(batches):
            step = (epoch - 1) * self.steps_per_epoch + index + 1
            rate = self._set_rate(step)
            if unit == "step":
                set_step(self.network, step)
            self.optimiser.zero_grad()
            with self.run.device.autocast():
                logits = self.model(images)
            loss = self.task.loss(logits, targets, processes)
            self.in_force.observe(index)
            loss.backward()
            self.optimiser.step()
            if self.average:
                self.average.update_parameters(self.network)
            total_loss += loss.detach()
            if step == 1:
                first_loss = loss.detach()

        loss = sum(processes.gather(total_loss.item())) / processes.world / self.steps_per_epoch
        if not loss <= HIGHEST_LOSS:  # NaN is not
            from_the_start = not all(each <= HIGHEST_LOSS for each in processes.gather(first_loss.item()))
            raise Diverged(self._lost("training", loss, epoch, from_the_start))
        return {
            "epoch": epoch,
            "step": step,
            "lr": rate,
            "train_loss": loss,
            "update": _moved(before, self.network),
            "flipped": self.in_force.close_epoch(epoch),
        }

    def _set_rate(self, step):
        options = self.options
        shape = options.schedule, options.warmup, options.period
        rate = options.learning_rate * factor(step, self.steps, self.steps_per_epoch, *shape)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        return rate

    def _validate(self, epoch):
        fitted = predict(self.evaluated, self.watched, self.run.device, self.run.processes).loss
        said = predict(self.evaluated, self.val, self.run.device, self.run.processes)
        if not math.isfinite(said.loss):
            raise Diverged(self._lost("validation", said.loss, epoch))
        columns, score = self.task.validate(said.actual, said.predicted, said.loss)
        if score > self.progress.best_score:
            self.progress.best_score, self.progress.best_epoch = score, epoch
            self.progress.best = weights(self.evaluated)
        return {"train_eval_loss": fitted} | columns

    def _lost(self, split, loss, epoch, from_the_start=False):
        cure = f"lower train.learning_rate (now {self.options.learning_rate:g})"
        if from_the_start:
            cure = "so it is before any weight has moved: look at the variant's own parameters, or choose another "
            cure += "train.network"
        return f"the {split} loss is {loss:.4g} in epoch {epoch}: {cure}"

    def _stops_early(self):
        patience = self.options.early_stopping
        return patience is not None and self.progress.epoch - self.progress.best_epoch >= patience

    def _parts(self):
        yield from (("network", self.network), ("optimiser", self.optimiser), ("in_force", self.in_force))
        if self.average:
            yield "average", self.average

    def state_dict(self) -> dict:
        """All that a checkpoint holds."""
        return {name: part.state_dict() for name, part in self._parts()} | {"progress": vars(self.progress)}

    def load_state_dict(self, state: dict) -> None:
        """Take up where the run with this state stood."""
        for name, part in self._parts():
            part.load_state_dict(state[name])
        self.progress = Progress(**state["progress"])


def _moved(before: list[Tensor], network: nn.Module) -> float:
    """The norm of what has been added to all weights since, over their norm before."""
    change = [now.detach() - then for now, then in zip(network.parameters(), before)]
    return float(nn.utils.get_total_norm(change) / nn.utils.get_total_norm(before))


def weights(network: nn.Module) -> dict[str, torch.Tensor]:
    """A copy of the network's state on the CPU."""
    return {name: value.cpu().clone() for name, value in network.state_dict().items()}
