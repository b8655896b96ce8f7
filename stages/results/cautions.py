"""What is to be known of the runs of one variant before the scores of their last epoch are believed."""

from collections.abc import Iterator, Sequence

import pandas as pd

from stages.measures.training import F1_RISE, LOSS_FALL, last_quarter
from stages.results.tables import Results

MACHINE = ("hardware", "threads", "precision", "compiled")  # columns of runs.csv that change the bits of a run


def cautions(results: Results, runs: Sequence[str]) -> Iterator[str]:
    """Yield words that follow a variant's name.

    Whether it still moves, the mean trends of its runs say: those of one run are mostly noise. A run whose signs have
    just turned is judged in a dip from which it had no time to recover.
    """
    if _moves(results, runs):
        yield "still moves"
    if any(turned_late(results, run) for run in runs):
        yield "turned signs in its last quarter"


def idle(results: Results, run: str) -> bool:
    """Whether the run is meant to flip signs and flipped none."""
    row = results.runs[results.runs["run"] == run].iloc[0]
    return bool(row["signed"] > 0 and pd.isna(row["first_turn"]))


def turned_late(results: Results, run: str) -> bool:
    """Whether a sign turned in the last quarter of the epochs."""
    epochs = int((results.curves["run"] == run).sum())
    turned = results.events["epoch"][results.events["run"] == run]
    return bool((turned > epochs - last_quarter(epochs)).any())


def _moves(results: Results, runs: Sequence[str]) -> bool:
    table = results.measures
    table = table[table["run"].isin(runs) & (table["weights"] == "last") & (table["split"] == "val")]
    f1_trend, loss_trend, loss = (
        table.groupby("measure")["value"].mean().reindex(["macro_f1_trend", "loss_trend", "loss"])
    )
    return bool(f1_trend >= F1_RISE or -loss_trend >= LOSS_FALL * loss)  # of one epoch there is no trend: NaN
