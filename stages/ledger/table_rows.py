"""Numbers from the tables of runs. A measure is one of

last test macro_f1     weights, split and measure of measures.csv
train_loss at turns    change of a column of curves.csv from the epoch before, mean over the epochs in which a sign of
                       our side's run turned: of the run that it is held against, the change in the same epochs
least update           the least value of a column of curves.csv over the epochs
fewest turns           turns of the site that has fewest
"""

from collections.abc import Sequence
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from stages.ledger.entries import Side
from stages.ledger.images import influences
from stages.ledger.rows import Pair
from stages.results import tables
from stages.results.inputs import BadInput
from stages.results.tables import CURVES

MACHINE = ("hardware", "threads", "precision", "compiled")  # columns of runs.csv that change the bits of a run
WEIGHTS = ("best", "last")
# The share of sites and steps with a flipped sign is what a run says of itself: where the weights are rewritten, none.
COMPARED = [column for column in CURVES if column != "flipped"]


class TableRows:
    """Of the tables in a folder, as `stages.results.tables` describes them. Raises BadInput as its `read`."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.results = tables.read(folder)

    def groups(self, side: Side) -> list[dict[int, str]]:
        varied = self.results.varied
        if unknown := [name for name in side.values if name not in varied]:
            what = f"only {', '.join(varied)} is varied there" if varied else "nothing is varied there"
            raise BadInput(f"{self.folder}: {side.text}: no varied parameter {unknown[0]}; {what}")
        found: dict[tuple, dict[int, str]] = {}
        for row in self.results.runs.to_dict("records"):
            values = {name: row[name] for name in varied if row[name] != ""}
            if row["variant"] == side.variant and all(values.get(name) in some for name, some in side.values.items()):
                found.setdefault(tuple(values.items()), {})[row["seed"]] = row["run"]
        return list(found.values())

    def number(self, run: str, measure: str, corruption: str | None, turns_of: str) -> float | None:
        first, *rest = measure.split(" ", 2)
        if first in WEIGHTS:
            return self._measured(run, measure, corruption or "")
        if measure == "fewest turns":
            return self._fewest_turns(run)
        column = rest[0] if first == "least" else first
        if rest not in ([column], ["at", "turns"]) or column not in CURVES:
            forms = "weights split measure, least <column>, <column> at turns, fewest turns"
            raise BadInput(f"{self.folder}: no measure {measure!r}; expected one of: {forms}; of {', '.join(CURVES)}")
        curve = self._curves[run][column]
        if first == "least":
            return float(curve.min())
        epochs = [epoch for epoch in self._turned.get(turns_of, []) if epoch > 1]
        changes = np.diff(curve, prepend=np.nan)
        return float(np.mean(changes[np.array(epochs) - 1])) if epochs else None

    def images(self, run: str, measure: str, corruption: str | None) -> np.ndarray | None:
        words = measure.split(" ", 2)
        if words[:2] != ["last", "test"] or corruption:
            return None  # the predictions that are kept are of the last weights, on test, as the pictures are
        said = self.results.predictions
        row = said.runs.index(run)
        return influences(words[2], said.actual, said.predicted[row], said.truth[row])

    def differing_cells(self, run: str, other: str) -> int:
        ours, theirs = (self._curves[name][COMPARED] for name in (run, other))
        return int((ours.to_numpy() != theirs.to_numpy()).sum()) if len(ours) == len(theirs) else ours.size

    def marks(self, pairs: Sequence[Pair]) -> list[str]:
        runs = sorted({run for pair in pairs for run in pair if run})
        return [mark for mark in (self._moving(runs), self._idle(runs), self._machines(pairs)) if mark]

    def _measured(self, run: str, measure: str, corruption: str) -> float | None:
        key = (*measure.split(" ", 2), corruption)
        if key not in self._known:
            known = [" ".join(filter(None, each)) for each in self._known]
            close = get_close_matches(" ".join(filter(None, key)), known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
            raise BadInput(f"{self.folder / 'measures.csv'}: no measure {' '.join(filter(None, key))}; {hint}")
        value = self._values.get((run, *key))
        return None if value is None or np.isnan(value) else value

    def _fewest_turns(self, run: str) -> float | None:
        turns = self._signs[self._signs["run"] == run].groupby("site").size() - 1
        return float(turns.min()) if len(turns) else None

    def _moving(self, runs: list[str]) -> str | None:
        values = [self._values.get((run, "last", "val", "converged", "")) for run in runs]
        moving = sum(value == 0 for value in values)
        return f"{moving} of {len(runs)} runs had not converged" if moving else None

    def _idle(self, runs: list[str]) -> str | None:
        table = self.results.runs
        idle = table[table["run"].isin(runs) & (table["signed"] > 0) & table["first_turn"].isna()]
        return f"nothing was injected in {', '.join(idle['run'])}" if len(idle) else None

    def _machines(self, pairs: Sequence[Pair]) -> str | None:
        rows = self.results.runs.set_index("run")
        differing = [
            column
            for column in MACHINE
            if any(other and str(rows.at[run, column]) != str(rows.at[other, column]) for run, other in pairs)
        ]
        return f"pairs of different {', '.join(differing)}" if differing else None

    @cached_property
    def _values(self) -> dict[tuple, float]:
        columns = ["run", "weights", "split", "measure", "corruption"]
        return dict(
            zip(self.results.measures[columns].itertuples(index=False, name=None), self.results.measures["value"])
        )

    @cached_property
    def _known(self) -> dict[tuple, None]:
        return dict.fromkeys(key[1:] for key in self._values)

    @cached_property
    def _curves(self) -> dict[str, pd.DataFrame]:
        return {run: table.reset_index(drop=True) for run, table in self.results.curves.groupby("run")}

    @cached_property
    def _signs(self) -> pd.DataFrame:
        return self.results.turns[self.results.turns["quantity"] == "sign"]

    @cached_property
    def _turned(self) -> dict[str, list[int]]:
        """The epochs in which a sign of a run turned, the first step's sign being none."""
        turned = self._signs[self._signs["step"] > 1]
        return {run: sorted(set(table["epoch"])) for run, table in turned.groupby("run")}
