"""Which differences between variants are more than chance: paired over repetitions, corrected for how many were looked at."""

import numpy as np
import pandas as pd
from scipy import stats

from stages.results.statistics import paired_difference

# Each variant against none, and the two places in the hidden layer against each other.
PAIRS = [("input", "baseline"), ("before", "baseline"), ("after", "baseline"), ("after", "before")]
MEASURES = ["test_accuracy", "large_accuracy", "large_loss"]
LEVEL = 0.05
RESAMPLES = 9999


def differences(runs):
    """A table of every pair's mean paired difference, for each measure and each kind of repetition.

    runs: one row for each model, with columns over ("seeds" or "draws"), variant, seed and the measures.
    Columns of the result: over, measure, variant, against, difference, low, high (95 % t interval), p (two-sided, by flipping the
    signs of the differences), p_holm (corrected over the whole table), differs (p_holm < 0.05).
    """
    rows = []
    for (over, repetitions), measure in [
        (group, measure) for group in runs.groupby("over", sort=False) for measure in MEASURES
    ]:
        values = repetitions.pivot(index="seed", columns="variant", values=measure)
        for variant, against in PAIRS:
            found = paired_difference(values[variant].to_dict(), values[against].to_dict())
            p = sign_flip_test(values[variant] - values[against])
            rows.append((over, measure, variant, against, found.mean, found.low, found.high, p))
    table = pd.DataFrame(rows, columns=["over", "measure", "variant", "against", "difference", "low", "high", "p"])
    table["p_holm"] = holm(table.p.to_numpy())
    table["differs"] = table.p_holm < LEVEL
    return table


def verdicts(differences):
    """For each measure and pair of a table of `differences`: "survives" where it differs over seeds and over draws in the same
    direction, "seeds only", "draws only", "contradicts" itself, or "none". Columns measure, variant, against, seeds, draws, verdict;
    seeds and draws are the two mean differences.
    """
    key = ["measure", "variant", "against"]
    seeds, draws = (differences[differences.over == over].set_index(key) for over in ("seeds", "draws"))
    table = pd.DataFrame({"seeds": seeds.difference, "draws": draws.difference})
    both = np.where(np.sign(table.seeds) == np.sign(table.draws), "survives", "contradicts")
    alone = np.where(seeds.differs, "seeds only", np.where(draws.differs, "draws only", "none"))
    table["verdict"] = np.where(seeds.differs & draws.differs, both, alone)
    return table.reset_index()


def sign_flip_test(differences):
    """Two-sided p of a mean of paired differences: were there none, each could as well have had the other sign.

    It asks for no normal distribution, which accuracies in steps of one of 70 points do not have. With few pairs all flips are
    tried, else `RESAMPLES` random ones, always the same.
    """
    test = stats.permutation_test(
        (np.asarray(differences, float),),
        np.mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=RESAMPLES,
        rng=0,
    )
    return float(test.pvalue)


def holm(p):
    """Holm's corrected p values: with them below 0.05, the chance of even one false difference in the whole family is below 5 %."""
    order = np.argsort(p)
    corrected = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)).clip(max=1)
    return corrected[np.argsort(order)]
