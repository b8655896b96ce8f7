"""The numbers by which runs are compared. A new one is one entry of `MEASURES`: tables and metrics.json take it from there."""

from collections.abc import Callable
from typing import NamedTuple

from stages.reporting.runs import Run


class Measure(NamedTuple):
    """What Table 1 calls the number, how it is read off a run, and whether only its ratio to the baseline compares to the paper's."""

    title: str
    of: Callable[[Run], float]
    as_ratio: bool = False


MEASURES = {
    # The paper says neither the unit of its loss nor the epoch. Ours: mean cross-entropy per image in the last epoch, flipped or not.
    "train_loss": Measure("Train loss, last epoch", lambda run: run.curves["train_loss"].iloc[-1], as_ratio=True),
    "val_macro_f1_max": Measure(
        "Validation macro F1, maximum over epochs", lambda run: run.curves["val_macro_f1"].max()
    ),
    "val_macro_f1_last": Measure("Validation macro F1, last epoch", lambda run: run.curves["val_macro_f1"].iloc[-1]),
    "test_macro_f1": Measure("Test macro F1", lambda run: run.test["macro_f1"]),
    "test_accuracy": Measure("Test accuracy", lambda run: run.test["accuracy"]),
}


def by_seed(runs, measure: str) -> dict[int, float]:
    """`{seed: value}` of one variant's runs."""
    return {seed: float(MEASURES[measure].of(run)) for seed, run in runs.items()}
