import csv
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from stages.reporting import records, table1
from stages.reporting.runs import BadInput, read_runs
from stages.reporting.style import VARIANTS
from tests.stages.reporting.simulated import CLASSES, write_run

DATA_SET = {
    "dataset": "faces",
    "title": "Drawn faces",
    "counts": {"train": {"a": 60, "b": 42}, "test": {"a": 5, "b": 5}},
}


@pytest.fixture(scope="module")
def runs(project):
    return read_runs(project / "reports/eval", VARIANTS, [0, 1], CLASSES)


def with_numbers(runs, numbers):
    """The runs with (last train loss, [validation F1 of each epoch], test F1) of numbers, `{variant: {seed: ...}}`."""
    made = {}
    for variant, of in numbers.items():
        made[variant] = {}
        for seed, (loss, f1, test) in of.items():
            curves = pd.DataFrame(
                {"epoch": range(1, len(f1) + 1), "train_loss": [9.0] * (len(f1) - 1) + [loss], "val_macro_f1": f1}
            )
            scores = {"macro_f1": test, "accuracy": 0.5, "per_class_f1": {}}
            made[variant][seed] = replace(runs[variant][0], seed=seed, curves=curves, test=scores)
    return made


def page_and_rows(runs, data_set=DATA_SET, paper=None):
    made = dict(table1.tables(runs, data_set, table1.read_paper() if paper is None else paper))
    return made["table1.md"], {
        (row["variant"], row["measure"]): row for row in csv.DictReader(made["table1.csv"].splitlines())
    }


def test_a_case_by_hand(runs):
    made = with_numbers(
        runs,
        {
            "baseline": {0: (0.2, [0.3, 0.5, 0.4], 0.40), 1: (0.4, [0.3, 0.6, 0.6], 0.50)},
            "periodic": {0: (0.5, [0.3, 0.6, 0.2], 0.41), 1: (0.7, [0.8, 0.6, 0.5], 0.53)},
        },
    )
    page, rows = page_and_rows(made)
    loss = rows["periodic", "train_loss"]
    assert (loss["paper"], loss["mean"], loss["n"], loss["ratio"]) == ("37.56", "0.6", "2", "2")  # 0.6 over 0.3
    assert float(loss["std"]) == pytest.approx(0.2 / 2**0.5, rel=1e-5)
    assert float(loss["paper_ratio"]) == pytest.approx(37.56 / 41.24, rel=1e-5)
    assert float(rows["baseline", "val_macro_f1_max"]["mean"]) == 0.55  # maxima 0.5 and 0.6
    assert float(rows["baseline", "val_macro_f1_last"]["mean"]) == 0.5
    test = rows["periodic", "test_macro_f1"]
    reach = 0.01 * np.tan(0.475 * np.pi)  # the t quantile of one degree of freedom, in closed form
    assert [float(test[key]) for key in ("difference", "low", "high")] == pytest.approx(
        [0.02, 0.02 - reach, 0.02 + reach], rel=1e-4
    )
    assert "| **Train loss, last epoch, ours** | 0.300 ± 0.141 | 0.600 ± 0.141 |" in page
    assert "| Validation macro F1, maximum over epochs, paper | 0.34 | 0.38 |" in page
    assert "| Test macro F1 | +0.020 [−0.107, +0.147] |" in page
    assert "Test macro F1: no difference is larger than what the seed alone makes" in page
    assert "reaches 9.0 standard deviations" in page  # 12.706 / sqrt(2)


def test_intervals_are_those_of_scipys_paired_test_on_the_files_themselves(project, runs):
    _, rows = page_and_rows(runs)
    scores = {
        variant: [
            json.loads((project / f"reports/eval/{variant}-{seed}/metrics.json").read_text())["test"]["macro_f1"]
            for seed in (0, 1)
        ]
        for variant in VARIANTS
    }
    for variant in ("dropout", "periodic", "dynamic", "dropout-periodic"):
        oracle = stats.ttest_rel(scores[variant], scores["baseline"])
        row = rows[variant, "test_macro_f1"]
        assert float(row["mean"]) == pytest.approx(np.mean(scores[variant]), rel=1e-5)
        assert [float(row["low"]), float(row["high"])] == pytest.approx(
            list(oracle.confidence_interval(0.95)), rel=1e-4
        )
        assert row["beyond_seed"] == str(oracle.pvalue < 0.05)


