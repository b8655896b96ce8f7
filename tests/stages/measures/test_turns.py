"""Turns of signs against what the signs of every step say, and their events by hand."""

import numpy as np
import pandas as pd
import pytest

from stages.measures import turns
from stages.results.tables import TURNS
from tests.stages.results.simulated import algorithm_1, turns_of


def in_force(flipped, steps_per_epoch):
    sites = [f"site{number}" for number in range(len(flipped))]
    rows = [(site, "sign", step, epoch, sign) for site, step, epoch, sign in turns_of(flipped, steps_per_epoch, sites)]
    rows.append(("dropout", "p", 1, 1, 0.2))
    rows.append(("dropout", "p", 3, 1, 0.1))  # what changes and is no sign
    return pd.DataFrame(rows, columns=list(TURNS))


def curves(loss, f1):
    return pd.DataFrame({"train_loss": loss, "val_macro_f1": f1})


def test_events_by_hand():
    """Turns at the start of epochs 2, 4 and 6 of six: recovered at once, after one epoch, never."""
    flipped = np.repeat([[0, 1, 1, 0, 0, 1]], 3, axis=1).repeat(2, 0).astype(bool)
    loss, f1 = [2.0, 1.5, 1.4, 1.9, 1.2, 1.5], [0.3, 0.35, 0.4, 0.1, 0.45, 0.2]
    found = turns.events(curves(loss, f1), in_force(flipped, 3))
    assert found["epoch"].tolist() == [2, 4, 6] and found["turns"].tolist() == [2, 2, 2]
    assert found["loss_jump"].tolist() == pytest.approx([-0.5, 0.5, 0.3])
    assert found["f1_drop"].tolist() == pytest.approx([-0.05, 0.3, 0.25])
    assert found["recovery"].tolist()[:2] == [0, 1] and pd.isna(found["recovery"].iloc[2])


def test_turns_within_the_first_epoch_have_nothing_before_them():
    flipped = np.array([[0, 1, 0, 0, 1, 1]], bool)
    found = turns.events(curves([2.0, 1.0], [0.1, 0.2]), in_force(flipped, 3))
    assert found[["epoch", "turns"]].to_numpy().tolist() == [[1, 2], [2, 1]]
    assert found.iloc[0][["loss_jump", "f1_drop", "recovery"]].isna().all() and found["loss_jump"].iloc[1] == -1


def test_without_signs_there_are_neither_events_nor_measures():
    plain = in_force(np.zeros((0, 6), bool), 3)
    assert len(turns.events(curves([1, 1], [0, 0]), plain)) == 0
    assert list(turns.measures(plain, 6)) == []


@pytest.mark.parametrize("seed", range(3))
def test_counts_and_distances_are_those_of_the_signs_of_every_step(seed):
    random = np.random.default_rng(seed)
    flipped = random.random((4, 200)) < [[0.5], [0.1], [0.02], [0.0]]
    found = dict(turns.measures(in_force(flipped, 20), 200))
    steps = [np.flatnonzero(row[1:] != row[:-1]) for row in flipped]
    assert found["turns_per_1000_steps"] == pytest.approx(np.mean([5 * len(each) for each in steps]))
    distances = [np.diff(each) for each in steps if len(each) > 2]
    expected = np.mean([np.std(each, ddof=1) / np.mean(each) for each in distances])
    assert found["turn_distance_cv"] == pytest.approx(expected)
    events = turns.events(curves(np.zeros(10), np.zeros(10)), in_force(flipped, 20))
    assert events["turns"].sum() == sum(map(len, steps))


def test_algorithm_1_turns_regularly_and_dynamic_injection_does_not():
    regular = dict(turns.measures(in_force(np.repeat([algorithm_1(5, 40)], 3, axis=0), 1), 40))
    assert regular == {"turns_per_1000_steps": 200, "turn_distance_cv": 0}
    once = dict(turns.measures(in_force(np.arange(8)[None] > 3, 2), 8))
    assert once == {"turns_per_1000_steps": 125}, "one turn has no distance to another"
