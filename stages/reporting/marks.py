"""What to know of a study's row before its numbers are believed."""

from collections.abc import Iterator

import pandas as pd

from stages.measures.training import F1_RISE, LOSS_FALL
from stages.reporting.groups import Group, baseline_of
from stages.reporting.machines import DECIDING
from stages.results.tables import Results


def marks(results: Results, groups: list[Group], group: Group) -> Iterator[str]:
    """Yield what is to be read with care, each with the seeds that it is true of."""
    rows = results.runs.set_index("run")
    idle = [seed for seed, run in group.runs.items() if rows["signed"][run] > 0 and pd.isna(rows["first_turn"][run])]
    if idle:
        yield f"no sign turned: {_seeds(idle, group)}"
    if _moves(results, group):
        yield "still moving"
    if elsewhere := list(_on_another_machine(rows, group, baseline_of(groups, group))):
        yield f"not on the baseline's machine: {_seeds(elsewhere, group)}"


def _moves(results: Results, group: Group) -> bool:
    """Whether the mean trend of the runs has not converged: that of one run is mostly noise (`stages.measures`)."""
    table = results.measures
    table = table[table["run"].isin(group.runs.values()) & (table["weights"] == "last") & (table["split"] == "val")]
    f1_trend, loss_trend, loss = (
        table.groupby("measure")["value"].mean().reindex(["macro_f1_trend", "loss_trend", "loss"])
    )
    return bool(f1_trend >= F1_RISE or -loss_trend >= LOSS_FALL * loss)  # of one epoch there is no trend: NaN


def _on_another_machine(rows: pd.DataFrame, group: Group, baseline: Group | None) -> Iterator[int]:
    machines = rows[list(DECIDING)].astype(str)
    for seed, run in group.runs.items():
        other = baseline and baseline.runs.get(seed)
        if other and not machines.loc[run].equals(machines.loc[other]):
            yield seed


def _seeds(seeds: list[int], group: Group) -> str:
    return "every seed" if len(seeds) == len(group.runs) else f"seed {', '.join(map(str, seeds))}"
