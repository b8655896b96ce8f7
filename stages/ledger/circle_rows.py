"""Numbers from the circles' runs. A measure is a column of reports/circles/runs.csv, which stage circles describes."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from stages.ledger.entries import Side
from stages.ledger.rows import Pair
from stages.results.cells import INTEGER, NUMBER, TEXT, read_table
from stages.results.inputs import BadInput

KEY = {"over": TEXT, "variant": TEXT, "seed": INTEGER, "random_state": INTEGER}


class CircleRows:
    """The repetitions over seeds or over draws (`over`) of the circles in a folder."""

    def __init__(self, folder: Path, over: str):
        self.path = folder / "runs.csv"
        again = "`dvc repro circles` writes it"
        columns = [name for name in read_table(self.path, KEY, again=again) if name not in KEY]
        table = read_table(self.path, KEY | dict.fromkeys(columns, NUMBER), again=again)
        table = table[table["over"] == over]
        if table.duplicated(["variant", "seed"]).any():
            raise BadInput(
                f"{self.path}: two rows of one variant and seed over {over}; `dvc repro circles` writes it anew"
            )
        self.table = table.assign(run=table["variant"] + "/" + table["seed"].astype(str)).set_index("run")

    @property
    def variants(self) -> list[str]:
        return list(self.table["variant"].unique())

    def groups(self, side: Side) -> list[dict[int, str]]:
        if side.values:
            raise BadInput(f"{self.path}: {side.text}: nothing is varied there")
        found = self.table[self.table["variant"] == side.variant]
        if found.empty:
            raise BadInput(f"{self.path}: no variant {side.variant}; there are {', '.join(self.variants)}")
        return [dict(zip(found["seed"], found.index))]

    def settings(self, run: str) -> str:
        return ""

    def number(self, run: str, measure: str, corruption: str | None, turns_of: str) -> float | None:
        if measure not in self.table or measure in KEY or corruption:
            known = [name for name in self.table if name not in KEY]
            close = get_close_matches(measure, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
            raise BadInput(f"{self.path}: no measure {' '.join(filter(None, (measure, corruption)))}; {hint}")
        return float(self.table.at[run, measure])

    def images(self, run: str, measure: str, corruption: str | None) -> np.ndarray | None:
        return None  # the draws repeat the points themselves

    def differing_cells(self, run: str, other: str) -> int:
        raise BadInput(f"{self.path}: there are no curves to compare {run} and {other} by")

    def alike(self, run: str, other: str) -> bool:
        rows = self.table.drop(columns=list(KEY))
        return bool((rows.loc[run] == rows.loc[other]).all())

    def idle(self, run: str) -> bool:
        return False

    def marks(self, pairs: Sequence[Pair], same: bool) -> list[str]:
        return []
