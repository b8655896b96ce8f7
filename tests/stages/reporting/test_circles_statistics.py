from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from stages.reporting.circles_statistics import ALPHA, COMPARED, differences, holm, sign_flip_test, verdicts
from stages.results.statistics import paired_difference


def test_holm_as_in_r():
    """p.adjust(c(0.04, 0.01, 0.05, 0.02, 0.03), "holm")"""
    np.testing.assert_allclose(holm(np.array([0.04, 0.01, 0.05, 0.02, 0.03])), [0.09, 0.05, 0.09, 0.08, 0.09])
    np.testing.assert_allclose(holm(np.array([0.9, 0.6])), [1, 1])


def test_sign_flips_of_few_pairs_are_all_tried():
    values = np.random.default_rng(0).normal(0.5, 1, 8)
    flipped = np.array([np.mean(values * signs) for signs in product([1, -1], repeat=8)])
    assert sign_flip_test(values) == pytest.approx(np.mean(abs(flipped) >= abs(values.mean()) - 1e-12))


def test_sign_flips_of_many_pairs_agree_with_the_t_test_on_normal_differences():
    values = np.random.default_rng(1).normal(0.4, 1, 30)
    assert sign_flip_test(values) == pytest.approx(stats.ttest_1samp(values, 0).pvalue, abs=0.01)


def test_no_difference_at_all_is_no_difference():
    assert sign_flip_test(np.zeros(30)) == 1


@pytest.fixture(scope="module")
def simulated():
    """Thirty pairs: `input` never differs, `before` over seeds, `after` always, its loss once down and once up."""
    rng, rows = np.random.default_rng(2), []
    for over, start in (("seeds", 0), ("draws", 30)):
        for seed in range(start, start + 30):
            luck = rng.normal(0, 0.05)
            for variant in ("baseline", "input", "before", "after"):
                shift = 0.05 * (variant == "after") + 0.02 * (variant == "before" and over == "seeds")
                sign = {"test_accuracy": 1, "large_accuracy": 1, "large_loss": 1 if over == "draws" else -1}
                rows.append(
                    (over, variant, seed, *(luck + sign[measure] * shift + rng.normal(0, 0.01) for measure in COMPARED))
                )
    return pd.DataFrame(rows, columns=["over", "variant", "seed", *COMPARED])


def test_differences_of_pairs(simulated):
    table = differences(simulated).set_index(["over", "measure", "variant", "against"])
    values = simulated[simulated.over == "draws"].pivot(index="seed", columns="variant", values="test_accuracy")
    row, test = table.loc["draws", "test_accuracy", "after", "before"], stats.ttest_rel(values.after, values.before)
    assert row.difference == pytest.approx((values.after - values.before).mean())
    assert (row.low, row.high) == pytest.approx(tuple(test.confidence_interval()))
    assert len(table) == 24 and (table.p_holm >= table.p).all()


def test_verdicts(simulated):
    found = verdicts(differences(simulated)).set_index(["measure", "variant", "against"])
    verdict = found.verdict
    assert verdict["large_accuracy", "after", "baseline"] == "survives"
    assert verdict["large_accuracy", "before", "baseline"] == "seeds only"
    assert verdict["large_accuracy", "input", "baseline"] == "none"
    assert verdict["large_loss", "after", "baseline"] == "contradicts"
    assert found.seeds["large_loss", "after", "baseline"] == pytest.approx(-0.05, abs=0.01)


@pytest.mark.parametrize("lost", [50, 53, 57])
def test_ties_of_accuracies_are_ties(lost):
    """Where 12 pairs differ by whole points of 70, the flips can be counted in whole numbers."""
    ours, theirs = np.array([54, 53, 55, 50, 51, 53, 56, 54, 52, lost, 55, 54]), np.full(12, 53)
    flipped = np.array([np.sum((ours - theirs) * signs) for signs in product([1, -1], repeat=12)])
    extreme = abs(flipped) >= abs(np.sum(ours - theirs))
    assert sign_flip_test(ours / 70 - theirs / 70) == pytest.approx(extreme.mean())


def test_alpha_is_what_the_intervals_leave_out():
    """One level for both: an interval at `LEVEL` without 0, and a p below `ALPHA`, uncorrected, say the same of t."""
    values = np.random.default_rng(3).normal(0, 1, 8)
    edge = stats.t.ppf(1 - ALPHA / 2, 7) * stats.sem(values)
    for shift, beyond in ((1.01, True), (0.99, False)):
        table = {seed: value - values.mean() + shift * edge for seed, value in enumerate(values)}
        assert paired_difference(table, dict.fromkeys(table, 0.0)).beyond_chance == beyond
