import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_paired

from stages.ledger.claim import CONTRADICTED, DOES_NOT_HOLD, HOLDS, UNDECIDED
from stages.ledger.deciding import holm
from tests.stages.ledger.ledgers import entry, read

LOOSE = np.array([-0.06, -0.03, -0.01, 0.01, 0.03, 0.06])  # around 0, whose interval reaches .044 each way
TIGHT = LOOSE / 10
SAME = entry(kind="equivalence", direction=None)
NOT_WORSE = entry(kind="noninferiority")
NOT_BETTER = entry(kind="noninferiority", direction="less")
LESS = entry(direction="less")
LEVEL = entry(kind="level", direction=None, margin=None, against=None, printed=0.5)
MOST_RUNS = entry(kind="share", direction=None, margin=None, against=None, least=2, share=0.5)
SPREAD = entry(kind="spread", direction=None, against=None)
EQUAL = entry(kind="identity", direction=None, margin=None, measure="curves")
RATIO = entry(ratio=True, margin=0.05)

CASES = {
    "larger than the margin": (entry(), 0.03 + TIGHT, HOLDS),
    "beyond chance, and less than the margin": (entry(), 0.01 + TIGHT, DOES_NOT_HOLD),
    "beyond chance, the margin inside of the interval": (entry(), 0.018 + TIGHT, UNDECIDED),
    "none": (entry(), TIGHT, DOES_NOT_HOLD),
    "not known": (entry(), LOOSE, UNDECIDED),
    "large, and not beyond chance": (entry(), 0.04 + LOOSE, UNDECIDED),
    "the other way": (entry(), TIGHT - 0.03, CONTRADICTED),
    "the other way, and less than the margin": (entry(), TIGHT - 0.01, DOES_NOT_HOLD),
    "lower": (LESS, TIGHT - 0.03, HOLDS),
    "lower, as little": (LESS, TIGHT - 0.01, DOES_NOT_HOLD),
    "lower is higher": (LESS, 0.03 + TIGHT, CONTRADICTED),
    "the same": (SAME, 0.01 + TIGHT, HOLDS),
    "the same, not known": (SAME, LOOSE, UNDECIDED),
    "not the same": (SAME, TIGHT - 0.03, CONTRADICTED),
    "not worse": (NOT_WORSE, TIGHT - 0.01, HOLDS),
    "better is not worse": (NOT_WORSE, 0.1 + LOOSE, HOLDS),
    "worse": (NOT_WORSE, TIGHT - 0.03, CONTRADICTED),
    "not better": (NOT_BETTER, TIGHT - 0.1, HOLDS),
    "better": (NOT_BETTER, 0.1 + LOOSE, CONTRADICTED),
    "as printed": (LEVEL, 0.45 + LOOSE, HOLDS),
    "not as printed": (LEVEL, 0.45 + TIGHT, DOES_NOT_HOLD),
    "all runs": (MOST_RUNS, np.array([2.0, 3, 4, 5, 6, 7]), HOLDS),
    "five of six runs": (MOST_RUNS, np.array([1.0, 3, 4, 5, 6, 7]), UNDECIDED),
    "no run": (MOST_RUNS, np.zeros(6), DOES_NOT_HOLD),
    "they vary": (SPREAD, 2 * LOOSE, HOLDS),
    "they hardly vary": (SPREAD, TIGHT, DOES_NOT_HOLD),
    "equal": (EQUAL, np.zeros(6), HOLDS),
    "one cell": (EQUAL, np.array([0.0, 0, 0, 0, 0, 1]), CONTRADICTED),
    "a factor": (RATIO, np.log(1.1) + TIGHT, HOLDS),
    "a factor less than the margin": (RATIO, np.log(1.02) + TIGHT, DOES_NOT_HOLD),
}


@pytest.mark.parametrize("fields, values, expected", CASES.values(), ids=CASES)
def test_verdicts(tmp_path, fields, values, expected):
    claim = read(tmp_path, A=fields)["A"]
    seen = claim.judged(values, None)
    assert claim.verdict(seen, seen.p) == expected
    for few in (1, 2, 4):
        seen = claim.judged(values[-few:], None)
        assert (claim.verdict(seen, seen.p), seen.low, seen.high, seen.p) == (UNDECIDED, None, None, seen.p)


