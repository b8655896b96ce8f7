import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from stages.ledger.claim import UNDECIDED
from stages.ledger.estimate import Estimate
from stages.ledger.power import least_seeds, seeds_to_decide
from stages.results.statistics import FEW
from tests.stages.ledger.ledgers import entry, read

SAME = entry(kind="equivalence", direction=None)
NOT_WORSE = entry(kind="noninferiority")


def seen(mean, sd, images=None):
    return Estimate(n=6, mean=mean, sd=sd, seeds=sd**2 / 6, images=images, df=5)


CASES = {
    "a clear effect": (entry(), 0.06, 0.04),
    "the other way": (entry(direction="less"), -0.06, 0.04),
    "no effect": (entry(), 0.0, 0.03),
    "less than the margin": (entry(), 0.01, 0.02),
    "the same": (SAME, 0.0, 0.03),
    "nearly the margin": (SAME, 0.01, 0.02),
    "not the same": (SAME, 0.04, 0.03),
    "not worse": (NOT_WORSE, 0.0, 0.03),
    "better": (NOT_WORSE, 0.02, 0.05),
    "worse": (NOT_WORSE, -0.05, 0.03),
    "not more": (entry(kind="noninferiority", direction="less"), 0.0, 0.03),
}


@pytest.mark.parametrize("fields, effect, sd", CASES.values(), ids=CASES)
def test_so_many_seeds_decide_in_four_of_five_times(tmp_path, fields, effect, sd):
    claim = read(tmp_path, A=fields)["A"]
    n = seeds_to_decide(seen(effect, sd), 0.05, claim.undecided)
    assert n > FEW, "a case that says something"
    random = np.random.default_rng(0)
    assert 0.74 <= _decided(claim, random, effect, sd, n) <= 0.86
    assert _decided(claim, random, effect, sd, round(0.6 * n)) < 0.74


def _decided(claim, random, effect, sd, n, sets=300):
    """The share of simulated sets of n seeds that have a verdict."""
    judged = [claim.judged(values, None) for values in random.normal(effect, sd, (sets, n))]
    return np.mean([claim.verdict(each, each.p) != UNDECIDED for each in judged])


@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_of_an_effect_well_beyond_the_margin_they_are_those_of_a_t_test(tmp_path, alpha):
    claim = read(tmp_path, A=entry(margin=0.001))["A"]
    n = seeds_to_decide(seen(0.04, 0.06), alpha, claim.undecided)
    assert TTestPower().power(0.04 / 0.06, n, alpha) == pytest.approx(0.8, abs=0.02)


def test_the_correction_of_a_family_asks_for_more(tmp_path):
    claim = read(tmp_path, A=SAME)["A"]
    assert [seeds_to_decide(seen(0, 0.02), alpha, claim.undecided) for alpha in (0.05, 0.01)] == [13, 18]


def test_at_the_margin_and_where_images_dominate_no_number_of_seeds_will_do(tmp_path):
    claim = read(tmp_path, A=entry())["A"]
    assert seeds_to_decide(seen(0.02, 0.02), 0.05, claim.undecided) is None
    assert seeds_to_decide(seen(0, 0.02, 0.011**2), 0.05, claim.undecided) is None
    spread = [seeds_to_decide(seen(0, 0.02, image**2), 0.05, claim.undecided) for image in (0, 0.005, 0.007, 0.008)]
    assert spread == [10, 13, 21, 34]


def test_on_the_same_images_they_decide_as_often(tmp_path):
    """What the images do to all seeds widens the interval, and is the same in each set."""
    claim, random, image = read(tmp_path, A=entry())["A"], np.random.default_rng(1), 0.008
    n = seeds_to_decide(seen(0, 0.02, image**2), 0.05, claim.undecided)
    influences = np.tile(np.resize([-1, 1], 400) * image / 20, (n, 1))
    judged = [claim.judged(values, influences) for values in random.normal(0, 0.02, (300, n))]
    assert judged[0].found.images == pytest.approx(image**2)
    assert 0.74 <= np.mean([claim.verdict(each, each.p) != UNDECIDED for each in judged]) <= 0.86


KINDS = [entry(), entry(direction="less"), SAME, NOT_WORSE, entry(kind="noninferiority", direction="less")]


@pytest.mark.parametrize("fields", KINDS, ids=lambda fields: f"{fields['kind']}-{fields.get('direction')}")
def test_undecided_is_where_there_is_no_verdict(tmp_path, fields):
    """At every level to which a family of so many corrects."""
    claim, random = read(tmp_path, A=fields)["A"], np.random.default_rng(2)
    verdicts = set()
    for _ in range(200):
        size, n = random.integers(1, 6), random.choice([5, 6, 7, 17, 20])  # between them sign flips take their time
        values = random.normal(random.uniform(-0.06, 0.06), 10 ** random.uniform(-3, -1), n)
        judged = claim.judged(values, None)
        reach, corrected = (
            stats.t.ppf(share, judged.found.df) * judged.found.error for share in (0.975, 1 - 0.025 / size)
        )
        verdict = claim.verdict(judged, min(1, size * judged.p))
        between = [low < judged.effect < high for low, high in claim.undecided(reach, corrected)]
        assert any(between) == (verdict == UNDECIDED), (judged, size)
        verdicts.add(verdict)
    assert len(verdicts) >= 3


def test_shares_and_spreads_are_decided_as_often(tmp_path):
    share = read(tmp_path, A=entry(kind="share", direction=None, margin=None, against=None, least=2, share=0.5))["A"]
    n = share.seeds_needed(share.judged(np.array([3.0] * 5 + [0]), None), 0.05)
    random = np.random.default_rng(3)
    sets = random.binomial(1, 5 / 6, (600, n)) * 3.0
    assert n > FEW + 1 and 0.72 <= np.mean([_verdict(share, values) != UNDECIDED for values in sets]) <= 0.95
    assert share.seeds_needed(share.judged(np.array([3.0, 3, 3, 0, 0, 0]), None), 0.05) is None, "at its bound"
    spread = read(tmp_path, A=entry(kind="spread", direction=None, against=None))["A"]
    values = random.normal(0, 1, 8)
    for sd in (0.012, 0.035):
        n = spread.seeds_needed(spread.judged(sd * values / values.std(ddof=1), None), 0.05)
        sets = random.normal(0, sd, (600, n))
        assert n > FEW and 0.74 <= np.mean([_verdict(spread, values) != UNDECIDED for values in sets]) <= 0.9


def _verdict(claim, values):
    seen = claim.judged(values, None)
    return claim.verdict(seen, seen.p)


def test_without_any_spread_the_fewest_do(tmp_path):
    claim = read(tmp_path, A=entry())["A"]
    assert [seeds_to_decide(seen(mean, 0), 0.05, claim.undecided) for mean in (0.0, 0.03)] == [FEW, FEW]


def test_the_least_number_is_found():
    assert [least_seeds(lambda n, wanted=wanted: n >= wanted) for wanted in (1, 6, 1000, 20_000)] == [5, 6, 1000, None]
