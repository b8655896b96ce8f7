"""Table 1: the paper's numbers beside those of these runs, with differences to the baseline over the seeds."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from stages.reporting import table1_page
from stages.reporting.machines import columns, mixed
from stages.reporting.measures import MEASURES, by_seed
from stages.reporting.runs import Runs
from stages.reporting.style import BASELINE
from stages.results.cells import NUMBER, TEXT, read_table
from stages.results.inputs import BadInput
from stages.results.statistics import mean_interval, paired_difference, summary

COLUMNS = (
    "variant", "measure", "paper", "n", "mean", "std", "low", "high", "paper_ratio", "ratio", "difference",
    "difference_low", "difference_high", "mixed",
)  # fmt: skip
Paper = dict[tuple[str, str], float]  # {(variant, measure): value as printed}


def tables(runs: Runs, paper: Paper) -> Iterator[tuple[str, str]]:
    """Yield table1.csv and table1.md as (file name, text). Raises BadInput where the baseline cannot be compared with.

    table1.csv has a row for each variant and measure: the paper's value; number, mean and standard deviation of our
    runs, and the t interval of their mean; the paper's ratio to its baseline and ours, where only that compares; our
    difference to the baseline of the same seed with its interval; and in what the machines of some pair differ. What
    the differences come to is decided in the ledger alone.
    """
    _check_pairs(runs)
    rows = pd.DataFrame(list(_rows(runs, paper)), columns=COLUMNS)
    yield "table1.csv", rows.to_csv(index=False, float_format="%.6g", lineterminator="\n")
    yield "table1.md", table1_page.write(rows, runs)


def read_paper(path: str | Path = "data/paper/table1.csv") -> Paper:
    """The values printed in the paper. Raises BadInput where the file is not such a table."""
    found = read_table(
        path, {"variant": TEXT, "measure": TEXT, "value": NUMBER, "source": TEXT}, again="it is part of the repository"
    )
    return {(row.variant, row.measure): row.value for row in found.itertuples()}


def _check_pairs(runs: Runs) -> None:
    if BASELINE not in runs:
        raise BadInput(f"runs.csv: no run of {BASELINE}, with which Table 1 compares; found {', '.join(runs)}")
    for variant, seeds in runs.items():
        if set(seeds) != set(runs[BASELINE]):
            theirs, ours = (", ".join(map(str, sorted(found))) for found in (runs[BASELINE], seeds))
            raise BadInput(f"runs.csv: {variant} has the seeds {ours}, {BASELINE} {theirs}: they pair seed by seed")


def _rows(runs: Runs, paper: Paper) -> Iterator[tuple]:
    machines = {variant: " ".join(columns(seeds)) for variant, seeds in mixed(runs).items()}
    for measure, (*_, as_ratio) in MEASURES.items():
        baseline = by_seed(runs[BASELINE], measure)
        mean, as_printed = summary(baseline.values()).mean, paper.get((BASELINE, measure))
        for variant in runs:
            ours, printed = by_seed(runs[variant], measure), paper.get((variant, measure))
            of_runs, interval = summary(ours.values()), mean_interval(ours.values())
            ratios = (_ratio(printed, as_printed), _ratio(of_runs.mean, mean)) if as_ratio else (None, None)
            row = (
                variant,
                measure,
                printed,
                of_runs.n,
                of_runs.mean,
                of_runs.std,
                interval.low,
                interval.high,
                *ratios,
            )
            if variant == BASELINE:
                yield *row, None, None, None, None
                continue
            difference = paired_difference(ours, baseline)
            yield *row, difference.mean, difference.low, difference.high, machines.get(variant)


def _ratio(value: float | None, baseline: float | None) -> float | None:
    return value / baseline if value is not None and baseline else None
