"""What models are worth in the end and at their peak, and how unsteadily they learned."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike

from stages.two_circles.network import PARTS, Perceptrons
from stages.two_circles.points import Points
from stages.two_circles.scoring import accuracy, cross_entropy, logits
from stages.two_circles.training import Trained

BEST = {"accuracy": np.argmax, "loss": np.argmin}  # the first of the best


def curves(trained: Trained, keep: int, validation: Points, workers: int) -> dict[str, np.ndarray]:
    """test_accuracy, test_loss, val_accuracy, val_loss (models, kept), of models kept at every `keep`-th look.

    On their own test points, and on the validation points, the same for all.
    """
    own = (curve[..., keep - 1 :: keep] for curve in (trained.test_curve, trained.test_loss_curve))
    test_accuracy, test_loss = (curve.reshape(-1, curve.shape[-1]) for curve in own)
    answers, y = [logits(models, validation.x, workers) for models in trained.kept], torch.from_numpy(validation.y)
    val_accuracy, val_loss = (
        np.stack([judge(answer, y).numpy() for answer in answers], axis=1) for judge in (accuracy, cross_entropy)
    )
    return {"test_accuracy": test_accuracy, "test_loss": test_loss, "val_accuracy": val_accuracy, "val_loss": val_loss}


def scores(
    trained: Trained, curves: dict[str, np.ndarray], epochs: np.ndarray, large: Points, workers: int
) -> dict[str, ArrayLike]:
    """{measure: value of each model}, see `stages.circles`.

    curves: of `trained`, from the function of this name, at these epochs. A peak is found on the validation points and
    judged on others, so that a model that does not fall from it is not expected to seem to.
    """
    y = torch.from_numpy(large.y)
    answers = logits(trained.models, large.x, workers)
    found: dict[str, ArrayLike] = {
        "train_accuracy": trained.train_accuracy,
        "train_loss": trained.train_loss,
        "test_accuracy": trained.test_accuracy,
        "test_loss": trained.test_loss,
        "large_accuracy": accuracy(answers, y),
        "large_loss": cross_entropy(answers, y),
    }
    for measure, judge in (("accuracy", accuracy), ("loss", cross_entropy)):
        looks = BEST[measure](curves[f"val_{measure}"], axis=1)
        found |= {
            f"peak_{measure}_epoch": epochs[looks],
            f"peak_{measure}": curves[f"test_{measure}"][np.arange(len(looks)), looks],
            f"peak_large_{measure}": judge(logits(at_looks(trained.kept, looks), large.x, workers), y),
        }
    rough = {"train_roughness": roughness(trained.train_curve), "test_roughness": roughness(trained.test_curve)}
    return found | rough


def at_looks(kept: Sequence[Perceptrons], looks: Sequence[int] | np.ndarray) -> Perceptrons:
    """Each model as it was at a look of its own. kept: all models at every look. looks: one for each model."""
    models, _, hidden = kept[0].kernel.shape
    picked = Perceptrons(models, hidden)
    for name in PARTS:
        for model, look in enumerate(looks):
            getattr(picked, name)[model].copy_(getattr(kept[look], name)[model])
    return picked


def roughness(curves: np.ndarray) -> np.ndarray:
    """Standard deviation of the steps from one look to the next, of the last axis; 0 where there is no step."""
    steps = np.diff(curves, axis=-1)
    return steps.std(axis=-1) if steps.shape[-1] else np.zeros(curves.shape[:-1])
