"""The ledger's lines: an entry and one set of rows make one, with its verdict. reports/claims.csv holds them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.ledger.circle_rows import CircleRows
from stages.ledger.claim import ALPHA, UNDECIDED, Judged
from stages.ledger.deciding import Decision, Key, decide
from stages.ledger.entries import Entry
from stages.ledger.evidence import Nothing
from stages.ledger.power import MOST
from stages.ledger.row_sets import CIRCLES, MAIN
from stages.ledger.rows import Rows
from stages.ledger.table_rows import TableRows
from stages.results.cells import INTEGER, OPTIONAL_INTEGER, OPTIONAL_NUMBER, TEXT

# effect, low and high of a ratio are factors, sd is of its logarithm; p_holm is corrected for the family among these
# rows; seeds_needed is empty where a verdict is given, or no number of seeds would do (mark).
COLUMNS = {
    "id": TEXT, "source": TEXT, "where": TEXT, "quote": TEXT, "words": TEXT, "kind": TEXT, "family": TEXT, "rows": TEXT,
    "ours": TEXT, "against": TEXT, "measure": TEXT, "scale": TEXT, "margin": OPTIONAL_NUMBER,
    "printed": OPTIONAL_NUMBER, "effect": OPTIONAL_NUMBER, "low": OPTIONAL_NUMBER, "high": OPTIONAL_NUMBER,
    "sd": OPTIONAL_NUMBER, "p": OPTIONAL_NUMBER, "p_holm": OPTIONAL_NUMBER, "p_signs": OPTIONAL_NUMBER, "verdict": TEXT,
    "n": INTEGER, "seeds_needed": OPTIONAL_INTEGER, "parts": TEXT, "mark": TEXT, "command": TEXT,
}  # fmt: skip
SAID = ("source", "where", "quote", "words", "kind", "family", "ours", "against")  # columns that are fields of an entry


def lines(entries: Mapping[str, Entry], root: str | Path = ".") -> pd.DataFrame:
    """A row of `COLUMNS` for each entry and each of its rows, in the order of the entries, from what is below `root`.

    Raises BadInput for tables that are damaged, and for an entry that names what its rows cannot have.
    """
    names = dict.fromkeys(rows for entry in entries.values() for rows in entry.rows)
    decisions = decide(entries, {name: rows_of(name, Path(root)) for name in names})
    rows = [_line(entries[key[0]], key, decision) for key, decision in decisions.items()]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({name: kind.dtype for name, kind in COLUMNS.items()})


def rows_of(name: str, root: Path) -> Rows | None:
    """The rows of that name below `root`; None where they have not been run. Raises BadInput for damaged files."""
    folder = root / ("reports/circles" if name in CIRCLES else "reports" if name == MAIN else f"reports/studies/{name}")
    if not (folder / "runs.csv").is_file():
        return None
    return CircleRows(folder, CIRCLES[name]) if name in CIRCLES else TableRows(folder)


def command_of(rows: str) -> str:
    """What makes these rows."""
    return "dvc repro circles" if rows in CIRCLES else "dvc repro" if rows == MAIN else f"make study NAME={rows}"


def _line(entry: Entry, key: Key, decision: Decision) -> dict[str, Any]:
    name, rows = key
    found, seen, p, size, said = decision
    line: dict[str, Any] = dict.fromkeys(COLUMNS) | {"id": name, "rows": rows, "verdict": said}
    line |= {field: getattr(entry, field) or "" for field in SAID} | {"measure": _measure(entry), "parts": ""}
    line |= {"scale": "ratio" if entry.ratio else "difference", "margin": getattr(entry, "margin", None)}
    line |= {"printed": entry.printed, "command": command_of(rows)}
    if isinstance(found, Nothing) or seen is None:
        return line | ({"n": found.n, "mark": found.why} if isinstance(found, Nothing) else {})
    numbers = {"effect": seen.effect, "low": seen.low, "high": seen.high}
    if entry.ratio:
        numbers = {column: None if value is None else float(np.exp(value)) for column, value in numbers.items()}
    line |= numbers | {"sd": seen.sd, "n": seen.n, "parts": seen.parts}
    line |= {"p": seen.p, "p_holm": p, "p_signs": seen.p_signs}
    marks = list(found.marks)
    if said == UNDECIDED:
        line["seeds_needed"] = entry.seeds_needed(seen, ALPHA / size)
        if line["seeds_needed"] is None and seen.n > 1:
            marks.append(f"not even {MOST:,} seeds would decide: {_in_the_way(entry, seen, ALPHA / size)}")
    if seen.p is not None and seen.p_signs is not None and (seen.p < ALPHA) != (seen.p_signs < ALPHA):
        marks.append("the exact sign flips disagree")
    return line | {"mark": "; ".join(marks)}


def _in_the_way(entry: Entry, seen: Judged, alpha: float) -> str:
    """Why no number of seeds would do."""
    of_seeds_alone = seen._replace(found=seen.found._replace(images=None)) if seen.found else seen
    images = entry.seeds_needed(of_seeds_alone, alpha) is not None
    return "the test images are too few" if images else "what is seen is too near to the margin"


def _measure(entry: Entry) -> str:
    text = f"{entry.measure} ({entry.corruption})" if entry.corruption else entry.measure
    return f"{text} - {entry.minus}" if entry.minus else text
