"""What is said of a study that the stage really ran, recomputed from its runs."""

import json

import pandas as pd
import pytest
from scipy import stats

from stages.reporting import circles, style
from stages.reporting.circles_study import read_study
from tests.stages.two_circles.conftest import ROOT


@pytest.fixture(scope="module")
def study(written):
    return read_study(written, ROOT / "data/paper/circles.csv")


@pytest.fixture(scope="module")
def said(study, tmp_path_factory):
    """The folder with the tables and the page."""
    folder = tmp_path_factory.mktemp("circles-summary")
    for name, text in circles.tables(study):
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_means_and_spread_are_those_of_the_runs(written, said):
    runs, summary = pd.read_csv(written / "runs.csv"), pd.read_csv(said / "summary.csv")
    assert len(summary) == 2 * 4 * 4
    metrics = json.loads((said / "metrics.json").read_text())
    for row in summary.itertuples():
        values = runs[(runs.over == row.over) & (runs.variant == row.variant)][row.measure]
        expected = (values.mean(), values.std(), values.min(), values.max(), len(values))
        assert (row.mean, row.std, row.min, row.max, row.n) == pytest.approx(expected, rel=1e-3, abs=1e-9)
        assert metrics[row.over][row.variant][row.measure] == pytest.approx(values.mean(), abs=1e-4)
    assert metrics["best_accuracy"] == pytest.approx(0.8406, abs=1e-4)


def test_the_tutorials_numbers_stand_beside_the_seeds_alone(said):
    summary = pd.read_csv(said / "summary.csv")
    printed = summary.dropna(subset="tutorial").set_index(["over", "variant", "measure"]).tutorial
    assert printed["seeds", "before", "test_accuracy"] == 0.814
    assert printed["seeds", "baseline", "test_accuracy"] == 0.757
    assert len(printed) == 6 and set(printed.index.get_level_values("over")) == {"seeds"}


def test_differences_are_those_of_a_paired_t_test(written, said):
    runs, differences = pd.read_csv(written / "runs.csv"), pd.read_csv(said / "differences.csv")
    assert len(differences) == 24
    for row in differences.itertuples():
        values = runs[runs.over == row.over].pivot(index="seed", columns="variant", values=row.measure)
        ours, theirs = values[row.variant], values[row.against]
        assert row.difference == pytest.approx((ours - theirs).mean(), rel=1e-3, abs=1e-9)
        if (ours - theirs).std() > 1e-9:
            low, high = stats.ttest_rel(ours, theirs).confidence_interval(0.95)
            assert (row.low, row.high) == pytest.approx((low, high), rel=1e-3, abs=1e-9)


def test_the_page_holds_every_comparison_and_its_verdict(said):
    lines = (said / "summary.md").read_text(encoding="utf-8").splitlines()
    assert sum(line.startswith(("| seeds |", "| draws |")) for line in lines) == 24
    assert sum(" over seeds, " in line for line in lines) == 12


def test_the_page_tells_the_parameters_that_the_study_ran_with(said):
    text = " ".join((said / "summary.md").read_text(encoding="utf-8").split())
    for words in (
        "8 hidden units learns 30 points for 810 epochs; 70 others",
        "standard deviation 0.01 at the input, or 0.1 in the hidden layer",
        "ran from 3 seeds",
        "each of 2 other draws",
        "has 400 further points",
        "would get 0.841 right",
        "## 3 seeds on the tutorial's points",
        "with 95 % t intervals",
        "below 0.05 counts",
    ):
        assert words in text


def test_saying_it_again_says_the_same(written, said):
    again = read_study(written, ROOT / "data/paper/circles.csv")
    assert all((said / name).read_text(encoding="utf-8") == text for name, text in circles.tables(again))


def test_every_figure_is_drawn(study):
    with style.applied():
        assert len(dict(circles.figures(study))) == 6
