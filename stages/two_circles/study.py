"""The design of the study, and its run: which variants learn which points from which seeds, and how they are judged."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from tqdm import tqdm

from stages.two_circles import judging, tables
from stages.two_circles.points import Points, draw_circles, split
from stages.two_circles.scoring import logits
from stages.two_circles.training import GROUP, Noise, Repetition, Schedule, Trained, train

if TYPE_CHECKING:
    from stages.params import Circles

CURVE_POINTS = 400  # of each variant's thinned curves: finer than the print
KEPT = 40  # of these, about: the looks at which a peak may lie, for which every model is kept (64 MB by default)
VALIDATION_POINTS = 2000  # that find the peaks
AXIS = np.linspace(-1.4, 1.4, 113, dtype=np.float32)  # of the grid that shows what the models decide


class Results(NamedTuple):
    """What the models became.

    runs: the table of all models, see `tables.runs`. curves: `judging.curves` of all of them, and their `epoch`
    (kept,). over_seeds: the models on the tutorial's points, whose test curves have a point for each `interval` epochs.
    shown: those of the first seeds, with test curves of every epoch.
    probability: float32 (variants, seeds, n, n), of class 1 at y and x in `AXIS`, as the models over seeds have it.
    """

    runs: pd.DataFrame
    curves: dict[str, np.ndarray]
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


def validation_set(settings: "Circles") -> Points:
    """Points that nothing else has, to find the epoch of every model's peak on."""
    return draw_circles(VALIDATION_POINTS, settings.noise, _random_state(settings, -2))


def run(settings: "Circles", workers: int) -> Results:
    """Train and judge everything, `workers` threads at a time, with a bar of progress where there is a terminal."""
    noises, designed = variants(settings), repetitions(settings)
    large, validation = large_test_set(settings), validation_set(settings)
    interval = max(1, settings.epochs // CURVE_POINTS)
    looks = settings.epochs // interval
    keep = max(1, looks // KEPT)
    epochs = np.arange(keep, looks + 1, keep) * interval
    trained, rows, curves = {}, [], []
    for over, repeated in designed.items():
        models = trained[over] = _fit(settings, repeated, (interval, keep * interval), workers, f"over {over}")
        curves.append(judging.curves(models, keep, validation, workers))
        scores = judging.scores(models, curves[-1], epochs, large, workers)
        rows.append(tables.runs(over, list(noises), repeated, scores))
    every = {name: np.concatenate([part[name] for part in curves]) for name in curves[0]}
    # A run is shown in every epoch. To train one group again is cheaper than to look at the test points of all that
    # often; the same group, and so the same bits.
    shown = _fit(settings, designed["seeds"][:GROUP], (1, None), workers, "one run")
    grid = np.stack(np.meshgrid(AXIS, AXIS), axis=-1).reshape(-1, 2)
    probability = logits(trained["seeds"].models, grid, workers).sigmoid()
    maps = probability.view(len(noises), -1, len(AXIS), len(AXIS)).numpy()
    runs = pd.concat(rows, ignore_index=True)
    return Results(runs, {"epoch": epochs} | every, trained["seeds"], shown, interval, maps)


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
