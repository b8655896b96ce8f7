"""What the study leaves behind, as tables."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from stages.two_circles.points import Points
from stages.two_circles.training import Repetition, Trained


def points(train: Points, test: Points) -> pd.DataFrame:
    """x, y, label, split: the tutorial's points in their order."""
    parts = [
        pd.DataFrame({"x": part.x[:, 0], "y": part.x[:, 1], "label": part.y.astype(int), "split": name})
        for name, part in (("train", train), ("test", test))
    ]
    return pd.concat(parts, ignore_index=True)


def single_run(variants: Sequence[str], trained: Trained) -> pd.DataFrame:
    """epoch, then <variant>_train and <variant>_test: accuracies of the first repetition in every epoch.

    trained: models of which the test points were looked at in every epoch.
    """
    columns = {"epoch": np.arange(1, trained.train_curve.shape[2] + 1)}
    for index, variant in enumerate(variants):
        columns |= {f"{variant}_train": trained.train_curve[index, 0], f"{variant}_test": trained.test_curve[index, 0]}
    return pd.DataFrame(columns)


def curves(variants: Sequence[str], trained: Trained, interval: int) -> pd.DataFrame:
    """variant, epoch, then of each split's accuracy <split>_mean, <split>_low, <split>_high, every `interval` epochs.

    low and high are the 10 % and 90 % quantiles over repetitions. trained: models of which the test points were looked
    at that often.
    """
    tables = []
    for index, variant in enumerate(variants):
        columns = {"variant": variant, "epoch": np.arange(interval, trained.train_curve.shape[2] + 1, interval)}
        thinned = {"train": trained.train_curve[index, :, interval - 1 :: interval], "test": trained.test_curve[index]}
        for split, curve in thinned.items():
            low, high = np.quantile(curve, [0.1, 0.9], axis=0)
            columns |= {f"{split}_mean": curve.mean(axis=0), f"{split}_low": low, f"{split}_high": high}
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def runs(
    over: str, variants: Sequence[str], repetitions: Sequence[Repetition], measures: Mapping[str, ArrayLike]
) -> pd.DataFrame:
    """One row for each model: over, variant, seed, random_state (of its points), and the measures.

    measures: {name: array (variants, repetitions), or of as many numbers in that order}.
    """
    seeds, states = zip(*((repetition.seed, repetition.random_state) for repetition in repetitions))
    columns = {"over": over, "variant": np.repeat(variants, len(seeds))}
    columns |= {"seed": seeds * len(variants), "random_state": states * len(variants)}
    return pd.DataFrame(columns | {name: np.asarray(values).reshape(-1) for name, values in measures.items()})
