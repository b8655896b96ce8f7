"""From entries and rows to verdicts: the p of every entry is corrected for its family among the same rows."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from stages.ledger.claim import NOT_RUN, UNDECIDED, Judged
from stages.ledger.entries import Entry
from stages.ledger.evidence import Evidence, Nothing, evidence
from stages.ledger.rows import Rows
from stages.results.inputs import BadInput

Key = tuple[str, str]  # the names of an entry and of its rows


class Decision(NamedTuple):
    """seen: None where there is no evidence. p: corrected for the family, which has `size` entries."""

    found: Evidence | Nothing
    seen: Judged | None
    p: float | None
    size: int
    verdict: str


def decide(entries: Mapping[str, Entry], sources: Mapping[str, Rows | None]) -> dict[Key, Decision]:
    """A decision for each entry and each of its rows; `sources` are None where the rows have not been run.

    Raises BadInput for an entry that names what its rows cannot have.
    """
    found = {
        (name, rows): _evidence(name, entry, sources[rows]) for name, entry in entries.items() for rows in entry.rows
    }
    seen = {
        key: entries[key[0]].judged(each.values, each.influences)
        for key, each in found.items()
        if isinstance(each, Evidence)
    }
    corrected = _corrected(entries, {key: seen[key].p if key in seen else None for key in found})
    decisions = {}
    for key, each in found.items():
        p, size = corrected[key]
        if isinstance(each, Nothing):
            decisions[key] = Decision(each, None, None, size, UNDECIDED if each.run else NOT_RUN)
        else:
            decisions[key] = Decision(each, seen[key], p, size, entries[key[0]].verdict(seen[key], p))
    return decisions


def _evidence(name: str, entry: Entry, rows: Rows | None) -> Evidence | Nothing:
    if rows is None:
        return Nothing("", run=False)
    try:
        return evidence(entry, rows)
    except BadInput as error:
        raise BadInput(f"claims.yaml: {name}: {error}") from None


def _corrected(entries: Mapping[str, Entry], p: Mapping[Key, float | None]) -> dict[Key, tuple[float | None, int]]:
    """Of each key, the corrected p, and how many its family has.

    Of what has no p yet it is 1: a family has its size from the start, and a verdict stays as others come.
    """
    families: dict[Key, list[Key]] = {}
    for name, rows in p:
        families.setdefault((entries[name].family or name, rows), []).append((name, rows))
    corrected: dict[Key, tuple[float | None, int]] = {}
    for keys in families.values():
        together = holm(np.array([value if (value := p[key]) is not None else 1.0 for key in keys]))
        corrected |= {key: (None if p[key] is None else float(each), len(keys)) for key, each in zip(keys, together)}
    return corrected


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's corrected p values: with them below a level, so is the chance of even one false one.

    statsmodels' `multipletests`, which is the oracle of its test, collects garbage each time: 0.2 s.
    """
    order = np.argsort(p)
    corrected = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)).clip(max=1)
    return corrected[np.argsort(order)]
