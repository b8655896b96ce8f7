"""Table 1 as a page to be read: what the numbers are, which differences the seeds alone do not explain, and which runs to distrust."""

import pandas as pd
from scipy import stats

from stages.reporting.measures import MEASURES
from stages.reporting.style import BASELINE, VARIANTS
from stages.results.statistics import LEVEL

JUDGED = ("val_macro_f1_max", "test_macro_f1")  # the paper's score, and the one on data that chose nothing
FEW = 5  # seeds below which the page says what so few cannot tell

EXPLANATION = """
The train loss is the mean cross-entropy per image over the last epoch, in training mode. The paper gives its loss no unit, so that only
the ratios compare. The maximum over epochs is the paper's score: it picks its epoch on the data it is measured on. The test
split chose nothing: it is scored once, with the weights of the epoch that was best on validation.
"""


def write(rows, runs, data_set) -> str:
    """Markdown of the rows of table1.csv; runs is `{variant: {seed: Run}}`, data_set the summary of the crops."""
    idle = {
        variant: [seed for seed, run in of.items() if not run.record["injected"]]
        for variant, of in runs.items()
        if VARIANTS[variant].injects
    }
    parts = (_head(runs, data_set), _table(rows, idle), [EXPLANATION], _differences(rows, idle), _warnings(runs, idle))
    return "\n".join(line for part in parts for line in part) + "\n"


def _head(runs, data_set):
    run, seeds = next(iter(runs[BASELINE].values())), list(runs[BASELINE])
    affectnet = data_set["dataset"].startswith("affectnet")
    images = ", ".join(f"{sum(counts.values()):,} {split}" for split, counts in data_set["counts"].items())
    ours = (
        f"mean ± standard deviation over seeds {', '.join(map(str, seeds))}"
        if len(seeds) > 1
        else f"one run each, seed {seeds[0]}"
    )
    yield f"# Table 1 on {data_set['title']}{'' if affectnet else ' (not AffectNet)'}"
    yield ""
    yield f"Ours: {run.epochs} epochs on {images} images; {ours}."
    yield "Paper: on AffectNet, no spread given" + (
        "." if affectnet else ": other pictures, so that only direction and ratio compare."
    )
    yield ""


def _table(rows, idle):
    variants = list(rows["variant"].unique())
    yield from _header(variants, idle)
    for measure, (title, _, as_ratio) in MEASURES.items():
        of = rows[rows["measure"] == measure]
        if of["paper"].notna().any():
            yield _line(f"{title}, paper", _printed(of["paper"]))
        spread = ("" if pd.isna(std) else f" ± {std:.3f}" for std in of["std"])
        yield _line(f"**{title}, ours**", (f"{mean:.3f}{std}" for mean, std in zip(of["mean"], spread)))
        if as_ratio:
            yield _line(f"relative to {VARIANTS[BASELINE].title}, paper", _printed(of["paper_ratio"]))
            yield _line(f"**relative to {VARIANTS[BASELINE].title}, ours**", _printed(of["ratio"]))


def _differences(rows, idle):
    others, n = rows[rows["variant"] != BASELINE], int(rows["n"].iloc[0])
    variants = list(others["variant"].unique())
    yield from ("## Is it more than the seed?", "")
    if n == 1:
        yield from (
            "One seed: no spread is known, and no difference can be told from what another seed would make. Add seeds.",
            "",
        )
        return
    yield from (
        f"Difference to {VARIANTS[BASELINE].title} of the same seed: mean and {LEVEL:.0%} t interval over {n} seeds.",
        "",
    )
    yield from _header(variants, idle)
    for measure, (title, _, _) in MEASURES.items():
        of = others[others["measure"] == measure]
        numbers = zip(of["difference"], of["low"], of["high"])
        yield _line(title, (f"{_signed(mean)} [{_signed(low)}, {_signed(high)}]" for mean, low, high in numbers))
    yield ""
    for measure in JUDGED:
        of = others[(others["measure"] == measure) & others["beyond_seed"].astype(bool)]
        found = ", ".join(
            f"{VARIANTS[variant].title} ({_signed(d)})" for variant, d in zip(of["variant"], of["difference"])
        )
        verdict = f"the interval leaves out 0 for {found}, and for no other variant"
        nothing = "no difference is larger than what the seed alone makes; every interval contains 0"
        yield f"- {MEASURES[measure].title}: {verdict if found else nothing}."
    yield f"- Each interval stands for itself: it is not corrected for the {len(variants)} comparisons in its row."
    if n < FEW:
        reach = stats.t.ppf((1 + LEVEL) / 2, n - 1) / n**0.5
        yield f"- {n} seeds say little: the interval reaches {reach:.1f} standard deviations of the differences each way (10 seeds: 0.7)."
    yield ""


def _warnings(runs, idle):
    lines = []
    for variant, of in runs.items():
        for seed, run in of.items():
            name = f"{variant}, seed {seed}:"
            if seed in idle.get(variant, []):
                name = f"**{name} nothing was injected, this run says nothing about the method.**"
            elif not run.record["warnings"]:
                continue
            lines.append(" ".join(["-", name, *run.record["warnings"]]))
    return (
        ["## Read these runs with care", "", *lines]
        if lines
        else ["No run gave a warning, and every method that injects did inject."]
    )


def _header(variants, idle):
    notes = {
        variant: f" (nothing injected: seed {', '.join(map(str, seeds))})" for variant, seeds in idle.items() if seeds
    }
    yield _line("", (VARIANTS[variant].title + notes.get(variant, "") for variant in variants))
    yield "| --- |" + " ---: |" * len(variants)


def _line(title, cells):
    return f"| {title} | " + " | ".join(cells) + " |"


def _printed(values):
    return ("–" if pd.isna(value) else f"{value:.2f}" for value in values)


def _signed(value):
    return f"{value:+.3f}".replace("-", "−")
