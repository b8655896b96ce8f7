import csv
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from stages.reporting import table1
from stages.reporting.runs import runs_of
from stages.results.inputs import BadInput
from tests.stages.results.simulated import VARIANTS, results_of, simulate, simulate_run

NUMBERS = ("train_loss", "val_macro_f1_max", "val_macro_f1_last", "test_macro_f1_last")
ROWS = {  # what Table 1 shows, by where the rows of measures.csv hold it
    "train_loss": ("last", "train", "loss"),
    "val_macro_f1_max": ("best", "val", "macro_f1"),
    "val_macro_f1_last": ("last", "val", "macro_f1"),
    "test_macro_f1_last": ("last", "test", "macro_f1"),
    "test_macro_f1_best": ("best", "test", "macro_f1"),
    "test_accuracy_last": ("last", "test", "accuracy"),
    "test_accuracy_best": ("best", "test", "accuracy"),
    "test_balanced_accuracy_last": ("last", "test", "balanced_accuracy"),
    "train_eval_loss": ("last", "train", "eval_loss"),
    "test_loss_last": ("last", "test", "loss"),
    "test_loss_best": ("best", "test", "loss"),
    "gap": ("last", "test", "gap"),
    "peak_to_last": ("last", "val", "peak_to_last"),
    "test_brier_last": ("last", "test", "brier"),
    "test_ece_last": ("last", "test", "ece"),
}


@pytest.fixture(scope="module")
def runs(results):
    return runs_of(results)


def with_numbers(runs, numbers):
    """The runs with (train loss, best and last validation F1, last test F1) of numbers, `{variant: {seed: ...}}`."""
    made = {}
    for variant, seeds in numbers.items():
        for seed, values in seeds.items():
            run = runs[variant][0]
            changed = run.values | {ROWS[name]: value for name, value in zip(NUMBERS, values, strict=True)}
            made.setdefault(variant, {})[seed] = replace(run, row=run.row | {"seed": seed}, values=changed)
    return made


def page_and_rows(runs, paper=None):
    made = dict(table1.tables(runs, table1.read_paper() if paper is None else paper))
    rows = csv.DictReader(made["table1.csv"].splitlines())
    return made["table1.md"], {(row["variant"], row["measure"]): row for row in rows}


def test_a_case_by_hand(runs):
    numbers = {
        "baseline": {0: (0.2, 0.5, 0.4, 0.40), 1: (0.4, 0.6, 0.6, 0.50)},
        "periodic": {0: (0.5, 0.6, 0.2, 0.41), 1: (0.7, 0.8, 0.5, 0.53)},
    }
    page, rows = page_and_rows(with_numbers(runs, numbers))
    loss = rows["periodic", "train_loss"]
    assert (loss["paper"], loss["mean"], loss["n"], loss["ratio"]) == ("37.56", "0.6", "2", "2")  # 0.6 over 0.3
    assert float(loss["std"]) == pytest.approx(0.2 / 2**0.5, rel=1e-5)
    assert float(loss["paper_ratio"]) == pytest.approx(37.56 / 41.24, rel=1e-5)
    assert float(rows["baseline", "val_macro_f1_max"]["mean"]) == 0.55
    assert float(rows["baseline", "val_macro_f1_last"]["mean"]) == 0.5
    test = rows["periodic", "test_macro_f1_last"]
    reach = 0.01 * np.tan(0.475 * np.pi)  # the t quantile of one degree of freedom, in closed form
    assert [float(test[key]) for key in ("difference", "difference_low", "difference_high")] == pytest.approx(
        [0.02, 0.02 - reach, 0.02 + reach], rel=1e-4
    )
    assert [float(loss[key]) for key in ("low", "high")] == pytest.approx(
        [0.6 - 10 * reach, 0.6 + 10 * reach], rel=1e-4
    )
    spread = ["0.300 ± 0.141 [−0.971, 1.571]", "0.600 ± 0.141 [−0.671, 1.871]"]
    assert f"| **Train loss, last epoch, ours** | {' | '.join(spread)} |" in page
    assert "| Validation macro F1, maximum over epochs, paper | 0.34 | 0.38 |" in page
    assert "| Test macro F1, last epoch | +0.020 [−0.107, +0.147] |" in page
    assert "- 2 seeds decide nothing: the interval reaches 9.0 standard deviations" in page  # 12.706 / sqrt(2)


