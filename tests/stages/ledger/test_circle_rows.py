"""Sentences that the circles' runs decide."""

import numpy as np
import pytest

from stages.results.inputs import BadInput
from tests.stages.ledger.ledgers import (
    NOISE,
    circles,
    decided,
    entry,
    write_circles,
)


def test_circles_are_decided_over_seeds_and_over_draws(tmp_path):
    rows = ["circles-seeds", "circles-draws"]
    table = circles(0.03)
    table.loc[table["over"] == "draws", "test_accuracy"] = 0.75 + np.resize(NOISE, 12)
    write_circles(tmp_path, table)
    entries = {
        "A": entry(rows=rows, ours="input", measure="test_accuracy"),
        "B": entry(rows=rows, ours="baseline", against=None, measure="peak_accuracy", minus="test_accuracy"),
        "C": entry(rows=rows, ours="input", measure="loss", ratio=True),
    }
    table = decided(tmp_path, entries)
    assert (
        list(table["verdict"].loc["A"]) == ["holds", "does not hold"]
        and list(table["verdict"].loc["B"]) == ["holds"] * 2
    )
    assert set(table["mark"].loc["C"]) == {"no loss, or none above 0, in 6 of 6 seeds"}
    assert set(table["command"]) == {"dvc repro circles"}


def test_circles_of_other_names_are_one_line(tmp_path):
    table = circles(0.03)
    write_circles(tmp_path, table)
    rows = ["circles-seeds"]
    wrong = {
        "no measure test_acuracy; did you mean test_accuracy?": entry(rows=rows, ours="input", measure="test_acuracy"),
        "no variant output; there are baseline, input": entry(rows=rows, ours="output", measure="test_accuracy"),
        "nothing is varied there": entry(rows=rows, ours="input[a=1]", measure="test_accuracy"),
    }
    for line, fields in wrong.items():
        with pytest.raises(BadInput, match=line):
            decided(tmp_path, {"A": fields})
    write_circles(tmp_path, table.assign(seed=table["seed"] + 10 * (table["variant"] == "input")))
    line = decided(tmp_path, {"A": entry(rows=rows, ours="input", measure="test_accuracy")}).iloc[0]
    assert (line["verdict"], line["mark"]) == ("not run", "the two sides have no seed in common")
