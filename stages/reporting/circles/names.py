"""What the circles study's variants and measures are called, in words and in figures, and their colours."""

from typing import NamedTuple


class Variant(NamedTuple):
    """In the middle of a sentence; above a panel; and a colour (Okabe and Ito's colour-blind safe set)."""

    words: str
    title: str
    color: str


VARIANTS = {
    "baseline": Variant("no noise", "No noise", "#000000"),
    "input": Variant("input noise", "Input noise", "#56B4E9"),
    "before": Variant("hidden noise before ReLU", "Hidden, before ReLU", "#CC79A7"),
    "after": Variant("hidden noise after ReLU", "Hidden, after ReLU", "#009E73"),
}
# The columns of runs.csv that the figures and tables tell apart; `stages.circles` describes them all.
MEASURES = {
    "train_accuracy": "accuracy, training points",
    "test_accuracy": "accuracy, own test points",
    "large_accuracy": "accuracy, large test set",
    "large_loss": "cross-entropy, large test set",
}
PEAKS = [f"peak_{points}{measure}" for measure in ("accuracy", "loss") for points in ("", "large_")]
SCORES = [*MEASURES, "train_loss", "test_loss", *PEAKS, "train_roughness", "test_roughness"]
