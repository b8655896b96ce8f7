"""Table 1: the paper's numbers beside those of this run, with differences to the baseline over the seeds."""

from pathlib import Path

import pandas as pd

from stages.reporting import table1_page
from stages.reporting.measures import MEASURES, by_seed
from stages.reporting.runs import BadInput
from stages.reporting.style import BASELINE
from stages.results.statistics import paired_difference, summary

COLUMNS = "variant measure paper mean std n paper_ratio ratio difference low high beyond_seed".split()


def tables(runs, data_set, paper):
    """Yield table1.csv and table1.md as (file name, text).

    runs is `{variant: {seed: Run}}`, data_set the summary of the crops, paper what `read_paper` returns. table1.csv has a row for
    each variant and measure: the paper's value; mean, standard deviation and number of our runs; the paper's ratio to its baseline
    and ours, where only that compares; our difference to the baseline of the same seed, its interval, and whether that leaves out 0.
    """
    rows = pd.DataFrame(list(_rows(runs, paper)), columns=COLUMNS)
    yield "table1.csv", rows.to_csv(index=False, float_format="%.6g", lineterminator="\n")
    yield "table1.md", table1_page.write(rows, runs, data_set)


def read_paper(path="data/paper/table1.csv") -> dict[tuple[str, str], float]:
    """`{(variant, measure): value}` as printed in the paper. Raises BadInput where the file is not such a table."""
    try:
        return {(row.variant, row.measure): float(row.value) for row in pd.read_csv(Path(path)).itertuples()}
    except (OSError, ValueError, AttributeError) as error:
        raise BadInput(f"{path}: expected columns variant, measure, value, source: {error}") from None


def _rows(runs, paper):
    for measure, (_, _, as_ratio) in MEASURES.items():
        baseline = by_seed(runs[BASELINE], measure)
        printed_baseline, our_baseline = paper.get((BASELINE, measure)), summary(baseline.values()).mean
        for variant in runs:
            ours, printed = by_seed(runs[variant], measure), paper.get((variant, measure))
            ratios = (
                (printed and printed / printed_baseline, summary(ours.values()).mean / our_baseline)
                if as_ratio
                else (None, None)
            )
            row = (variant, measure, printed, *summary(ours.values()), *ratios)
            if variant == BASELINE:
                yield *row, None, None, None, None
            else:
                difference = paired_difference(ours, baseline)
                yield *row, difference.mean, difference.low, difference.high, difference.beyond_chance
