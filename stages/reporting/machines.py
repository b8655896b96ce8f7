"""Pairs of runs that were not made on the same machine: its share of their difference is unknown."""

import pandas as pd

from stages.reporting.runs import Run, Runs
from stages.reporting.style import BASELINE
from stages.results.cautions import MACHINE


def mixed(runs: Runs) -> dict[str, dict[int, dict[str, tuple[str, str]]]]:
    """`{variant: {seed: {column: (ours, the baseline's)}}}` of the pairs that differ in one of `MACHINE`."""
    found: dict[str, dict[int, dict[str, tuple[str, str]]]] = {}
    for variant, seeds in runs.items():
        for seed, run in seeds.items():
            if differing := _differing(run, runs[BASELINE][seed]):
                found.setdefault(variant, {})[seed] = differing
    return found


def columns(seeds: dict[int, dict[str, tuple[str, str]]]) -> list[str]:
    """Which of `MACHINE` differ in any of the pairs of one variant."""
    return [column for column in MACHINE if any(column in differing for differing in seeds.values())]


def _differing(run: Run, baseline: Run) -> dict[str, tuple[str, str]]:
    pairs = {column: (_said(run.row[column]), _said(baseline.row[column])) for column in MACHINE}
    return {column: (ours, theirs) for column, (ours, theirs) in pairs.items() if ours != theirs}


def _said(value) -> str:
    return "unknown" if pd.isna(value) or value == "" else str(value)