def test_a_difference_that_every_seed_shows_is_named(runs):
    numbers = {seed: (0.1, [0.5 + seed / 100], 0.4 + seed / 50) for seed in range(5)}
    better = {seed: (0.1, [f1[0] + 0.1 + seed / 1000], test) for seed, (_, f1, test) in numbers.items()}
    page, _ = page_and_rows(with_numbers(runs, {"baseline": numbers, "dynamic": better, "dropout": numbers}))
    assert "maximum over epochs: the interval leaves out 0 for + dynamic (+0.102), and for no other variant" in page
    assert "Test macro F1: no difference is larger" in page and "seeds say little" not in page


def test_one_seed_claims_no_spread(runs):
    page, rows = page_and_rows({variant: {0: of[0]} for variant, of in runs.items()})
    assert "One seed: no spread is known" in page and "±" not in page and "nan" not in page.lower()
    assert rows["periodic", "test_macro_f1"]["std"] == rows["periodic", "test_macro_f1"]["low"] == ""


def test_drawn_faces_are_never_taken_for_affectnet(runs):
    assert page_and_rows(runs)[0].startswith("# Table 1 on Drawn faces (not AffectNet)\n")
    affectnet = DATA_SET | {"dataset": "affectnet2021", "title": "AffectNet (2021)"}
    page = page_and_rows(runs, affectnet)[0]
    assert page.startswith("# Table 1 on AffectNet (2021)\n") and "not AffectNet" not in page


def test_the_paper_is_quoted_right():
    paper = table1.read_paper()
    assert [paper[variant, "train_loss"] for variant in ("baseline", "dropout", "periodic", "dynamic")] == [
        41.24,
        54.99,
        37.56,
        36.91,
    ]
    assert [paper[variant, "val_macro_f1_max"] for variant in VARIANTS] == [0.34, 0.32, 0.38, 0.39, 0.35]
    assert paper["baseline", "train_loss"] - paper["periodic", "train_loss"] == pytest.approx(3.68)  # section 4.3


def test_a_damaged_table_of_the_paper_is_named(tmp_path):
    (tmp_path / "table1.csv").write_text("variant,measure,value\nbaseline,train_loss,many\n")
    with pytest.raises(BadInput, match="table1.csv: expected columns variant, measure, value, source"):
        table1.read_paper(tmp_path / "table1.csv")


def test_a_run_that_injected_nothing_and_its_warnings_are_marked(tmp_path):
    for variant in ("baseline", "dynamic"):
        for seed in (0, 1):
            write_run(
                tmp_path / f"{variant}-{seed}", variant, seed, epochs=4, never_turns=(variant, seed) == ("dynamic", 1)
            )
    page, _ = page_and_rows(read_runs(tmp_path, ["baseline", "dynamic"], [0, 1], CLASSES))
    assert "| Baseline | + dynamic (nothing injected: seed 1) |" in page
    assert (
        "- **dynamic, seed 1: nothing was injected, this run says nothing about the method.** dynamic: no sign turned"
        in page
    )
    assert "seed 0:" not in page


def test_records_hold_every_run_and_no_nan(project, runs):
    made = dict(records.tables(runs))
    rows = list(csv.DictReader(made["curves.csv"].splitlines()))
    assert [row["variant"] for row in rows[:: 2 * 12]] == list(VARIANTS) and len(rows) == 5 * 2 * 12
    assert all(value not in ("", "nan") for row in rows for value in row.values())
    original = list(csv.DictReader(open(project / "reports/eval/dynamic-1/curves.csv")))
    copied = [row for row in rows if (row["variant"], row["seed"]) == ("dynamic", "1")]
    assert [float(row["train_loss"]) for row in copied] == pytest.approx(
        [float(row["train_loss"]) for row in original], rel=1e-5
    )
    metrics = json.loads(made["metrics.json"])
    _, table = page_and_rows(runs)
    assert metrics["test_macro_f1"]["dynamic"] == pytest.approx(
        float(table["dynamic", "test_macro_f1"]["mean"]), abs=1e-5
    )
    assert made["confusion/periodic.csv"].count("\n") == 1 + 2 * 105
