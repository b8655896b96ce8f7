"""Where an entry's numbers come from: the tables of runs, of the default run or a study, or the circles' runs."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from stages.ledger.entries import Side

Pair = tuple[str, str | None]  # the runs of one seed: ours, and the one that it is held against, if any


class Rows(Protocol):
    """One set of runs, each named by a text. variants: those that there are."""

    @property
    def variants(self) -> list[str]: ...

    def groups(self, side: Side) -> list[dict[int, str]]:
        """`{seed: run}` of every group of runs that fits. Raises BadInput for what these runs cannot have."""

    def settings(self, run: str) -> str:
        """What is varied, and the run's value of it: "interval=5, periodic.unit=epoch"; "" where nothing is."""

    def number(self, run: str, measure: str, corruption: str | None, turns_of: str) -> float | None:
        """A measure of a run, at the turns of another where it is of those; None where this run has no such value.

        Raises BadInput where no run has.
        """

    def images(self, run: str, measure: str, corruption: str | None) -> np.ndarray | None:
        """Influence of each test image on the measure, (N,); None where nothing tells."""

    def differing_cells(self, run: str, other: str) -> int:
        """In how many cells the curves of two runs differ."""

    def alike(self, run: str, other: str) -> bool:
        """Whether two runs are one and the same training."""

    def idle(self, run: str) -> bool:
        """Whether signs were to turn in the run, and none did."""

    def marks(self, pairs: Sequence[Pair], same: bool) -> list[str]:
        """What a reader must know of these runs; same: that they are the same is what is claimed."""
