"""Table 1 as a page: what the numbers are, which differences the seeds alone do not explain, which runs to distrust."""

import re
from collections.abc import Iterable, Iterator

import pandas as pd

from stages.reporting.machines import mixed
from stages.reporting.measures import MEASURES, PAPERS, PRIMARY
from stages.reporting.runs import Runs, look_of
from stages.reporting.style import BASELINE, title
from stages.results.statistics import LEVEL, reach

FEW = 5  # seeds below which nothing is decided: so few are as often luck as not

EXPLANATION = """
The train loss is the mean cross-entropy per image over the last epoch, in training mode. The paper gives its loss no
unit, so that only the ratios compare. The maximum over epochs is the paper's score: it picks its epoch on the data that
it is measured on. The test split chose nothing, and neither did the last epoch: the test score of the last epoch is the
one to judge by. The best epoch is the one with the highest macro F1 on validation.
"""


def write(rows: pd.DataFrame, runs: Runs) -> str:
    """Markdown of the rows of table1.csv."""
    idle = {variant: [seed for seed, run in seeds.items() if run.idle] for variant, seeds in runs.items()}
    parts = (_head(runs), _table(rows, idle), [EXPLANATION], _differences(rows, runs, idle), _warnings(runs))
    return "\n".join(line for part in parts for line in part) + "\n"


def markdown_row(first: str, cells: Iterable[str]) -> str:
    """A row of a table in Markdown."""
    return f"| {first} | " + " | ".join(cells) + " |"


def as_text(name: str) -> str:
    """A name of the user's data in Markdown: as it is, whatever marks up a page, and in one line."""
    plain = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in name)
    return re.sub(r"([\\\\`*_{}\[\]<>#|~$&])", r"\\\1", plain)


def signed(value: float) -> str:
    """A difference with its sign and three decimals."""
    return f"{value:+.3f}".replace("-", "−")


def _head(runs: Runs) -> Iterator[str]:
    seeds = list(runs[BASELINE])
    run = runs[BASELINE][seeds[0]]
    affectnet = run.row["dataset"].startswith("affectnet")
    images = ", ".join(f"{sum(counts.values()):,} {split}" for split, counts in run.images.items())
    spread = f"mean ± standard deviation over seeds {', '.join(map(str, seeds))}"
    elsewhere = ": other pictures, so that only direction and ratio compare."
    yield f"# Table 1 on {as_text(run.row['title'])}{'' if affectnet else ' (not AffectNet)'}"
    yield ""
    once = f"one run each, seed {seeds[0]}"
    yield f"Ours: {run.epochs} epochs on {images} images; {spread if len(seeds) > 1 else once}."
    yield f"Paper: on AffectNet, no spread given{'.' if affectnet else elsewhere}"
    yield ""


def _table(rows: pd.DataFrame, idle: dict[str, list[int]]) -> Iterator[str]:
    yield from _header(list(rows["variant"].unique()), idle)
    for measure, (name, *_, as_ratio) in MEASURES.items():
        found = rows[rows["measure"] == measure]
        if found["paper"].notna().any():
            yield markdown_row(f"{name}, paper", _printed(found["paper"]))
        spread = ("" if pd.isna(std) else f" ± {std:.3f}" for std in found["std"])
        yield markdown_row(f"**{name}, ours**", (f"{mean:.3f}{std}" for mean, std in zip(found["mean"], spread)))
        if as_ratio:
            yield markdown_row(f"relative to {title(BASELINE)}, paper", _printed(found["paper_ratio"]))
            yield markdown_row(f"**relative to {title(BASELINE)}, ours**", _printed(found["ratio"]))


def _differences(rows: pd.DataFrame, runs: Runs, idle: dict[str, list[int]]) -> Iterator[str]:
    others, n = rows[rows["variant"] != BASELINE], len(runs[BASELINE])
    variants = list(others["variant"].unique())
    if not variants:
        return
    yield from ("## Is it more than the seed?", "")
    if n == 1:
        yield "One seed: no spread is known, no difference can be told from what another seed would make. Add seeds."
        yield from ("", *_machines(runs))
        return
    yield f"Difference to {title(BASELINE)} of the same seed: mean and {LEVEL:.0%} t interval over {n} seeds."
    yield ""
    yield from _header(variants, idle)
    for measure, (name, *_) in MEASURES.items():
        found = others[others["measure"] == measure]
        numbers = zip(found["difference"], found["low"], found["high"])
        yield markdown_row(name, (f"{signed(mean)} [{signed(low)}, {signed(high)}]" for mean, low, high in numbers))
    yield ""
    yield from (_verdict(others, measure, n) for measure in (PRIMARY, PAPERS))
    yield f"- Each interval stands for itself: it is not corrected for the {len(variants)} comparisons in its row."
    if n < FEW:
        wide = f"the interval reaches {reach(n):.1f} standard deviations of the differences each way"
        yield f"- {n} seeds say little: {wide} (10 seeds: {reach(10):.1f})."
    yield from ("", *_machines(runs))


def _verdict(others: pd.DataFrame, measure: str, n: int) -> str:
    if n < FEW:
        return f"- {MEASURES[measure].title}: undecided; fewer than {FEW} seeds decide nothing."
    found = others[(others["measure"] == measure) & others["beyond_seed"].astype(bool)]
    named = ", ".join(f"{title(variant)} ({signed(d)})" for variant, d in zip(found["variant"], found["difference"]))
    verdict = f"the interval leaves out 0 for {named}, and for no other variant"
    nothing = "no difference is larger than what the seed alone makes; every interval contains 0"
    return f"- {MEASURES[measure].title}: {verdict if named else nothing}."


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
