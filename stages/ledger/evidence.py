"""One number for each seed of what an entry compares, and what stands in its way."""

from dataclasses import dataclass, field

import numpy as np

from stages.ledger.entries import Entry, Identity, Side, sides
from stages.ledger.rows import Pair, Rows
from stages.results.inputs import BadInput

CHOSEN_BY = "last val macro_f1"  # the best of several groups


@dataclass(frozen=True)
class Evidence:
    """values: of each seed, (n,), as logarithms where the entry is of a ratio; influences of each image, (n, N).

    nothing: why there are no values. same: whether both sides are the same runs by construction.
    """

    values: np.ndarray = field(default_factory=lambda: np.array([]))
    influences: np.ndarray | None = None
    marks: tuple[str, ...] = ()
    nothing: str | None = None
    same: bool = False


def evidence(name: str, entry: Entry, rows: Rows) -> Evidence:
    """What the rows say to an entry. Raises BadInput, with the entry's name, where it names what they cannot have."""
    try:
        found = [_runs(side, rows) for side in sides(entry)]
        for side, runs in zip(sides(entry), found):
            if not runs:
                return Evidence(nothing=f"no runs of {side.text}")
        ours, against = (found[0], found[1] if len(found) > 1 else None)
        seeds = sorted(ours if against is None else set(ours) & set(against))
        if not seeds:
            return Evidence(nothing=f"no seed in common of {entry.ours} and {entry.against}")
        pairs: list[Pair] = [(ours[seed], against[seed] if against else None) for seed in seeds]
        if isinstance(entry, Identity):
            cells = [rows.differing_cells(run, str(other)) for run, other in pairs]
            return Evidence(np.array(cells, float), marks=tuple(rows.marks(pairs)))
        return _measured(entry, rows, pairs)
    except BadInput as error:
        raise BadInput(f"{name}: {error}") from None


def _measured(entry: Entry, rows: Rows, pairs: list[Pair]) -> Evidence:
    values = [_number(entry, rows, *pair) for pair in pairs]
    absent = [run for (run, _), value in zip(pairs, values) if value is None]
    if absent:
        return Evidence(nothing=f"no {entry.measure} of {absent[0]}")
    images = [_images(entry, rows, *pair) for pair in pairs]
    influences = None if any(each is None for each in images) else np.array(images)
    compared = entry.against is not None
    same = compared and not any(values)
    return Evidence(np.array(values, float), influences, tuple(rows.marks(pairs)), same=same)


def _number(entry: Entry, rows: Rows, ours: str, against: str | None) -> float | None:
    parts = []
    for run in (ours, against):
        for measure in (entry.measure, entry.minus):
            if run is not None and measure is not None:
                number = rows.number(run, measure, entry.corruption, ours)
                if number is None:
                    return None
                if entry.ratio and number <= 0:
                    raise BadInput(f"{measure} of {run} is {number:g}: a ratio is of numbers above 0")
                sign = 1 if (run == ours) == (measure == entry.measure) else -1
                parts.append(sign * (np.log(number) if entry.ratio else number))
    return float(sum(parts))


def _images(entry: Entry, rows: Rows, ours: str, against: str | None) -> np.ndarray | None:
    if entry.minus is not None:
        return None
    whole: np.ndarray | None = None
    for sign, run in ((1, ours), (-1, against)):
        if run is None:
            continue
        part = rows.images(run, entry.measure, entry.corruption)
        if part is None:
            return None
        if entry.ratio:  # the influence on a logarithm
            part = part / (rows.number(run, entry.measure, entry.corruption, ours) or 1)
        whole = sign * part if whole is None else whole + sign * part
    return whole


def _runs(side: Side, rows: Rows) -> dict[int, str]:
    groups = rows.groups(side)
    if len(groups) > 1 and not side.best:
        raise BadInput(f"{side.text} fits {len(groups)} groups of runs; name one value, or `best {side.text}`")
    return _best(groups, rows) if len(groups) > 1 else groups[0] if groups else {}


def _best(groups: list[dict[int, str]], rows: Rows) -> dict[int, str]:
    """Of each seed, the run of the group that is best on validation over the other seeds: it chose nothing itself."""
    seeds = sorted(set.intersection(*(set(group) for group in groups)))
    scores = np.array([[rows.number(group[seed], CHOSEN_BY, None, "") for seed in seeds] for group in groups], float)
    others = scores.sum(1, keepdims=True) - scores if len(seeds) > 1 else scores
    return {seed: groups[int(best)][seed] for seed, best in zip(seeds, others.argmax(0))}
