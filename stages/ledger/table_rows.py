"""Numbers from the tables of runs. A measure is one of

last test macro_f1     weights, split and measure of measures.csv
train_loss at turns    change of a column of curves.csv from the epoch before, mean over the epochs in which a sign of
                       our side's run turned: of the run that it is held against, the change in the same epochs
least update           the least value of a column of curves.csv over the epochs
fewest turns           turns of the site that has fewest
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.ledger.entries import Side
from stages.ledger.images import influences
from stages.ledger.rows import Pair
from stages.results import tables
from stages.results.cautions import MACHINE, cautions, idle
from stages.results.inputs import BadInput
from stages.results.tables import CURVES

WEIGHTS = ("best", "last")
# Measures that a run of too few turns or epochs does not have: perhaps no run of a study.
MAY_LACK = ("turns_per_1000_steps", "turn_distance_cv", "macro_f1_trend", "loss_trend", "converged")
# The share of sites and steps with a flipped sign is what a run says of itself: where the weights are rewritten, none.
COMPARED = [column for column in CURVES if column != "flipped"]


class TableRows:
    """Of the tables in a folder, as `stages.results.tables` describes them. Raises BadInput as its `read`."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.results = tables.read(folder)

    @property
    def variants(self) -> list[str]:
        return list(self.results.runs["variant"].unique())

    def groups(self, side: Side) -> list[dict[int, str]]:
        varied = self.results.varied
        if unknown := [name for name in side.values if name not in varied]:
            what = f"only {', '.join(varied)} is varied there" if varied else "nothing is varied there"
            raise BadInput(f"{self.folder}: {side.text}: no varied parameter {unknown[0]}; {what}")
        found: dict[tuple, dict[int, str]] = {}
        for row in self.results.runs[["run", "variant", "seed", *varied]].to_dict("records"):
            values = self._varied(row)
            if row["variant"] == side.variant and all(values.get(name) in some for name, some in side.values.items()):
                found.setdefault(tuple(values.items()), {})[row["seed"]] = row["run"]
        return list(found.values())

    def settings(self, run: str) -> str:
        return ", ".join(f"{name}={value}" for name, value in self._varied(self._runs.loc[run]).items())

    def number(self, run: str, measure: str, corruption: str | None, turns_of: str) -> float | None:
        first, *rest = measure.split(" ", 2)
        if first in WEIGHTS:
            return self._measured(run, measure, corruption or "")
        if corruption:
            raise BadInput(f"{self.folder}: corruption {corruption}: {measure} is not measured on corrupted pictures")
        if measure == "fewest turns":
            return self._fewest_turns(run)
        column = rest[0] if first == "least" and rest else first
        if rest != ([column] if first == "least" else ["at", "turns"]) or column not in CURVES:
            forms = "weights split measure, least <column>, <column> at turns, fewest turns"
            raise BadInput(f"{self.folder}: no measure {measure!r}; expected one of: {forms}; of {', '.join(CURVES)}")
        curve = self._curves[run][column]
        if first == "least":
            return float(curve.min())
        epochs = np.array(self._turned.get(turns_of, []))
        if not len(epochs) or epochs[-1] > len(curve):
            return None
        return float(np.diff(curve)[epochs - 2].mean())

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

    def alike(self, run: str, other: str) -> bool:
        return self.differing_cells(run, other) == 0

    def idle(self, run: str) -> bool:
        return idle(self.results, run)

    def marks(self, pairs: Sequence[Pair], same: bool) -> list[str]:
        sides = [[run for run in side if run] for side in zip(*pairs) if any(side)]
        without = [run for runs in sides for run in runs if self.idle(run)]
        marks = [f"nothing was injected in {len(without)} of {len(pairs)} runs"] if without else []
        marks += dict.fromkeys(words for runs in sides for words in self._cautions(runs))
        return marks + ([] if same else self._same_turns(pairs)) + self._machines(pairs)

    def _measured(self, run: str, measure: str, corruption: str) -> float | None:
        key = (*measure.split(" ", 2), corruption)
        if key not in self._known and key[-2] not in MAY_LACK:
            known = [" ".join(filter(None, each)) for each in self._known]
            close = get_close_matches(" ".join(filter(None, key)), known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
            raise BadInput(f"{self.folder / 'measures.csv'}: no measure {' '.join(filter(None, key))}; {hint}")
        value = self._values.get((run, *key))
        return None if value is None or np.isnan(value) else value

    def _fewest_turns(self, run: str) -> float | None:
        turns = self._signs[self._signs["run"] == run].groupby("site").size() - 1
        return float(turns.min()) if len(turns) else None

    def _varied(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {name: row[name] for name in self.results.varied if row[name] != ""}

    def _cautions(self, runs: list[str]) -> list[str]:
        variant = self._runs.at[runs[0], "variant"]
        return [f"{variant} {words}" for words in cautions(self.results, runs)]

    def _same_turns(self, pairs: Sequence[Pair]) -> list[str]:
        """Of two methods that turned in the same epochs: that they do the same may be no more than that."""
        epochs = [(self._turned.get(ours), self._turned.get(other)) for ours, other in pairs if other]
        (ours, against), variants = pairs[0], self._runs["variant"]
        same = (
            all(mine and mine == theirs for mine, theirs in epochs) and against and variants[ours] != variants[against]
        )
        return [f"{variants[ours]} and {variants[against]} turned signs in the same epochs"] if same else []

    def _machines(self, pairs: Sequence[Pair]) -> list[str]:
        rows = [(self._runs.loc[ours], self._runs.loc[other]) for ours, other in pairs if other]
        differing = [name for name in MACHINE if any(str(ours[name]) != str(other[name]) for ours, other in rows)]
        return [f"pairs of different {', '.join(differing)}"] if differing else []

    @cached_property
    def _runs(self) -> pd.DataFrame:
        return self.results.runs.set_index("run")

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
        """The epochs of a run in which a sign turned, but for the first, which has none before it."""
        events = self.results.events[self.results.events["epoch"] > 1]
        return {run: sorted(table["epoch"]) for run, table in events.groupby("run")}
