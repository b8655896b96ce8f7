"""The design of the study, and its run: which variants are trained, on which points, from which seeds, and how they are judged."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from stages.two_circles.points import draw_circles, split
from stages.two_circles.scoring import accuracy, cross_entropy, logits
from stages.two_circles.tables import runs
from stages.two_circles.training import GROUP, Noise, Repetition, Trained, train

CURVE_POINTS = 400  # of each variant's thinned curves: finer than the print
AXIS = np.linspace(-1.4, 1.4, 113, dtype=np.float32)  # of the grid that shows what the models decide


class Results(NamedTuple):
    """runs: the table of all models, see `tables.runs`. over_seeds: the models on the tutorial's points, whose test curves have
    a point for each `interval` epochs. shown: those of the first seeds, with test curves of every epoch.

    probability: float32 (variants, seeds, n, n), of class 1 at y and x in `AXIS`, as the models over seeds have it.
    """

    runs: pd.DataFrame
    over_seeds: Trained
    shown: Trained
    interval: int
    probability: np.ndarray


def variants(settings):
    """{name: Noise}: the tutorial's variants, with the parameters `circles`."""
    return {
        "baseline": Noise(),
        "input": Noise("input", settings.input_stddev),
        "before": Noise("before", settings.hidden_stddev),
        "after": Noise("after", settings.hidden_stddev),
    }


def repetitions(settings):
    """{over: [Repetition]}: over "seeds", all on the tutorial's points; over "draws", each on other points and from another seed.

    No seed is in both, so that one does not echo the other.
    """
    over_draws = range(settings.seeds, settings.seeds + settings.draws)
    return {
        "seeds": [_repetition(settings, seed, offset=0) for seed in range(settings.seeds)],
        "draws": [_repetition(settings, seed, offset) for offset, seed in enumerate(over_draws, start=1)],
    }


def large_test_set(settings):
    """`test_points` points that no repetition has."""
    return draw_circles(settings.test_points, settings.noise, _random_state(settings, -1))


def run(settings, workers):
    """Train and judge everything, `workers` threads at a time, with a bar of progress where there is a terminal."""
    named, interval = variants(settings), max(1, settings.epochs // CURVE_POINTS)
    kinds, large, trained, tables = repetitions(settings), large_test_set(settings), {}, []
    labels = torch.from_numpy(large.y)

    def fit(repetitions, test_interval, title):
        schedule = settings.hidden, settings.epochs, settings.learning_rate, test_interval
        with tqdm(
            desc=f"circles, {title}", total=len(repetitions) * settings.epochs, unit="epoch", disable=None
        ) as bar:
            return train(repetitions, list(named.values()), *schedule, workers, bar.update)

    for over, of in kinds.items():
        found = trained[over] = fit(of, interval, f"over {over}")
        answers = logits(found.models, large.x, workers)
        scores = {"large_accuracy": accuracy(answers, labels), "large_loss": cross_entropy(answers, labels)}
        tables.append(
            runs(
                over, list(named), of, train_accuracy=found.train_accuracy, test_accuracy=found.test_accuracy, **scores
            )
        )
    # A run is shown in every epoch. To train one group again is cheaper than to look at the test points of all that often;
    # the same group, and so the same bits.
    shown = fit(kinds["seeds"][:GROUP], 1, "one run")
    grid = np.stack(np.meshgrid(AXIS, AXIS), axis=-1).reshape(-1, 2)
    probability = (
        logits(trained["seeds"].models, grid, workers).sigmoid().view(len(named), -1, len(AXIS), len(AXIS)).numpy()
    )
    return Results(pd.concat(tables, ignore_index=True), trained["seeds"], shown, interval, probability)


def _repetition(settings, seed, offset):
    random_state = _random_state(settings, offset)
    return Repetition(
        seed, random_state, *split(draw_circles(settings.samples, settings.noise, random_state), settings.train)
    )


def _random_state(settings, offset):
    return (settings.random_state + offset) % 2**32
