"""What is learned: the loss that training lowers, and the score by which validation chooses an epoch."""

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from stages.training.processes import Processes
from stages.training.score import macro_f1


class Validation(NamedTuple):
    """The columns that an epoch's validation adds to curves.csv, and the score that the best epoch has most of."""

    columns: dict[str, float]
    score: float


class Classification:
    """Classes from images: cross-entropy, chosen by macro F1.

    `classes` is their number; targets are int64 (N,), or float (N, classes) where they are shares. `balance` is "none",
    "weights" (of the classes in the loss) or "sampling" (of the images), both inverse to the class counts of `targets`.
    """

    def __init__(self, classes: int, targets: Tensor, balance: str = "none", label_smoothing: float = 0.0):
        self.classes, self.label_smoothing = classes, label_smoothing
        self.class_weights: Tensor | None = None
        self.image_weights: Tensor | None = None
        if balance == "none":
            return
        inverse = _inverse_counts(targets.cpu(), classes)
        if balance == "weights":
            self.class_weights = inverse.to(targets.device)
        else:
            self.image_weights = _of_images(inverse, targets.cpu())

    def loss(self, logits: Tensor, targets: Tensor, processes: Processes) -> Tensor:
        """The mean cross-entropy of a batch, in float32; with class weights their weighted mean over all processes.

        (Of torch's own weighted mean each process would divide by its own weights, and soft targets by none at all.)
        """
        logits = logits.float()
        if self.class_weights is None:
            return F.cross_entropy(logits, targets, label_smoothing=self.label_smoothing)
        weight, smoothing = self.class_weights, self.label_smoothing
        total = F.cross_entropy(logits, targets, weight=weight, label_smoothing=smoothing, reduction="sum")
        return total / processes.mean(_of_images(weight, targets).sum())

    def validate(self, actual: np.ndarray, predicted: np.ndarray, loss: float) -> Validation:
        """Of true and predicted classes (N,) and the mean loss of the validation split."""
        score = macro_f1(actual, predicted, self.classes)
        columns = {
            "val_loss": loss,
            "val_macro_f1": score,
            "val_accuracy": float(np.mean(actual == predicted)),
            "predicted_classes": len(np.unique(predicted)),
        }
        return Validation(columns, score)


def _inverse_counts(targets, classes):
    """Per class, the inverse of its share of the images times the number of classes; soft targets count with shares."""
    counts = torch.bincount(targets, minlength=classes).float() if targets.ndim == 1 else targets.sum(0)
    return len(targets) / (classes * counts.clamp(min=1))


def _of_images(class_weights, targets):
    return class_weights[targets] if targets.ndim == 1 else targets @ class_weights
