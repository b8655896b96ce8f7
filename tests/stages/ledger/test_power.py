import numpy as np
import pytest
from scipy import stats

from stages.ledger.estimate import Estimate, estimate
from stages.ledger.power import least_seeds, seeds_for_bound, seeds_for_difference
from stages.results.statistics import FEW


def of(sd, images=None):
    return Estimate(n=6, mean=0.0, sd=sd, seeds=sd**2 / 6, images=images, df=5)


# Standard deviation over seeds: seeds for .04 and .02, and the same where Holm has five to correct for.
TABLE = {0.02: (5, 10, 7, 16), 0.03: (7, 20, 10, 30), 0.06: (20, 73, 30, 109)}


@pytest.mark.parametrize("sd", TABLE)
def test_seeds_of_a_paired_t_test(sd):
    found = [seeds_for_difference(of(sd), margin, alpha) for alpha in (0.05, 0.01) for margin in (0.04, 0.02)]
    assert found == list(TABLE[sd])


def test_where_images_dominate_no_number_of_seeds_will_do():
    spread = [seeds_for_difference(of(0.02, image**2), 0.02, 0.05) for image in (0.0, 0.005, 0.007, 0.008)]
    assert spread == [10, 17, 204, None]


@pytest.mark.parametrize("sd, effect", [(0.02, 0.04), (0.03, 0.04)])
def test_an_effect_is_found_as_often_as_promised(sd, effect):
    n = seeds_for_difference(of(sd), effect, 0.05)
    random, sets = np.random.default_rng(0), 1000
    found = sum(estimate(random.normal(effect, sd, n)).differs() < 0.05 for _ in range(sets))
    assert found >= stats.binom.ppf(0.001, sets, 0.8)
    fewer = sum(estimate(random.normal(effect, sd, n - 1)).differs() < 0.05 for _ in range(sets))
    assert n == FEW or fewer <= stats.binom.ppf(0.999, sets, 0.8)


def test_equivalence_is_found_as_often_as_promised():
    n = seeds_for_bound(of(0.02), 0.02, 0.05, sides=2)
    assert (n, seeds_for_bound(of(0.02), 0.02, 0.05, sides=1)) == (13, 10)
    random, sets = np.random.default_rng(1), 1000
    intervals = [estimate(random.normal(0, 0.02, n)).interval() for _ in range(sets)]
    inside = sum(low > -0.02 and high < 0.02 for low, high in intervals)
    assert stats.binom.ppf(0.001, sets, 0.78) <= inside <= stats.binom.ppf(0.999, sets, 0.86)


def test_the_least_number_is_found():
    assert [least_seeds(lambda n, wanted=wanted: n >= wanted) for wanted in (1, 6, 1000, 20_000)] == [5, 6, 1000, None]
