"""The ledger's lines: an entry and one set of rows make one, with its verdict. reports/claims.csv holds them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from stages.ledger.circle_rows import CircleRows
from stages.ledger.entries import CIRCLES, MAIN, Entry
from stages.ledger.evidence import Evidence, evidence
from stages.ledger.kinds import ALPHA, NOT_RUN, UNDECIDED, Judged, judged, seeds_needed, verdict
from stages.ledger.rows import Rows
from stages.ledger.table_rows import TableRows
from stages.results.cells import INTEGER, OPTIONAL_INTEGER, OPTIONAL_NUMBER, TEXT

# effect, low and high of a ratio are factors, sd is of its logarithm; p_holm is corrected for the family among these
# rows; seeds_needed is empty where a verdict is given, or no number of seeds would do (mark).
COLUMNS = {
    "id": TEXT, "source": TEXT, "place": TEXT, "words": TEXT, "kind": TEXT, "family": TEXT, "rows": TEXT, "ours": TEXT,
    "against": TEXT, "measure": TEXT, "scale": TEXT, "margin": OPTIONAL_NUMBER, "printed": OPTIONAL_NUMBER,
    "effect": OPTIONAL_NUMBER, "low": OPTIONAL_NUMBER, "high": OPTIONAL_NUMBER, "sd": OPTIONAL_NUMBER,
    "p": OPTIONAL_NUMBER, "p_holm": OPTIONAL_NUMBER, "p_signs": OPTIONAL_NUMBER, "verdict": TEXT, "n": INTEGER,
    "seeds_needed": OPTIONAL_INTEGER, "parts": TEXT, "mark": TEXT, "command": TEXT,
}  # fmt: skip


def lines(entries: dict[str, Entry], root: str | Path = ".") -> pd.DataFrame:
    """A row of `COLUMNS` for each entry and each of its rows, in the order of the entries.

    Raises BadInput for rows that are damaged, and for an entry that names what its rows cannot have.
    """
    sources = {name: rows_of(name, Path(root)) for name in dict.fromkeys(n for e in entries.values() for n in e.rows)}
    keys = [(name, rows) for name, entry in entries.items() for rows in entry.rows]
    seen: dict[tuple[str, str], tuple[Evidence, Judged | None]] = {}
    for name, rows in keys:
        source = sources[rows]
        found = evidence(name, entries[name], source) if source else Evidence(nothing="")
        decided = found.nothing is None and not found.same
        seen[name, rows] = found, judged(entries[name], found.values, found.influences) if decided else None
    corrected = dict(_holm(entries, {key: part and part.p for key, (_, part) in seen.items()}))
    return pd.DataFrame([_line(entries, key, *seen[key], *corrected[key]) for key in keys], columns=list(COLUMNS))


def rows_of(name: str, root: Path) -> Rows | None:
    """The rows of that name below `root`; None where they have not been run. Raises BadInput for damaged files."""
    folder = root / ("reports/circles" if name in CIRCLES else "reports" if name == MAIN else f"reports/studies/{name}")
    if not (folder / "runs.csv").is_file():
        return None
    return CircleRows(folder, CIRCLES[name]) if name in CIRCLES else TableRows(folder)


def command_of(rows: str) -> str:
    """What makes these rows."""
    return "dvc repro circles" if rows in CIRCLES else "dvc repro" if rows == MAIN else f"make study NAME={rows}"


def _holm(
    entries: dict[str, Entry], p: dict[tuple[str, str], float | None]
) -> Iterator[tuple[tuple[str, str], tuple[float | None, int]]]:
    """The corrected p of each key, and of how many its family consists among these rows.

    Of what has no p yet it is 1: a family has its size from the start, and a verdict does not change as others come.
    """
    families: dict[tuple[str | None, str], list[tuple[str, str]]] = {}
    for name, rows in p:
        family = entries[name].family
        families.setdefault((family or name, rows), []).append((name, rows))
    for keys in families.values():
        known = [1.0 if p[key] is None else p[key] for key in keys]
        _, holm, *_ = multipletests(known, ALPHA, "holm")
        for key, value in zip(keys, holm):
            yield key, (None if p[key] is None else float(value), len(keys))


def _line(
    entries: dict[str, Entry], key: tuple[str, str], found: Evidence, seen: Judged | None, p: float | None, size: int
) -> dict[str, Any]:
    name, rows = key
    entry = entries[name]
    line: dict[str, Any] = dict.fromkeys(COLUMNS) | {"id": name, "rows": rows, "command": command_of(rows)}
    line |= {field: getattr(entry, field) or "" for field in ("source", "words", "kind", "family", "ours", "against")}
    line |= {"place": entry.where, "measure": _measure(entry), "scale": "ratio" if entry.ratio else "difference"}
    line |= {"margin": getattr(entry, "margin", None), "printed": entry.printed, "n": len(found.values), "parts": ""}
    marks = [*found.marks, *filter(None, [found.nothing])]
    if seen is None:
        if found.same:
            marks.append("no difference in any seed: the same run twice, no evidence")
            line |= {"effect": 1.0 if entry.ratio else 0.0}
        return line | {"verdict": UNDECIDED if found.same else NOT_RUN, "mark": "; ".join(marks)}
    said = verdict(entry, seen, p)
    numbers = {"effect": seen.effect, "low": seen.low, "high": seen.high}
    if entry.ratio:
        numbers = {column: None if value is None else float(np.exp(value)) for column, value in numbers.items()}
    line |= numbers | {"sd": seen.sd, "p": seen.p, "p_holm": p, "p_signs": seen.p_signs, "parts": seen.parts}
    if said == UNDECIDED:
        line["seeds_needed"] = seeds_needed(entry, seen, ALPHA / size)
        if line["seeds_needed"] is None and seen.found is not None:
            marks.append("no number of seeds decides, more test images would")
    if seen.p is not None and seen.p_signs is not None and (seen.p < ALPHA) != (seen.p_signs < ALPHA):
        marks.append("the exact sign flips disagree")
    return line | {"verdict": said, "mark": "; ".join(marks)}


def _measure(entry: Entry) -> str:
    text = f"{entry.measure} ({entry.corruption})" if entry.corruption else entry.measure
    return f"{text} - {entry.minus}" if entry.minus else text
