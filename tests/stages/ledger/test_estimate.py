import numpy as np
import pytest
from scipy import stats

from stages.ledger.estimate import estimate


def test_without_images_it_is_scipys_paired_t_test():
    values = np.random.default_rng(0).normal(0.02, 0.03, 7)
    found, oracle = estimate(values), stats.ttest_1samp(values, 0)
    assert found.interval() == pytest.approx(oracle.confidence_interval(0.95))
    assert found.differs() == pytest.approx(oracle.pvalue)
    assert found.above(0.01) == pytest.approx(stats.ttest_1samp(values, 0.01, alternative="greater").pvalue)
    assert found.below(0.01) == pytest.approx(stats.ttest_1samp(values, 0.01, alternative="less").pvalue)
    assert (found.images, found.df, found.n) == (None, 6, 7)


def test_p_and_interval_agree_with_images_too():
    random = np.random.default_rng(1)
    verdicts = set()
    for shift in np.linspace(0, 3, 40):
        found = estimate(
            random.normal(shift, 1, 6), random.normal(0, 0.05, (1, 200)) + random.normal(0, 0.05, (6, 200))
        )
        low, high = found.interval()
        assert (found.differs() < 0.05) == (not low <= 0 <= high)
        verdicts.add(low > 0)
    assert verdicts == {True, False}


def test_images_count_once():
    """The same influence in all seeds is the images' part; one of its own in each seed is seen in the seeds' spread."""
    shared = np.random.default_rng(2).normal(0, 0.1, (1, 300))
    own = np.zeros((6, 300))
    own[np.arange(6), np.arange(6)] = 1.0
    values = np.arange(6.0)
    assert estimate(values, shared.repeat(6, 0)).images == pytest.approx((shared**2).sum())
    assert estimate(values, own).images == 0
    assert estimate(values, own).error == estimate(values).error


# Standard deviations of what a seed does, an image, and both together; 300 images. The first is the seeds' alone.
SPREADS = [(0.02, 0.0, 0.0), (0.001, 0.35, 0.0), (0.0, 0.0, 0.35), (0.02, 0.35, 0.0), (0.01, 0.1, 0.35)]


@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize("n", [5, 12])
def test_the_interval_covers_whichever_part_dominates(spread, n):
    random, sets, images = np.random.default_rng(3), 1000, 300
    of_seeds, of_images, of_both = spread
    covered = 0
    for _ in range(sets):
        answers = random.normal(0, 1, images) * of_images + random.normal(0, 1, (n, images)) * of_both
        answers += random.normal(0, 1, (n, 1)) * of_seeds
        centred = (answers - answers.mean(1, keepdims=True)) / images
        low, high = estimate(answers.mean(1), centred).interval()
        covered += low <= 0 <= high
    assert 0.93 <= covered / sets <= 0.97


@pytest.mark.parametrize("values", [[1.0], [], [1.0, np.nan]])
def test_too_little_is_an_error(values):
    with pytest.raises(ValueError):
        estimate(np.array(values))
