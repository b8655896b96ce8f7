"""The numbers by which runs are compared. A new one is one entry of `MEASURES`, from which Table 1 takes it."""

from collections.abc import Mapping
from typing import NamedTuple

from stages.reporting.runs import Run


class Measure(NamedTuple):
    """What Table 1 calls the number, and which rows of measures.csv hold it.

    as_ratio: the paper's has another unit, so that only its ratio to the baseline compares.
    """

    title: str
    weights: str
    split: str
    measure: str
    as_ratio: bool = False


MEASURES = {
    # The paper says neither the unit of its loss nor the epoch. Ours: mean cross-entropy per image in the last epoch.
    "train_loss": Measure("Train loss, last epoch", "last", "train", "loss", as_ratio=True),
    "val_macro_f1_max": Measure("Validation macro F1, maximum over epochs", "best", "val", "macro_f1"),
    "val_macro_f1_last": Measure("Validation macro F1, last epoch", "last", "val", "macro_f1"),
    "test_macro_f1_last": Measure("Test macro F1, last epoch", "last", "test", "macro_f1"),
    "test_macro_f1_best": Measure("Test macro F1, best epoch", "best", "test", "macro_f1"),
    "test_accuracy_last": Measure("Test accuracy, last epoch", "last", "test", "accuracy"),
    "test_accuracy_best": Measure("Test accuracy, best epoch", "best", "test", "accuracy"),
    "test_balanced_accuracy_last": Measure("Test balanced accuracy, last epoch", "last", "test", "balanced_accuracy"),
    # What both sources are about, and no score shows: overfitting.
    "train_eval_loss": Measure("Train loss in evaluation mode, last epoch", "last", "train", "eval_loss"),
    "test_loss_last": Measure("Test loss, last epoch", "last", "test", "loss"),
    "test_loss_best": Measure("Test loss, best epoch", "best", "test", "loss"),
    "gap": Measure("Generalisation gap of the loss, last epoch", "last", "test", "gap"),
    "peak_to_last": Measure("Validation macro F1, drop from peak to last epoch", "last", "val", "peak_to_last"),
    "test_brier_last": Measure("Test Brier score, last epoch", "last", "test", "brier"),
    "test_ece_last": Measure("Test calibration error, last epoch", "last", "test", "ece"),
}
PRIMARY = "test_macro_f1_last"  # on data, and at an epoch, that chose nothing
PAPERS = "val_macro_f1_max"  # the paper's score
LOSS = "train_loss"
OVERFITTING = ("test_loss_last", "gap")


def by_seed(runs: Mapping[int, Run], measure: str) -> dict[int, float]:
    """`{seed: value}` of one variant's runs. Raises BadInput where a run has no such value."""
    _, weights, split, name, _ = MEASURES[measure]
    return {seed: run.value(weights, split, name) for seed, run in runs.items()}
