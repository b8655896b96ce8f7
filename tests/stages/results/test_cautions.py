"""What is said of runs before their last scores are believed."""

import pandas as pd
import pytest

from stages.results.cautions import cautions, idle
from stages.results.tables import Results


def results_with(turned, trends=(0.0, 0.0), epochs=8):
    """Two runs of as many epochs, with turns in some of them, and their mean trends of macro F1 and loss."""
    names = ["periodic/0", "periodic/1"]
    measures = [
        (run, "last", "val", measure, value + shift)
        for run, shift in zip(names, (-0.01, 0.01))
        for measure, value in zip(("macro_f1_trend", "loss_trend", "loss"), (*trends, 1.0))
    ]
    return Results(
        runs=pd.DataFrame({"run": names, "signed": [8, 8], "first_turn": pd.array([5, None], "Int64")}),
        measures=pd.DataFrame(measures, columns=["run", "weights", "split", "measure", "value"]),
        curves=pd.DataFrame({"run": [name for name in names for _ in range(epochs)]}),
        turns=pd.DataFrame(),
        events=pd.DataFrame({"run": [names[0]] * len(turned), "epoch": turned}),
        predictions=None,
    ), names


@pytest.mark.parametrize(
    ("turned", "trends", "words"),
    [
        ([], (0.019, -0.049), []),
        ([], (0.021, 0.0), ["still moves"]),
        ([], (0.0, -0.051), ["still moves"]),
        ([3, 6], (0.0, 0.0), []),
        ([3, 7], (0.0, 0.0), ["turned signs in its last quarter"]),
        ([8], (0.03, 0.0), ["still moves", "turned signs in its last quarter"]),
    ],
)
def test_runs_that_were_cut_too_early_are_named(turned, trends, words):
    assert list(cautions(*results_with(turned, trends))) == words


def test_a_run_that_flips_nothing_is_idle():
    results, names = results_with([])
    assert [idle(results, run) for run in names] == [False, True]