def test_the_table_is_that_of_the_rows_themselves(reported):
    """Recomputed by pandas and SciPy from the committed files alone."""
    measures = pd.read_csv(reported / "reports/measures.csv", keep_default_na=False).astype({"value": float})
    curves = pd.read_csv(reported / "reports/curves.csv")
    table = pd.read_csv(reported / "reports/table1.csv").set_index(["variant", "measure"])
    assert len(table) == len(VARIANTS) * len(ROWS) and list(table.index.unique("variant")) == VARIANTS
    for name, key in ROWS.items():
        rows = measures[(measures[["weights", "split", "measure"]] == list(key)).all(axis=1)]
        scores = rows.pivot(index="seed", columns="variant", values="value")
        for variant in VARIANTS:
            row = table.loc[variant, name]
            assert row["mean"] == pytest.approx(scores[variant].mean(), rel=1e-5)
            assert row["std"] == pytest.approx(scores[variant].std(), rel=1e-4, abs=1e-7) and row["n"] == 2
            assert pd.isna(row["mixed"])
            if row["std"] > 1e-9:  # where nothing spreads, SciPy has no interval
                interval = list(stats.ttest_1samp(scores[variant], 0).confidence_interval(0.95))
                assert [row["low"], row["high"]] == pytest.approx(interval, rel=1e-4, abs=1e-6)
            if variant == "baseline":
                assert row[["difference", "difference_low", "difference_high"]].isna().all()
                continue
            paired = scores[variant] - scores["baseline"]
            assert row["difference"] == pytest.approx(paired.mean(), rel=1e-4, abs=1e-7)
            if paired.std() > 1e-9:
                interval = list(stats.ttest_rel(scores[variant], scores["baseline"]).confidence_interval(0.95))
                assert [row["difference_low"], row["difference_high"]] == pytest.approx(interval, rel=1e-4, abs=1e-6)
    # The two that the curves hold as well: the train loss of the last epoch, the highest validation F1.
    means = curves.groupby(["variant", "seed"]).agg(loss=("train_loss", "last"), f1=("val_macro_f1", "max"))
    for variant, mean in means.groupby("variant").mean().iterrows():
        assert table.loc[variant, "train_loss"]["mean"] == pytest.approx(mean["loss"], rel=1e-4)
        assert table.loc[variant, "val_macro_f1_max"]["mean"] == pytest.approx(mean["f1"], rel=1e-4)


@pytest.mark.parametrize("n", [2, 4, 5])
def test_no_difference_is_judged_here_however_many_the_seeds(runs, n):
    numbers = {seed: (0.1, 0.5 + seed / 100, 0.5, 0.4 + seed / 50) for seed in range(n)}
    better = {seed: (loss, f1 + 0.1 + seed / 1000, last, test) for seed, (loss, f1, last, test) in numbers.items()}
    page, _ = page_and_rows(with_numbers(runs, {"baseline": numbers, "dynamic": better}))
    assert "[the ledger](claims.md)" in page and f"over n = {n} seeds" in page
    assert not re.search("leaves out|undecided|larger|contains 0|significant", page)
    assert (f"{n} seeds decide nothing" in page) == (n < 5)


def test_runs_that_still_move_are_counted():
    made = [simulate_run(variant, seed) for variant in ("baseline", "dropout") for seed in (0, 1)]
    for number, mark in enumerate([1, 1, 0, 1]):
        (row,) = [row for row in made[number]["measures"] if row["measure"] == "converged"]
        row["value"] = mark
    page, _ = page_and_rows(runs_of(results_of(made)))
    assert "| **Runs that have converged, ours** | 2 of 2 | 1 of 2 |" in page
    brief = [simulate_run("baseline", seed, 1) for seed in (0, 1)]
    assert "**Runs that have converged" not in page_and_rows(runs_of(results_of(brief)))[0]


def test_one_seed_claims_no_spread(runs):
    page, rows = page_and_rows({variant: {0: seeds[0]} for variant, seeds in runs.items()})
    assert "One seed: no spread is known" in page and "±" not in page and "nan" not in page.lower()
    row = rows["periodic", "test_macro_f1_last"]
    assert row["std"] == row["low"] == ""


