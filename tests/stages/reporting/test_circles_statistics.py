import pandas as pd
import pytest
from scipy import stats

from stages.reporting.circles.statistics import FALLS, differences, falls
from tests.stages.reporting.simulated_circles import write_study


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study") / "circles"
    write_study(folder)
    return pd.read_csv(folder / "runs.csv")


def test_differences_are_those_of_pairs(runs):
    table = differences(runs)
    assert len(table) == 24 and set(table.n) == {13, 2}
    for row in table.itertuples():
        values = runs[runs.over == row.over].pivot(index="seed", columns="variant", values=row.measure)
        test = stats.ttest_rel(values[row.variant], values[row.against])
        assert row.difference == pytest.approx((values[row.variant] - values[row.against]).mean())
        assert (row.low, row.high) == pytest.approx(tuple(test.confidence_interval()))


def test_falls_are_from_the_peak_to_the_end_and_positive_where_a_model_gets_worse(runs):
    runs["peak_accuracy"], runs["peak_loss"] = runs.test_accuracy + 0.1, runs.test_loss - 0.2
    table = falls(runs)
    assert len(table) == 2 * 4 * len(FALLS)
    own = table[table.measure.isin(["test_accuracy", "test_loss"])]
    assert own.fall.tolist() == pytest.approx([0.1, 0.2] * 8) and own.low.tolist() == pytest.approx([0.1, 0.2] * 8)
    row = table[(table.over == "seeds") & (table.variant == "after") & (table.measure == "large_loss")].iloc[0]
    models = runs[(runs.over == "seeds") & (runs.variant == "after")]
    test = stats.ttest_rel(models.large_loss, models.peak_large_loss)
    assert (row.low, row.high) == pytest.approx(tuple(test.confidence_interval())) and row.n == 13
