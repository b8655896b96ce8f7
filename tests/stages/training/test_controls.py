"""The controls, trained: what of a run they change, and that they change nothing else."""

import pytest

from stages.training.schedule import rates
from stages.variants import load
from tests.stages.training.small import PARAMS, params, trained

pytestmark = pytest.mark.usefixtures("small_network")


@pytest.mark.parametrize(
    ("unit", "turns", "share"), [("epoch", None, 1.0), ("epoch", [2, 4], 0.5), ("step", [3, 4, 9], 1.0)]
)
def test_negate_is_periodic_to_the_bit(crops_folder, unit, turns, share):
    """The flip is one rewriting of the weights at each turn: in every number that a run writes, cell by cell."""
    options = params(interval=2, unit=unit)
    options = options.model_copy(
        update={"periodic": options.periodic.model_copy(update={"turns": turns, "share": share})}
    )
    flip, of_flip = trained(crops_folder, "periodic", options=options)
    negate, of_negate = trained(crops_folder, "negate", options=options)
    if unit == "step":  # the norm of a weight's change over a turn is not that of its change without the turn
        for row in (*of_flip, *of_negate):
            del row["update"]
    assert of_negate == of_flip
    assert negate.in_force.rows == flip.in_force.rows and flip.in_force.turns >= 2


@pytest.mark.parametrize(
    ("variant", "train"),
    [
        ("restart", {"schedule": "restarts", "period": 2}),
        ("reordered", {"order": 1}),
        ("smoothed", {"label_smoothing": 0.1}),
        ("augmented", {"augment": PARAMS.train.augment.model_copy(update={"shift": 4, "rotate": 10.0})}),
    ],
)
def test_a_control_of_the_training_is_the_baseline_with_one_option(crops_folder, variant, train):
    _, found = trained(crops_folder, variant, options=params(interval=2))
    assert found == trained(crops_folder, "baseline", options=params(**train))[1]
    plain = trained(crops_folder, "baseline", options=params())[1]
    assert [row["val_loss"] for row in found] != [row["val_loss"] for row in plain]


def signs(training, site):
    return [(epoch, value) for name, _, _, epoch, value in training.in_force.rows if name == site]


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        ("periodic", [(1, 1), (2, -1), (4, 1), (6, -1)]),
        ("once", [(1, 1), (2, -1)]),
        ("half", [(1, 1), (2, 0), (4, 1), (6, 0)]),
        ("bursts", [(1, 0), (2, 3), (4, 0), (6, 3)]),
    ],
)
def test_what_a_control_has_in_force_is_recorded(crops_folder, variant, expected):
    training, rows = trained(crops_folder, variant, options=params(interval=2, sites="first", epochs=6))
    assert signs(training, "bn1") == expected
    plain = trained(crops_folder, "baseline", options=params(epochs=6))[1]
    assert rows[0] == plain[0] and rows[1] != plain[1], "the baseline until the first turn, to the bit"


def test_random_turns_are_turned_at(crops_folder):
    options = params(interval=2, sites="first", epochs=6)
    training, _ = trained(crops_folder, "random-turns", seed=3, options=options)
    turns = load("random-turns").settle(options, rates(options.train, 70), 3).periodic.turns
    assert [epoch for epoch, _ in signs(training, "bn1")][1:] == turns and len(turns) == 3


def test_bursts_that_never_come_are_the_baseline(crops_folder):
    _, rows = trained(crops_folder, "bursts", options=params(interval=9, unit="step", epochs=2))
    assert rows == trained(crops_folder, "baseline", options=params(epochs=2))[1]