def test_a_p_that_is_corrected_takes_the_verdict_back(tmp_path):
    cases = (
        (entry(), 0.03 + TIGHT, UNDECIDED),
        (entry(), TIGHT - 0.03, DOES_NOT_HOLD),
        (SAME, 0.01 + TIGHT, UNDECIDED),
    )
    for fields, values, expected in cases:
        claim = read(tmp_path, A=fields)["A"]
        assert claim.verdict(claim.judged(values, None), 0.06) == expected


def test_equivalence_is_statsmodels_two_one_sided_tests_at_half_the_level(tmp_path):
    claim, values = read(tmp_path, A=SAME)["A"], np.random.default_rng(0).normal(0.005, 0.01, 8)
    p, *_ = ttost_paired(values, np.zeros(8), -0.02, 0.02)
    assert claim.judged(values, None).p == pytest.approx(2 * p)


def test_sign_flips_stand_beside_from_eight_seeds_on(tmp_path):
    claim, values = read(tmp_path, A=entry())["A"], np.random.default_rng(1).normal(0.02, 0.02, 16)
    assert [claim.judged(values[:n], None).p_signs is None for n in (7, 8, 16)] == [True, False, False]
    flips = np.array(np.meshgrid(*[[-1, 1]] * 9)).reshape(9, -1).T
    means = np.abs((flips * values[:9]).mean(1))
    assert (
        claim.judged(values[:9], None).p_signs == (means > means[0] - 1e-9).mean() == (means > means[-1] - 1e-9).mean()
    )


def test_a_level_is_of_one_run_more(tmp_path):
    claim, values = read(tmp_path, A=LEVEL)["A"], np.random.default_rng(2).normal(0.5, 0.05, 20)
    seen = claim.judged(values, None)
    inside = np.random.default_rng(3).normal(0.5, 0.05, 4000)
    assert ((seen.low < inside) & (inside < seen.high)).mean() == pytest.approx(0.95, abs=0.03)


def test_shares_and_spreads_are_scipys(tmp_path):
    share, spread = read(tmp_path, A=MOST_RUNS, B=SPREAD).values()
    values = np.array([0.0, 3, 3, 3, 3, 3, 3])
    seen, oracle = share.judged(values, None), stats.binomtest(6, 7, 0.5)
    assert (seen.low, seen.high) == pytest.approx(tuple(oracle.proportion_ci(method="exact")))
    assert (seen.effect, seen.p) == pytest.approx((6 / 7, oracle.pvalue))
    covered, random = 0, np.random.default_rng(4)
    for _ in range(500):
        seen = spread.judged(random.normal(0, 0.02, 8), None)
        covered += seen.low < 0.02 < seen.high
    assert 0.93 <= covered / 500 <= 0.97


def test_the_seeds_that_would_decide(tmp_path):
    claims = read(tmp_path, A=entry(), B=SAME, C=NOT_WORSE, D=MOST_RUNS, E=LEVEL, F=SPREAD)
    values = 0.02 * LOOSE / LOOSE.std(ddof=1)
    found = [claim.seeds_needed(claim.judged(values, None), 0.05) for claim in claims.values()]
    assert found == [10, 13, 10, 6, 5, None]
    many = np.tile(values, 4)  # more than that, around an effect that is half of the margin
    assert [claims[name].judged(0.01 + many, None).n for name in "AB"] == [24, 24]
    near = [claims[name].seeds_needed(claims[name].judged(0.01 + many, None), 0.05) for name in "AB"]
    assert near == [30, 30], "to tell .01 from .02"
    assert claims["A"].seeds_needed(claims["A"].judged(values[:1], None), 0.05) is None, "one seed shows no spread"


def test_holm_is_that_of_statsmodels():
    p = np.random.default_rng(5).uniform(0, 0.1, 7)
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])
