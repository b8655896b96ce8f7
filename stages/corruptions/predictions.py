"""What a finished run says of the test split when its pictures are spoiled."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from stages.corruptions.pictures import corrupt
from stages.corruptions.strengths import names
from stages.crops.store import Crops
from stages.results.corrupted import identity
from stages.results.inputs import BadInput
from stages.results.record import anew
from stages.training.batches import Batches
from stages.training.device import Device
from stages.training.evaluation import predict


class Spoiled(Batches):
    """A split whose pictures are spoiled as they are read, a batch at a time, all in the way that is named."""

    name = ""

    def by(self, name: str) -> "Spoiled":
        """The same pictures, spoiled in that way."""
        chosen = copy.copy(self)
        chosen.name = name
        return chosen

    def _fetch(self, *arguments, **options):
        for images, at, rows in super()._fetch(*arguments, **options):
            pictures = images[at].cpu().permute(0, 3, 1, 2)
            spoiled = corrupt(pictures, self.name, rows.tolist()).permute(0, 2, 3, 1)
            yield spoiled.to(self.device), torch.arange(len(rows), device=self.device), rows


def evaluate(
    network: nn.Module, run: Path, record: dict[str, Any], crops: Crops, device: Device
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (name, array) of what the stage `corrupt` writes of a run, whose last weights the network has.

    Raises BadInput where it makes of a picture what is no number.
    """
    test, kinds = Spoiled(crops["test"], crops.summary, device.device), names(crops.summary["channels"])
    predicted, losses = [], []
    for name in kinds:
        said = predict(network, test.by(name), device)
        if not (np.isfinite(said.loss) and np.isfinite(said.probabilities).all()):
            raise BadInput(f"{run / 'last.pt'}: the network says of test, {name}, what is no number; {anew(run)}")
        predicted.append(said.predicted)
        losses.append(said.loss)
    yield "of", identity(record)
    yield "corruptions", np.array(kinds)
    yield "predicted", np.stack(predicted).astype(np.min_scalar_type(len(crops.summary["classes"]) - 1))
    yield "loss", np.array(losses)
