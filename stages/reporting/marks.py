"""What to know of a study's row before its numbers are believed."""

from collections.abc import Iterator

import pandas as pd

from stages.reporting.groups import Group, baseline_of
from stages.results.cautions import MACHINE, cautions, idle
from stages.results.tables import Results


def marks(results: Results, groups: list[Group], group: Group) -> Iterator[str]:
    """Yield what is to be read with care, each with the seeds that it is true of."""
    rows = results.runs.set_index("run")
    if without := [seed for seed, run in group.runs.items() if idle(results, run)]:
        yield f"no sign turned: {_seeds(without, group)}"
    yield from cautions(results, list(group.runs.values()))
    if elsewhere := list(_on_another_machine(rows, group, baseline_of(groups, group))):
        yield f"not on the baseline's machine: {_seeds(elsewhere, group)}"


def _on_another_machine(rows: pd.DataFrame, group: Group, baseline: Group | None) -> Iterator[int]:
    machines = rows[list(MACHINE)].astype(str)
    for seed, run in group.runs.items():
        other = baseline and baseline.runs.get(seed)
        if other and not machines.loc[run].equals(machines.loc[other]):
            yield seed


def _seeds(seeds: list[int], group: Group) -> str:
    return "every seed" if len(seeds) == len(group.runs) else f"seed {', '.join(map(str, seeds))}"
