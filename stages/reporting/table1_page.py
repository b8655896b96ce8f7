"""Table 1 as a page: what the numbers are, how far the seeds spread them, which runs to distrust. It judges nothing."""

import re
from collections.abc import Iterable, Iterator

import pandas as pd

from stages.ledger.words import signed
from stages.reporting.machines import mixed
from stages.reporting.measures import MEASURES
from stages.reporting.runs import Runs, look_of
from stages.reporting.style import BASELINE, title
from stages.results.statistics import FEW, LEVEL, reach

LEDGER = "claims.md"  # beside the page: where the verdicts stand

EXPLANATION = """
The train loss is the mean cross-entropy per image over the last epoch, in training mode. The paper gives its loss no
unit, so that only the ratios compare. The maximum over epochs is the paper's score: it picks its epoch on the data that
it is measured on. The test split chose nothing, and neither did the last epoch: the test score of the last epoch is the
one to judge by. The best epoch is the one with the highest macro F1 on validation. Losses in evaluation mode, on the
watched training images and on test, are the mean cross-entropy per image as well, and their difference is the
generalisation gap. The Brier score goes from 0 to 2, the calibration error from 0 to 1. A run has converged where over
its last quarter neither the validation macro F1 nor the loss gets better by a trend worth the name
(`stages/measures/training.py`): a rough mark of one run, and one that recovers from a turn of its signs moves as well;
a variant of which several runs move is judged early.
"""


def write(rows: pd.DataFrame, runs: Runs) -> str:
    """Markdown of the rows of table1.csv."""
    idle = {variant: [seed for seed, run in seeds.items() if run.idle] for variant, seeds in runs.items()}
    parts = (_head(runs), _table(rows, runs, idle), [EXPLANATION], _differences(rows, runs, idle), _warnings(runs))
    return "\n".join(line for part in parts for line in part) + "\n"


def markdown_row(first: str, cells: Iterable[str]) -> str:
    """A row of a table in Markdown."""
    return f"| {first} | " + " | ".join(cells) + " |"


def as_text(name: str) -> str:
    """A name of the user's data in Markdown: as it is, whatever marks up a page, and in one line."""
    plain = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in name)
    return re.sub(r"([\\\\`*_{}\[\]<>#|~$&])", r"\\\1", plain)


def _head(runs: Runs) -> Iterator[str]:
    seeds = list(runs[BASELINE])
    run = runs[BASELINE][seeds[0]]
    affectnet = run.row["dataset"].startswith("affectnet")
    images = ", ".join(f"{sum(counts.values()):,} {split}" for split, counts in run.images.items())
    spread = f"mean ± standard deviation [{LEVEL:.0%} t interval of the mean] over n = {len(seeds)} seeds"
    spread += f" ({', '.join(map(str, seeds))})"
    elsewhere = ": other pictures, so that only direction and ratio compare."
    yield f"# Table 1 on {as_text(run.row['title'])}{'' if affectnet else ' (not AffectNet)'}"
    yield ""
    once = f"one run each, seed {seeds[0]}"
    yield f"Ours: {run.epochs} epochs on {images} images; {spread if len(seeds) > 1 else once}."
    yield f"Paper: on AffectNet, no spread given{'.' if affectnet else elsewhere}"
    yield ""


def _table(rows: pd.DataFrame, runs: Runs, idle: dict[str, list[int]]) -> Iterator[str]:
    yield from _header(list(rows["variant"].unique()), idle)
    for measure, (name, *_, as_ratio) in MEASURES.items():
        found = rows[rows["measure"] == measure]
        if found["paper"].notna().any():
            yield markdown_row(f"{name}, paper", _printed(found["paper"]))
        numbers = zip(found["mean"], found["std"], found["low"], found["high"])
        yield markdown_row(f"**{name}, ours**", (_of_seeds(*each) for each in numbers))
        if as_ratio:
            yield markdown_row(f"relative to {title(BASELINE)}, paper", _printed(found["paper_ratio"]))
            yield markdown_row(f"**relative to {title(BASELINE)}, ours**", _printed(found["ratio"]))
    marks = [[run.converged for run in seeds.values()] for seeds in runs.values()]
    if all(None not in each for each in marks):
        yield markdown_row(
            "**Runs that have converged, ours**", (f"{each.count(True)} of {len(each)}" for each in marks)
        )


def _of_seeds(mean: float, std: float, low: float, high: float) -> str:
    return f"{mean:.3f}" if pd.isna(std) else f"{mean:.3f} ± {std:.3f} [{_plain(low)}, {_plain(high)}]"


def _plain(value: float) -> str:
    return f"{value:.3f}".replace("-", "−")


def _differences(rows: pd.DataFrame, runs: Runs, idle: dict[str, list[int]]) -> Iterator[str]:
    others, n = rows[rows["variant"] != BASELINE], len(runs[BASELINE])
    variants = list(others["variant"].unique())
    if not variants:
        return
    yield from (f"## Differences to {title(BASELINE)}", "")
    if n == 1:
        yield "One seed: no spread is known, no difference can be told from what another seed would make. Add seeds."
        yield from ("", *_machines(runs))
        return
    yield f"Of the same seed: mean [{LEVEL:.0%} t interval] over n = {n} seeds."
    yield ""
    yield from _header(variants, idle)
    for measure, (name, *_) in MEASURES.items():
        found = others[others["measure"] == measure]
        numbers = zip(found["difference"], found["difference_low"], found["difference_high"])
        yield markdown_row(name, (f"{signed(mean)} [{signed(low)}, {signed(high)}]" for mean, low, high in numbers))
    yield ""
    yield f"- What these differences say of the paper's claims is decided in [the ledger]({LEDGER})."
    yield "- Each interval stands for itself, corrected for no other comparison; it says what other seeds would do, on"
    yield "  these very test images."
    if n < FEW:
        wide = f"the interval reaches {reach(n):.1f} standard deviations of the differences each way"
        yield f"- {n} seeds decide nothing: {wide} (10 seeds: {reach(10):.1f})."
    yield from ("", *_machines(runs))


def _machines(runs: Runs) -> Iterator[str]:
    found = mixed(runs)
    if not found:
        return
    yield "**Not on one machine.** Of these differences, the machine's own share is unknown:"
    yield ""
    for variant, seeds in found.items():
        name = look_of(runs[variant]).title
        for seed, differing in seeds.items():
            words = (
                f"{column} {differing[column][0]}, {title(BASELINE)}'s {differing[column][1]}" for column in differing
            )
            yield f"- {name}, seed {seed}: {'; '.join(words)}."
    yield ""


def _warnings(runs: Runs) -> list[str]:
    lines = []
    for variant, seeds in runs.items():
        for seed, run in seeds.items():
            name = f"{variant}, seed {seed}:"
            if run.idle:
                name = f"**{name} nothing was injected, this run says nothing about the method.**"
            elif not run.warnings:
                continue
            lines.append(" ".join(["-", name, *run.warnings]))
    if not lines:
        return ["No run gave a warning, and every method that injects did inject."]
    return ["## Read these runs with care", "", *lines]


def _header(variants: list[str], idle: dict[str, list[int]]) -> Iterator[str]:
    notes = {
        variant: f" (nothing injected: seed {', '.join(map(str, seeds))})" for variant, seeds in idle.items() if seeds
    }
    yield markdown_row("", (title(variant) + notes.get(variant, "") for variant in variants))
    yield "| --- |" + " ---: |" * len(variants)


def _printed(values: pd.Series) -> Iterator[str]:
    return ("–" if pd.isna(value) else f"{value:.2f}" for value in values)
