"""The design of the study, and its run: which variants learn which points from which seeds, and how they are judged."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike
from tqdm import tqdm

from stages.two_circles import tables
from stages.two_circles.points import Points, draw_circles, split
from stages.two_circles.scoring import accuracy, cross_entropy, logits
from stages.two_circles.training import GROUP, Noise, Repetition, Schedule, Trained, train

if TYPE_CHECKING:
    from stages.params import Circles

CURVE_POINTS = 400  # of each variant's thinned curves: finer than the print
AXIS = np.linspace(-1.4, 1.4, 113, dtype=np.float32)  # of the grid that shows what the models decide


class Results(NamedTuple):
    """What the models became.

    runs: the table of all models, see `tables.runs`. over_seeds: the models on the tutorial's points, whose test curves
    have a point for each `interval` epochs. shown: those of the first seeds, with test curves of every epoch.
    probability: float32 (variants, seeds, n, n), of class 1 at y and x in `AXIS`, as the models over seeds have it.
    """

    runs: pd.DataFrame
    over_seeds: Trained
    shown: Trained
    interval: int
    probability: np.ndarray


def variants(settings: "Circles") -> dict[str, Noise]:
    """{name: Noise}: the tutorial's variants, with the parameters `circles`."""
    return {
        "baseline": Noise(),
        "input": Noise("input", settings.input_stddev),
        "before": Noise("before", settings.hidden_stddev),
        "after": Noise("after", settings.hidden_stddev),
    }


def repetitions(settings: "Circles") -> dict[str, list[Repetition]]:
    """Over "seeds", all on the tutorial's points; over "draws", each on other points and from another seed.

    No seed is in both, so that one does not echo the other.
    """
    over_draws = range(settings.seeds, settings.seeds + settings.draws)
    return {
        "seeds": [_repetition(settings, seed, offset=0) for seed in range(settings.seeds)],
        "draws": [_repetition(settings, seed, offset) for offset, seed in enumerate(over_draws, start=1)],
    }


def large_test_set(settings: "Circles") -> Points:
    """`test_points` points that no repetition has."""
    return draw_circles(settings.test_points, settings.noise, _random_state(settings, -1))


def run(settings: "Circles", workers: int) -> Results:
    """Train and judge everything, `workers` threads at a time, with a bar of progress where there is a terminal."""
    noises, designed, large = variants(settings), repetitions(settings), large_test_set(settings)
    interval = max(1, settings.epochs // CURVE_POINTS)
    labels, trained, rows = torch.from_numpy(large.y), {}, []
    for over, repeated in designed.items():
        models = trained[over] = _fit(settings, repeated, interval, workers, f"over {over}")
        answers = logits(models.models, large.x, workers)
        scores: dict[str, ArrayLike] = {
            "train_accuracy": models.train_accuracy,
            "test_accuracy": models.test_accuracy,
            "large_accuracy": accuracy(answers, labels),
            "large_loss": cross_entropy(answers, labels),
        }
        rows.append(tables.runs(over, list(noises), repeated, scores))
    # A run is shown in every epoch. To train one group again is cheaper than to look at the test points of all that
    # often; the same group, and so the same bits.
    shown = _fit(settings, designed["seeds"][:GROUP], 1, workers, "one run")
    grid = np.stack(np.meshgrid(AXIS, AXIS), axis=-1).reshape(-1, 2)
    probability = logits(trained["seeds"].models, grid, workers).sigmoid()
    maps = probability.view(len(noises), -1, len(AXIS), len(AXIS)).numpy()
    return Results(pd.concat(rows, ignore_index=True), trained["seeds"], shown, interval, maps)


def _fit(settings, repeated: Sequence[Repetition], test_interval: int, workers: int, title: str) -> Trained:
    schedule = Schedule(settings.epochs, settings.learning_rate, test_interval)
    noises, epochs = list(variants(settings).values()), len(repeated) * settings.epochs
    with tqdm(desc=f"circles, {title}", total=epochs, unit="epoch", disable=None) as bar:
        return train(repeated, noises, settings.hidden, schedule, workers, bar.update)


def _repetition(settings, seed: int, offset: int) -> Repetition:
    random_state = _random_state(settings, offset)
    points = draw_circles(settings.samples, settings.noise, random_state)
    return Repetition(seed, random_state, *split(points, settings.train))


def _random_state(settings, offset: int) -> int:
    return (settings.random_state + offset) % 2**32
