"""One number for each seed of what an entry compares, and what stands in the way of a verdict."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from stages.ledger.entries import Entry, Side, sides
from stages.ledger.rows import Pair, Rows
from stages.ledger.single_runs import Identity
from stages.results.inputs import BadInput

CHOSEN_BY = "last val macro_f1"  # the best of several groups


@dataclass(frozen=True)
class Evidence:
    """values: of each seed, (n,), as logarithms where the entry is of a ratio. influences: of each image, (n, N), None
    where nothing tells. marks: what a reader must know."""

    values: np.ndarray
    influences: np.ndarray | None
    marks: tuple[str, ...]


@dataclass(frozen=True)
class Nothing:
    """Why there is no evidence. run: whether there are runs of both sides; n: how many seeds they share."""

    why: str
    run: bool = True
    n: int = 0


def evidence(entry: Entry, rows: Rows) -> Evidence | Nothing:
    """What the rows say to an entry. Raises BadInput where it names what they cannot have."""
    both = sides(entry)
    found = [_runs(side, rows) for side in both]
    if absent := [_absent(side, rows) for side, runs in zip(both, found) if not runs]:
        return Nothing("; ".join(absent), run=False)
    seeds = sorted(set.intersection(*map(set, found)))
    if not seeds:
        return Nothing("the two sides have no seed in common", run=False)
    pairs: list[Pair] = [(found[0][seed], found[1][seed] if len(found) > 1 else None) for seed in seeds]
    marks = (*rows.marks(pairs, entry.kind == "identity"), *_of_the_choice(both, pairs, rows), *_alone(both, found))
    if isinstance(entry, Identity):
        cells = [rows.differing_cells(ours, str(other)) for ours, other in pairs]
        return Evidence(np.array(cells, float), None, marks)
    values = [_number(entry, rows, *pair) for pair in pairs]
    if None in values:
        what = f"no {entry.measure}, or none above 0," if entry.ratio else f"no {entry.measure}"
        return Nothing(f"{what} in {values.count(None)} of {len(seeds)} seeds", n=len(seeds))
    if not any(values) and all(other and rows.alike(ours, other) for ours, other in pairs):
        return Nothing("no difference in any seed: the same runs on both sides are no evidence", n=len(seeds))
    images = [_images(entry, rows, *pair) for pair in pairs]
    known = [each for each in images if each is not None]
    influences = np.array(known) if len(known) == len(seeds) else None
    return Evidence(np.array(values, float), influences, marks)


def _absent(side: Side, rows: Rows) -> str:
    """Why a side has no runs: another variant, other values, or nothing to choose from."""
    if side.variant not in rows.variants:
        return f"no runs of {side.variant}; there are {', '.join(rows.variants)}"
    if side.best and rows.groups(side):
        return f"no sign turned in any run of {side.text}"
    every = rows.groups(side._replace(values={}))
    settings = [rows.settings(next(iter(group.values()))) for group in every]
    return f"no runs of {side.text}; there are {'; '.join(settings)}"


def _of_the_choice(both: Sequence[Side], pairs: Sequence[Pair], rows: Rows) -> Iterator[str]:
    """Which groups the best one was, in how many seeds."""
    for side, runs in zip(both, zip(*pairs)):
        if side.best:
            chosen = Counter(rows.settings(run) for run in runs)
            times = [f"{settings} ({count} of {len(runs)})" for settings, count in chosen.most_common() if settings]
            if times:
                yield f"{side.text} is {', '.join(times)}"


def _alone(both: Sequence[Side], found: Sequence[dict[int, str]]) -> Iterator[str]:
    """Seeds of one side that the other has not: no pair, and no part of the verdict. `best` has those that all of its
    groups have."""
    if len(found) == 2:
        for side, mine, other in zip(both, map(set, found), map(set, reversed(found))):
            if alone := sorted(mine - other):
                seeds = f"{'seed' if len(alone) == 1 else 'seeds'} {', '.join(map(str, alone))}"
                yield f"{side.text} has {seeds}, of which there is no pair"


def _number(entry: Entry, rows: Rows, ours: str, against: str | None) -> float | None:
    """The value of one seed; None where a part is missing, or has no logarithm."""
    total = 0.0
    for side, run in ((1, ours), (-1, against)):
        for sign, measure in ((side, entry.measure), (-side, entry.minus)):
            if run is None or measure is None:
                continue
            number = rows.number(run, measure, entry.corruption, ours)
            if number is None or (entry.ratio and number <= 0):
                return None
            total += sign * (np.log(number) if entry.ratio else number)
    return float(total)


def _images(entry: Entry, rows: Rows, ours: str, against: str | None) -> np.ndarray | None:
    """Influence of each image on the value of one seed, (N,)."""
    if entry.minus is not None:
        return None
    total: np.ndarray | None = None
    for sign, run in ((1, ours), (-1, against)):
        if run is None:
            continue
        part = rows.images(run, entry.measure, entry.corruption)
        if part is None:
            return None
        if entry.ratio:  # on a logarithm
            part = part / (rows.number(run, entry.measure, entry.corruption, ours) or 1)
        total = sign * part if total is None else total + sign * part
    return total


def _runs(side: Side, rows: Rows) -> dict[int, str]:
    """`{seed: run}` of a side; empty where there are none."""
    groups = rows.groups(side)
    if side.best:  # of those that say something about the method
        groups = [group for group in groups if not all(map(rows.idle, group.values()))]
    elif len(groups) > 1:
        raise BadInput(f"{side.text} fits {len(groups)} groups of runs: name one value of what is varied, or `best`")
    return _best(groups, rows) if len(groups) > 1 else groups[0] if groups else {}


def _best(groups: list[dict[int, str]], rows: Rows) -> dict[int, str]:
    """Of each seed, the run of the group that is best on validation over the other seeds: it chose nothing itself."""
    seeds = sorted(set.intersection(*map(set, groups)))
    scores = np.array([[rows.number(group[seed], CHOSEN_BY, None, "") for seed in seeds] for group in groups], float)
    others = scores.sum(1, keepdims=True) - scores if len(seeds) > 1 else scores
    return {seed: groups[int(best)][seed] for seed, best in zip(seeds, others.argmax(0))}