def test_a_baseline_alone_is_a_table(runs):
    page, rows = page_and_rows({"baseline": runs["baseline"]})
    assert "Differences" not in page and len(rows) == len(ROWS)


def test_runs_that_do_not_pair_are_refused(runs):
    with pytest.raises(BadInput, match="no run of baseline, with which Table 1 compares; found dropout"):
        page_and_rows({"dropout": runs["dropout"]})
    with pytest.raises(BadInput, match="dropout has the seeds 1, baseline 0, 1: they pair seed by seed"):
        page_and_rows({"baseline": runs["baseline"], "dropout": {1: runs["dropout"][1]}})


def test_drawn_faces_are_never_taken_for_affectnet(runs):
    assert page_and_rows(runs)[0].startswith("# Table 1 on Drawn faces (not AffectNet)\n")
    runs = runs_of(simulate(["baseline"], epochs=2, dataset="affectnet2021", title="AffectNet (2021)"))
    page = page_and_rows(runs)[0]
    assert page.startswith("# Table 1 on AffectNet (2021)\n") and "not AffectNet" not in page


def test_the_page_says_what_was_run(runs):
    assert (
        "Ours: 12 epochs on 119 train, 70 val, 105 test images; mean ± standard deviation [95% t"
        in page_and_rows(runs)[0]
    )


def test_the_paper_is_quoted_right():
    paper = table1.read_paper()
    losses = [paper[variant, "train_loss"] for variant in ("baseline", "dropout", "periodic", "dynamic")]
    assert losses == [41.24, 54.99, 37.56, 36.91]
    assert [paper[variant, "val_macro_f1_max"] for variant in VARIANTS] == [0.34, 0.32, 0.38, 0.39, 0.35]
    assert paper["baseline", "train_loss"] - paper["periodic", "train_loss"] == pytest.approx(3.68)  # section 4.3


def test_a_damaged_table_of_the_paper_is_named(tmp_path):
    (tmp_path / "table1.csv").write_text("variant,measure,value\nbaseline,train_loss,many\n")
    with pytest.raises(BadInput, match="table1.csv: no column source"):
        table1.read_paper(tmp_path / "table1.csv")


def test_a_run_that_injected_nothing_and_its_warnings_are_marked():
    never = {"flipped": np.zeros((8, 4 * 41), bool), "warnings": '["dynamic: no sign turned in the whole run"]'}
    made = [simulate_run("baseline", seed, 4) for seed in (0, 1)]
    made += [simulate_run("dynamic", 0, 4), simulate_run("dynamic", 1, 4, **never)]
    page, _ = page_and_rows(runs_of(results_of(made)))
    assert "| Baseline | + dynamic (nothing injected: seed 1) |" in page
    assert (
        "- **dynamic, seed 1: nothing was injected, this run says nothing about the method.** dynamic: no sign turned"
        in page
    )
    assert "seed 0:" not in page


@pytest.mark.parametrize(
    "column, value, said",
    [
        ("hardware", "NVIDIA H100", "hardware NVIDIA H100, Baseline's A processor"),
        ("threads", 2, "threads 2, Baseline's 1"),
        ("threads", None, "threads unknown, Baseline's 1"),
        ("precision", "bfloat16", "precision bfloat16, Baseline's float32"),
    ],
)
def test_a_pair_that_was_not_made_on_one_machine_is_marked(column, value, said):
    made = [simulate_run(variant, seed, 6) for variant in ("baseline", "dropout") for seed in (0, 1)]
    made.append(simulate_run("periodic", 0, 6))
    made.append(simulate_run("periodic", 1, 6, **{column: value}))
    page, rows = page_and_rows(runs_of(results_of(made)))
    assert {variant: rows[variant, "train_loss"]["mixed"] for variant in ("baseline", "dropout", "periodic")} == {
        "baseline": "",
        "dropout": "",
        "periodic": column,
    }
    assert "**Not on one machine.**" in page and page.count("seed 1:") == 1
    assert f"- + periodic, seed 1: {said}." in page


def test_one_machine_is_not_mentioned(runs):
    page, rows = page_and_rows(runs)
    assert "machine" not in page and {row["mixed"] for row in rows.values()} == {""}
