"""What is said of a study that the stage really ran, recomputed from its runs."""

import json

import pandas as pd
import pytest

from stages.reporting import style
from stages.reporting.circles import exhibits
from stages.reporting.circles.names import MEASURES
from stages.reporting.circles.study import read_study
from tests.stages.reporting.simulated_circles import write_claims
from tests.stages.two_circles.conftest import ROOT


@pytest.fixture(scope="module")
def study(written, tmp_path_factory):
    claims = tmp_path_factory.mktemp("ledger") / "claims.csv"
    write_claims(claims)
    return read_study(written, ROOT / "data/paper/circles.csv", claims)


@pytest.fixture(scope="module")
def said(study, tmp_path_factory):
    """The folder with the tables and the page."""
    folder = tmp_path_factory.mktemp("circles-summary")
    for name, text in exhibits.tables(study):
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_means_and_spread_are_those_of_the_runs(written, said):
    runs, summary = pd.read_csv(written / "runs.csv"), pd.read_csv(said / "summary.csv")
    assert len(summary) == 2 * 4 * 12
    metrics = json.loads((said / "metrics.json").read_text())
    for row in summary.itertuples():
        values = runs[(runs.over == row.over) & (runs.variant == row.variant)][row.measure]
        expected = (values.mean(), values.std(), values.min(), values.max(), len(values))
        assert (row.mean, row.std, row.min, row.max, row.n) == pytest.approx(expected, rel=1e-3, abs=1e-9)
        if row.measure in MEASURES:
            assert metrics[row.over][row.variant][row.measure] == pytest.approx(values.mean(), abs=1e-4)
    assert metrics["best_accuracy"] == pytest.approx(0.8406, abs=1e-4)


def test_the_tutorials_numbers_stand_beside_the_seeds_alone(said):
    summary = pd.read_csv(said / "summary.csv")
    printed = summary.dropna(subset="tutorial").set_index(["over", "variant", "measure"]).tutorial
    assert printed["seeds", "before", "test_accuracy"] == 0.814
    assert printed["seeds", "baseline", "test_accuracy"] == 0.757
    assert len(printed) == 6 and set(printed.index.get_level_values("over")) == {"seeds"}


def test_the_page_holds_every_comparison_every_fall_and_how_rough_each_variant_is(study, said):
    lines = (said / "summary.md").read_text(encoding="utf-8").splitlines()
    assert sum(line.startswith(("| seeds |", "| draws |")) for line in lines) == 24 + 8 + 8
    row = study.falls.query("over == 'draws' and variant == 'input' and measure == 'large_loss'").iloc[0]
    (line,) = [line for line in lines if line.startswith("| draws | input noise |") and "epoch" in line]
    assert f"{row.fall:+.3f}".replace("-", "−") in line


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
    ):
        assert words in text


def test_every_figure_is_drawn(study):
    with style.applied():
        assert len(dict(exhibits.figures(study))) == 6
