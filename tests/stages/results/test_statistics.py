import numpy as np
import pytest
from scipy import stats

from stages.results.statistics import mean_interval, paired_difference, reach, summary


def test_summary_by_hand():
    assert summary([1, 2, 6]) == (3, pytest.approx(7**0.5), 3)  # squares of -2, -1, 3 sum to 14, over n - 1 = 2
    assert summary([0.5]) == (0.5, None, 1)


def test_two_seeds_by_hand():
    # Differences 0.01 and 0.03: mean 0.02, standard error 0.01; the 97.5 % quantile of t with one degree of freedom is
    # tan(0.475 pi).
    result = paired_difference({0: 0.41, 1: 0.53}, {0: 0.40, 1: 0.50})
    reach = 0.01 * np.tan(0.475 * np.pi)
    assert (result.mean, result.low, result.high) == pytest.approx((0.02, 0.02 - reach, 0.02 + reach))


def test_the_interval_is_that_of_scipys_paired_t_test():
    random = np.random.default_rng(1)
    base = random.normal(0.5, 0.05, 6)
    ours = base + random.normal(0.02, 0.03, 6)
    result = paired_difference(dict(enumerate(ours)), dict(enumerate(base)))
    assert (result.low, result.high) == pytest.approx(stats.ttest_rel(ours, base).confidence_interval(0.95))


def test_only_shared_seeds_are_paired():
    assert paired_difference({0: 1.0, 7: 3.0}, {7: 2.5, 9: 0.0}) == (0.5, None, None, 1)
    with pytest.raises(ValueError, match=r"no seed in common: \[0\] against \[1\]"):
        paired_difference({0: 1.0}, {1: 1.0})


def test_identical_runs_differ_by_exactly_nothing():
    result = paired_difference({0: 0.4, 1: 0.5}, {0: 0.4, 1: 0.5})
    assert result == (0, 0, 0, 2)


def test_interval_of_a_mean_is_that_of_scipys_one_sample_t_test():
    values = np.random.default_rng(2).normal(0.5, 0.05, 5)
    mean, low, high, n = mean_interval(values)
    assert (mean, n) == (pytest.approx(np.mean(values)), 5)
    assert (low, high) == pytest.approx(stats.ttest_1samp(values, 0).confidence_interval(0.95))
    assert reach(5) == pytest.approx((high - mean) / np.std(values, ddof=1))
    assert mean_interval([0.5]) == (0.5, None, None, 1)
    assert reach(2) == pytest.approx(np.tan(0.475 * np.pi) / 2**0.5)  # one degree of freedom, in closed form


@pytest.mark.parametrize("values", [[], [1.0, float("nan")], [float("inf")]])
def test_nothing_to_summarise_is_an_error(values):
    with pytest.raises(ValueError):
        summary(values)
