"""Runs as the figures see them: one object for each row of runs.csv, with what the other tables say of it."""

import json
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from stages.reporting.style import Look, looks
from stages.results.inputs import BadInput
from stages.results.tables import Results

Runs = dict[str, dict[int, "Run"]]  # {variant: {seed: Run}}, variants and seeds in the order of runs.csv


@dataclass(frozen=True)
class Run:
    """One training run and its evaluation.

    row: its row of runs.csv. look: title and colour of its variant. curves, turns: its rows of those tables. values:
    of measures.csv, by (weights, split, measure), on pictures as they are. actual, predicted: class of each
    image of the test split, and what the last epoch's weights say, (N,).
    """

    row: dict
    look: Look
    curves: pd.DataFrame
    turns: pd.DataFrame
    values: dict[tuple[str, str, str], float]
    actual: np.ndarray
    predicted: np.ndarray

    @property
    def seed(self) -> int:
        return self.row["seed"]

    @property
    def epochs(self) -> int:
        return len(self.curves)

    @property
    def injects(self) -> bool:
        """Whether it is meant to flip signs: it has sites that carry one."""
        return self.row["signed"] > 0

    @property
    def idle(self) -> bool:
        """Whether it is meant to flip signs and flipped none."""
        return self.injects and pd.isna(self.row["first_turn"])

    @property
    def converged(self) -> bool | None:
        """What `stages.measures.training` says of its last quarter; None of a run of one epoch, which has none."""
        mark = self.values.get(("last", "val", "converged"))
        return None if mark is None else mark == 1

    @cached_property
    def classes(self) -> list[str]:
        return json.loads(self.row["classes"])

    @cached_property
    def warnings(self) -> list[str]:
        return json.loads(self.row["warnings"])

    @cached_property
    def images(self) -> dict[str, dict[str, int]]:
        """Numbers of images, {split: {class: number}}."""
        return json.loads(self.row["images"])

    @cached_property
    def flipped(self) -> np.ndarray:
        """Whether any feature of each site is flipped at each step: bool (sites, steps); no row without a sign."""
        rows, steps = [], self.row["steps"]
        for _, turns in self.turns[self.turns["quantity"] == "sign"].groupby("site", sort=False):
            lengths = np.diff([*turns["step"], steps + 1])
            rows.append(np.repeat(turns["value"].to_numpy() < 1, lengths))
        return np.array(rows, bool).reshape(len(rows), steps)

    def value(self, weights: str, split: str, measure: str) -> float:
        """A value of measures.csv. Raises BadInput where it has no such row."""
        try:
            return self.values[weights, split, measure]
        except KeyError:
            wanted = f"weights {weights}, split {split}, measure {measure}"
            raise BadInput(f"measures.csv: no row of the run {self.row['run']} with {wanted}") from None


def runs_of(results: Results) -> Runs:
    """The runs of the tables, `{variant: {seed: Run}}`. Raises BadInput where two have one variant and one seed."""
    look = looks(results.runs["variant"].unique())
    curves, turns = dict(list(results.curves.groupby("run"))), dict(list(results.turns.groupby("run")))
    plain = results.measures[results.measures["corruption"] == ""]
    values = {run: table.set_index(["weights", "split", "measure"])["value"] for run, table in plain.groupby("run")}
    runs: Runs = {}
    for row, predicted in zip(results.runs.to_dict("records"), results.predictions.predicted):
        run, variant = row["run"], row["variant"]
        seeds = runs.setdefault(variant, {})
        if row["seed"] in seeds:
            raise BadInput(f"runs.csv: two runs of {variant} with seed {row['seed']}: a study, not one comparison")
        seeds[row["seed"]] = Run(
            row=row,
            look=look[variant],
            curves=curves[run].reset_index(drop=True),
            turns=turns.get(run, results.turns[:0]),
            values=values[run].to_dict() if run in values else {},
            actual=results.predictions.actual,
            predicted=predicted,
        )
    return runs


def look_of(runs: dict[int, Run]) -> Look:
    """Title and colour of the variant that these runs are of."""
    return next(iter(runs.values())).look
