"""How often the ledger says what is not so: it decides simulated runs, of which the true effects are known.

    python -m benchmarks.false_alarms [--sets 1000] [--seeds 6] [--images 400]

Decides the primary family of data/paper/claims.yaml on data sets in which all variants are alike: a difference that
holds or is contradicted is a false verdict, and so is "the same" that is contradicted. Three kinds of data sets, by
what makes runs differ. Prints the rates; half a minute.
"""

import argparse
from collections.abc import Sequence

import numpy as np
from scipy import stats

from stages.ledger.claim import CONTRADICTED, HOLDS
from stages.ledger.comparisons import Superiority
from stages.ledger.deciding import decide
from stages.ledger.entries import MAIN, Entry, Side, read_entries
from stages.ledger.images import influences
from stages.ledger.rows import Pair

VARIANTS = ("baseline", "dropout", "periodic", "dynamic", "dropout-periodic")
CLASSES = 7
# What seeds, images, and both together do to the chance of a right answer, on the scale of a probit.
KINDS = {"mostly seeds": (0.3, 0.1, 0.1), "mostly images": (0.02, 1.0, 0.1), "single answers": (0.02, 0.1, 1.0)}


class Simulated:
    """Rows of runs that answer each image with a chance of their own: `stages.ledger.rows.Rows`.

    seeds, images: numbers. spread: of `KINDS`. better: what a variant's chance is better by, on the probit's scale.
    """

    def __init__(
        self, random: np.random.Generator, seeds: int, images: int, spread: tuple[float, float, float],
        better: dict[str, float] | None = None,
    ):  # fmt: skip
        of_seeds, of_images, of_both = spread
        self.seeds = range(seeds)
        self.actual = np.arange(images) % CLASSES
        self.said: dict[str, np.ndarray] = {}
        easy = random.normal(0, 1, images)
        for variant in VARIANTS:
            # What an image does in every seed, of this variant: in pairs of variants, it does not cancel.
            chance = easy + random.normal(0, of_images, images) + (better or {}).get(variant, 0.0)
            for seed in self.seeds:
                right = chance + random.normal(0, of_seeds) + random.normal(0, of_both, images) > 0
                wrong = (self.actual + random.integers(1, CLASSES, images)) % CLASSES
                self.said[f"{variant}/{seed}"] = np.where(right, self.actual, wrong)

    def groups(self, side: Side) -> list[dict[int, str]]:
        return [{seed: f"{side.variant}/{seed}" for seed in self.seeds}]

    def number(self, run: str, measure: str, corruption: str | None, turns_of: str) -> float:
        return float((self.said[run] == self.actual).mean())

    def images(self, run: str, measure: str, corruption: str | None) -> np.ndarray | None:
        return influences("accuracy", self.actual, self.said[run], self.actual)

    def differing_cells(self, run: str, other: str) -> int:
        return int((self.said[run] != self.said[other]).sum())

    def alike(self, run: str, other: str) -> bool:
        return self.differing_cells(run, other) == 0

    def idle(self, run: str) -> bool:
        return False

    def marks(self, pairs: Sequence[Pair], same: bool) -> list[str]:
        return []


def primary() -> dict[str, Entry]:
    """The primary family of the ledger, on one set of rows."""
    entries = read_entries("data/paper/claims.yaml")
    return {
        name: entry.model_copy(update={"rows": [MAIN]}) for name, entry in entries.items() if entry.family == "primary"
    }


def false_alarms(
    entries: dict[str, Entry], sets: int, seeds: int, images: int, spread: tuple[float, float, float]
) -> int:
    """Of so many data sets without any difference, in how many the family has a false verdict."""
    count = 0
    for number in range(sets):
        decisions = decide(entries, {MAIN: Simulated(np.random.default_rng([number, seeds]), seeds, images, spread)})
        count += any(
            decision.verdict == CONTRADICTED or (decision.verdict == HOLDS and isinstance(entries[name], Superiority))
            for (name, _), decision in decisions.items()
        )
    return count


def most(sets: int) -> int:
    """The most false verdicts that a rate of 5 % gives, but for one time in a hundred."""
    return int(stats.binom.ppf(0.99, sets, 0.05))


def main(sets: int, seeds: int, images: int) -> None:
    entries = primary()
    for name, spread in KINDS.items():
        count = false_alarms(entries, sets, seeds, images, spread)
        print(f"{name}: {count} of {sets} families with a false verdict ({count / sets:.1%}; at most {most(sets)})")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--images", type=int, default=400)
    main(**vars(parser.parse_args()))
