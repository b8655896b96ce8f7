"""The design of the study, and its run: which variants learn which points from which seeds, and how they are judged."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike
from tqdm import tqdm

from stages.two_circles import tables
from stages.two_circles.overfitting import at_looks, best_looks, roughness
from stages.two_circles.points import Points, draw_circles, split
from stages.two_circles.scoring import accuracy, cross_entropy, logits
from stages.two_circles.training import GROUP, Noise, Repetition, Schedule, Trained, train

if TYPE_CHECKING:
    from stages.params import Circles

CURVE_POINTS = 400  # of each variant's thinned curves: finer than the print
KEPT = 40  # of these, about: the looks at which a peak may lie, for which every model is kept (64 MB by default)
AXIS = np.linspace(-1.4, 1.4, 113, dtype=np.float32)  # of the grid that shows what the models decide


class Results(NamedTuple):
    """What the models became.

    runs: the table of all models, see `tables.runs`. trained: the models over "seeds" and over "draws", whose test
    curves have a point for each `interval` epochs, and which were kept at every `keep`-th of these points. shown: those
    of the first seeds, with test curves of every epoch.
    probability: float32 (variants, seeds, n, n), of class 1 at y and x in `AXIS`, as the models over seeds have it.
    """

    runs: pd.DataFrame
    trained: dict[str, Trained]
    shown: Trained
    interval: int
    keep: int
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
    keep = max(1, settings.epochs // interval // KEPT)
    trained, rows = {}, []
    for over, repeated in designed.items():
        trained[over] = _fit(settings, repeated, (interval, keep * interval), workers, f"over {over}")
        rows.append(tables.runs(over, list(noises), repeated, scores(trained[over], large, interval, keep, workers)))
    # A run is shown in every epoch. To train one group again is cheaper than to look at the test points of all that
    # often; the same group, and so the same bits.
    shown = _fit(settings, designed["seeds"][:GROUP], (1, None), workers, "one run")
    grid = np.stack(np.meshgrid(AXIS, AXIS), axis=-1).reshape(-1, 2)
    probability = logits(trained["seeds"].models, grid, workers).sigmoid()
    maps = probability.view(len(noises), -1, len(AXIS), len(AXIS)).numpy()
    return Results(pd.concat(rows, ignore_index=True), trained, shown, interval, keep, maps)


def scores(trained: Trained, large: Points, interval: int, keep: int, workers: int) -> dict[str, ArrayLike]:
    """{measure: value of each model}, in the end and at its peak, see `stages.circles`.

    trained: models kept at every `keep`-th look at their test points, of which there was one each `interval` epochs.
    large: points to judge on that found no peak.
    """
    labels = torch.from_numpy(large.y)
    answers = logits(trained.models, large.x, workers)
    found: dict[str, ArrayLike] = {
        "train_accuracy": trained.train_accuracy,
        "train_loss": trained.train_loss,
        "test_accuracy": trained.test_accuracy,
        "test_loss": trained.test_loss,
        "large_accuracy": accuracy(answers, labels),
        "large_loss": cross_entropy(answers, labels),
    }
    for measure, judge, sign in (("accuracy", accuracy, 1), ("loss", cross_entropy, -1)):
        curves = tables.kept_curves(trained, keep)[measure]
        looks = best_looks(sign * curves)
        answers = logits(at_looks(trained.kept, looks), large.x, workers)
        found |= {
            f"peak_{measure}_epoch": (looks + 1) * keep * interval,
            f"peak_{measure}": np.take_along_axis(curves, looks[..., None], axis=-1),
            f"peak_large_{measure}": judge(answers, labels),
        }
    return found | {
        "train_roughness": roughness(trained.train_curve),
        "test_roughness": roughness(trained.test_curve),
    }


def _fit(
    settings, repeated: Sequence[Repetition], intervals: tuple[int, int | None], workers: int, title: str
) -> Trained:
    schedule = Schedule(settings.epochs, settings.learning_rate, *intervals)
    noises, epochs = list(variants(settings).values()), len(repeated) * settings.epochs
    with tqdm(desc=f"circles, {title}", total=epochs, unit="epoch", disable=None) as bar:
        return train(repeated, noises, settings.hidden, schedule, workers, bar.update)


def _repetition(settings, seed: int, offset: int) -> Repetition:
    random_state = _random_state(settings, offset)
    points = draw_circles(settings.samples, settings.noise, random_state)
    return Repetition(seed, random_state, *split(points, settings.train))


def _random_state(settings, offset: int) -> int:
    return (settings.random_state + offset) % 2**32
