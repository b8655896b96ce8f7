"""Which runs are held against which, by what number, and what is to be known of them."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from stages.ledger.table_rows import TableRows
from stages.results import tables
from stages.results.inputs import BadInput
from tests.stages.ledger.ledgers import (
    BASE,
    GROUPS,
    NOISE,
    SEEDS,
    circles,
    decided,
    entry,
    results,
    set_values,
    with_effect,
    write_circles,
)


def test_why_there_are_no_runs(tmp_path):
    entries = {
        "A": entry(rows=["study"], ours="periodic[interval=7]"),
        "B": entry(rows=["study"], ours="best periodic[interval=20]"),
        "C": entry(rows=["study"], ours="half", against="negate"),
    }
    assert list(decided(tmp_path, entries, study=results(GROUPS))["mark"]) == [
        "no runs of periodic[interval=7]; there are interval=2; interval=5; interval=20",
        "no sign turned in any run of best periodic[interval=20]",
        "no runs of half; there are baseline, periodic; no runs of negate; there are baseline, periodic",
    ]


def test_a_run_against_itself_is_no_evidence(tmp_path):
    """Another run that happens to have the same number is."""
    entries, made = {"A": entry(kind="equivalence", direction=None)}, with_effect(0.0 * NOISE - NOISE)
    assert decided(tmp_path, entries, main=made).iloc[0]["verdict"] == "holds"
    curves = made.curves
    plain = curves[curves["variant"] == "baseline"]
    same = plain.assign(variant="periodic", run=plain["run"].str.replace("baseline", "periodic"))
    itself = dataclasses.replace(made, curves=pd.concat([curves[curves["variant"] != "periodic"], same]))
    line = decided(tmp_path, entries, main=itself).iloc[0]
    assert (line["verdict"], line["n"]) == ("undecided", 6)
    assert line["mark"] == "no difference in any seed: the same runs on both sides are no evidence"


def test_groups_are_named_by_what_is_varied(tmp_path):
    entries = {
        "A": entry(rows=["study"], ours="periodic[interval=5]"),
        "B": entry(rows=["study"], ours="periodic[interval=2]"),
        "C": entry(rows=["study"], ours="periodic[interval=7]"),
    }
    table = decided(tmp_path, entries, study=results(GROUPS))
    assert list(table["verdict"]) == ["holds", "contradicted", "not run"]


def test_the_best_group_is_chosen_on_validation_by_the_other_seeds(tmp_path):
    made = results(GROUPS)
    groups = {interval: [f"periodic/interval={interval}/{seed}" for seed in SEEDS] for interval in (2, 5, 20)}
    # On validation, interval 2 is best in the mean of all seeds but for the first, which alone is best with 5.
    for interval, (first, others) in {2: (0.0, 0.5), 5: (9.0, 0.4), 20: (9.5, 9.5)}.items():
        runs = groups[interval]
        set_values(made, "last val macro_f1", {run: first if run == runs[0] else others for run in runs})
    line = decided(tmp_path, {"A": entry(rows=["study"], ours="best periodic")}, study=made).iloc[0]
    # Interval 20 is longer than the run: it flips nothing, and is no choice.
    chosen = np.array([0.3, 0.45, 0.45, 0.45, 0.45, 0.45]) + NOISE - 0.4
    assert line["effect"] == pytest.approx(chosen.mean())
    assert line["mark"].endswith("best periodic is interval=5 (5 of 6), interval=2 (1 of 6)")


WRONG = {
    "several groups": (entry(rows=["study"]), "periodic fits 3 groups of runs: name one value of what is varied, or"),
    "no such parameter": (
        entry(rows=["study"], ours="periodic[T=5]"),
        "no varied parameter T; only interval is varied",
    ),
    "no such measure": (
        entry(rows=["study"], ours="best periodic", measure="last test macro_f2"),
        "no measure last test macro_f2; did you mean last test macro_f1?",
    ),
    "no such column": (
        entry(rows=["study"], ours="best periodic", measure="least f1"),
        "no measure 'least f1'; expected",
    ),
    "no column": (
        entry(rows=["study"], ours="best periodic", measure="least"),
        "no measure 'least'; expected",
    ),
    "a corruption of a curve": (
        entry(rows=["study"], ours="best periodic", measure="train_loss at turns", corruption="mean"),
        "corruption mean: train_loss at turns is not measured on corrupted pictures",
    ),
    "a corruption of turns": (
        entry(rows=["study"], ours="best periodic", measure="fewest turns", corruption="mean"),
        "corruption mean: fewest turns is not measured on corrupted pictures",
    ),
    "no such corruption": (
        entry(rows=["study"], ours="best periodic", corruption="fog-1"),
        "no measure best val macro_f1 f",
    ),
}


@pytest.mark.parametrize("fields, line", WRONG.values(), ids=WRONG)
def test_what_the_rows_cannot_have_is_one_line(tmp_path, fields, line):
    with pytest.raises(BadInput) as raised:
        decided(tmp_path, {"A": fields}, study=results(GROUPS))
    assert str(raised.value).startswith("claims.yaml: A: ") and line in str(raised.value)
    assert "\n" not in str(raised.value)


def test_marks(tmp_path):
    made = with_effect(0.03)
    runs, measures = made.runs.set_index("run"), made.measures
    runs.loc["periodic/2", "threads"] = 2
    runs.loc[["periodic/0", "periodic/1"], "first_turn"] = None
    object.__setattr__(made, "runs", runs.reset_index())
    moving = (measures["measure"] == "macro_f1_trend") & (measures["variant"] == "baseline")
    measures.loc[moving, "value"] = 0.03
    line = decided(tmp_path, {"A": entry()}, main=made).iloc[0]
    marks = ["nothing was injected in 2 of 6 runs", "baseline still moves", "pairs of different threads"]
    assert line["mark"] == "; ".join(marks)


def test_seeds_without_a_partner_are_named(tmp_path):
    made = results([("baseline", {}, 0.4 + 0 * NOISE[:5]), ("periodic", {}, 0.43 + NOISE)])
    line = decided(tmp_path, {"A": entry()}, main=made).iloc[0]
    assert (line["n"], line["mark"]) == (5, "periodic has seed 5, of which there is no pair")


def test_the_best_of_what_is_not_varied_is_no_choice(tmp_path):
    assert decided(tmp_path, {"A": entry(ours="best periodic")}, main=with_effect(0.03)).iloc[0]["mark"] == ""
    write_circles(tmp_path, circles(0.03))
    fields = entry(rows=["circles-seeds"], ours="best input", measure="test_accuracy")
    assert decided(tmp_path, {"A": fields}).iloc[0]["mark"] == ""


def test_one_schedule_of_two_methods_is_named(tmp_path):
    """That they reach the same may be no more than that."""
    made = results([("periodic", {}, 0.4 + NOISE), ("dropout-periodic", {}, 0.4 - NOISE)])
    entries = {"A": entry(kind="equivalence", direction=None, against="dropout-periodic")}
    same = "periodic and dropout-periodic turned signs in the same epochs"
    assert same in decided(tmp_path, entries, main=made).iloc[0]["mark"]
    other = results([("periodic", {}, 0.4 + NOISE), ("dynamic", {}, 0.4 - NOISE)])
    entries["A"]["against"] = "dynamic"
    assert "epochs" not in decided(tmp_path, entries, main=other).iloc[0]["mark"]


@pytest.mark.parametrize("turned, marked", [([5], True), ([6], False), ([], False)])
def test_one_schedule_is_one_in_every_pair(tmp_path, turned, marked):
    made = results([("periodic", {}, 0.4 + NOISE), ("dropout-periodic", {}, 0.4 - NOISE)])
    tables.write(tmp_path, made)
    rows = TableRows(tmp_path)
    rows._turned["dropout-periodic/3"] = turned
    pairs = [(f"periodic/{seed}", f"dropout-periodic/{seed}") for seed in SEEDS]
    assert any("epochs" in mark for mark in rows.marks(pairs, same=False)) == marked
    assert not any("epochs" in mark for mark in rows.marks(pairs, same=True)), "that they are the same is the claim"


def test_turns_are_held_against_the_same_epochs_of_the_baseline(tmp_path):
    made = results([*BASE, ("periodic", {}, 0.4 + NOISE)])
    entries = {
        "A": entry(measure="train_loss at turns", margin=0.1),
        "B": entry(measure="fewest turns", against=None, margin=0.5),
        "C": entry(measure="least train_loss", margin=0.001, direction="less", against=None),
        "D": entry(measure="train_loss at turns", ours="baseline", against=None),
    }
    table = decided(tmp_path, entries, main=made)
    curves = {run: rows["train_loss"].to_numpy() for run, rows in made.curves.groupby("run")}
    # With an interval of 5, signs turn in the epoch 5 of 8.
    jumps = [np.diff(curves[f"periodic/{seed}"])[3] - np.diff(curves[f"baseline/{seed}"])[3] for seed in SEEDS]
    assert table.at[("A", "reports"), "effect"] == pytest.approx(np.mean(jumps), abs=1e-5)
    assert table.at[("B", "reports"), "effect"] == 1
    least = np.mean([curves[f"periodic/{seed}"].min() for seed in SEEDS])
    assert table.at[("C", "reports"), "effect"] == pytest.approx(least, abs=1e-5)
    assert tuple(table.loc[("D", "reports"), ["verdict", "mark"]]) == (
        "undecided", "no train_loss at turns in 6 of 6 seeds",
    )  # fmt: skip


def test_images_are_a_part_where_predictions_tell(tmp_path):
    made = with_effect(0.03, measure="last test macro_f1")
    entries = {"A": entry(measure="last test macro_f1"), "B": entry(measure="last test ece", margin=0.5)}
    said, ours = made.predictions, made.runs["variant"] == "periodic"
    said.predicted[:] = said.actual
    assert list(decided(tmp_path, entries, main=made)["verdict"]) == ["holds", "does not hold"]
    said.predicted[ours.to_numpy(), :10] = said.actual[1:11]  # the same ten images in every seed
    table = decided(tmp_path, entries, main=made)
    assert table["verdict"].iloc[0] == "undecided", "of 105 images, other ten could be others"
    assert table["mark"].iloc[0] == "not even 10,000 seeds would decide: the test images are too few"
    assert list(table["parts"]) == ["seeds and images", "seeds"]


def test_equal_curves(tmp_path):
    made = results([("periodic", {}, NOISE), ("negate", {}, NOISE)])
    columns = [column for column in made.curves if column not in ("run", "variant", "seed")]
    ours, theirs = made.curves["variant"] == "negate", made.curves["variant"] == "periodic"
    made.curves.loc[ours, columns] = made.curves.loc[theirs, columns].to_numpy()
    made.curves.loc[ours, "flipped"] = 0.0
    entries = {
        "A": entry(kind="identity", direction=None, margin=None, measure="curves", ours="negate", against="periodic")
    }
    assert decided(tmp_path, entries, main=made)["verdict"].iloc[0] == "holds"
    made.curves.loc[made.curves["run"] == "negate/3", "val_loss"] += 1e-5
    line = decided(tmp_path, entries, main=made).iloc[0]
    assert (line["verdict"], line["effect"]) == ("contradicted", 8)
