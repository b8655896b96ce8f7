"""When the signs of a run turned, and what its curves show there.

`in_force` is the table in_force.csv of a run (columns `stages.results.tables.TURNS`): a turn is a row of a sign behind
the first step. A site of which half is flipped has the sign 0, and turns as any other.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from stages.results.tables import EVENTS


def measures(in_force: pd.DataFrame, steps: int) -> Iterator[tuple[str, float]]:
    """Yield (name, value) of a run of so many optimiser steps; nothing where no site carries a sign.

    turns_per_1000_steps  mean over the sites
    turn_distance_cv      how irregular: standard deviation (n - 1) over mean of the steps between the turns of a site,
                          mean over the sites that have two such distances or more; no row without such a one
    """
    sites = [site["step"].to_numpy()[1:] for _, site in _signs(in_force).groupby("site", sort=False)]
    if not sites:
        return
    yield "turns_per_1000_steps", 1000 * float(np.mean([len(turns) for turns in sites])) / steps
    distances = [np.diff(turns) for turns in sites if len(turns) > 2]
    if distances:
        yield "turn_distance_cv", float(np.mean([between.std(ddof=1) / between.mean() for between in distances]))


def events(curves: pd.DataFrame, in_force: pd.DataFrame) -> pd.DataFrame:
    """A row of `EVENTS` for each epoch in which a sign turned."""
    signs = _signs(in_force)
    loss, f1 = curves["train_loss"].to_numpy(), curves["val_macro_f1"].to_numpy()
    rows = []
    for epoch, turns in signs[signs["step"] > 1].groupby("epoch").size().items():
        row: dict[str, float | None] = dict.fromkeys(EVENTS) | {"epoch": epoch, "turns": turns}
        if epoch > 1:
            now, before = epoch - 1, epoch - 2
            back = np.flatnonzero(f1[now:] >= f1[before])
            row |= {"loss_jump": loss[now] - loss[before], "f1_drop": f1[before] - f1[now]}
            row |= {"recovery": int(back[0]) if len(back) else None}
        rows.append(row)
    return pd.DataFrame(rows, columns=list(EVENTS))


def _signs(in_force: pd.DataFrame) -> pd.DataFrame:
    return in_force[in_force["quantity"] == "sign"]
