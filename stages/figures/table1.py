"""Table 1: the paper's numbers beside those of this run, and which differences the seeds alone do not explain."""

from pathlib import Path

import pandas as pd
from scipy import stats

from stages.figures.measures import MEASURES, by_seed
from stages.figures.runs import BadInput
from stages.figures.style import BASELINE, VARIANTS
from stages.scoring.statistics import LEVEL, paired_difference, summary

COLUMNS = "variant measure paper mean std n paper_ratio ratio difference low high beyond_seed".split()
JUDGED = ("val_macro_f1_max", "test_macro_f1")  # the paper's score, and the one on data that chose nothing


def tables(runs, data_set, paper):
    """Yield table1.csv and table1.md as (file name, text).

    runs is `{variant: {seed: Run}}`, data_set the summary of the crops, paper what `read_paper` returns.
    """
    rows = pd.DataFrame(list(_rows(runs, paper)), columns=COLUMNS)
    yield "table1.csv", rows.to_csv(index=False, float_format="%.6g", lineterminator="\n")
    idle = _not_injected(runs)
    yield "table1.md", "\n".join([*_head(runs, data_set), *_table(rows, idle), *_differences(rows, idle), *_warnings(runs, idle)]) + "\n"


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
            ratios = (printed and printed / printed_baseline, summary(ours.values()).mean / our_baseline) if as_ratio else (None, None)
            row = (variant, measure, printed, *summary(ours.values()), *ratios)
            if variant == BASELINE:
                yield *row, None, None, None, None
            else:
                difference = paired_difference(ours, baseline)
                yield *row, difference.mean, difference.low, difference.high, difference.beyond_chance


def _head(runs, data_set):
    run = next(iter(runs[BASELINE].values()))
    seeds = ", ".join(map(str, runs[BASELINE]))
    ours = f"mean ± standard deviation over the seeds {seeds}" if len(runs[BASELINE]) > 1 else f"one run each, of seed {seeds}"
    other = "" if data_set["dataset"].startswith("affectnet") else " (not AffectNet)"
    images = ", ".join(f"{sum(counts.values())} {split}" for split, counts in data_set["counts"].items())
    return [
        f"# Table 1 on {data_set['title']}{other}",
        "",
        f"{run.epochs} epochs, images: {images}. Ours: {ours}. Paper: on AffectNet,"
        + " no spread given" + ("; other pictures than these, so that only direction and ratio of its numbers compare." if other else "."),
        "",
    ]


def _table(rows, idle):
    variants = list(rows["variant"].unique())
    yield from _header(variants, idle)
    for measure, (title, _, as_ratio) in MEASURES.items():
        of = rows[rows["measure"] == measure].set_index("variant").loc[variants]
        if of["paper"].notna().any():
            yield _line(f"{title}, paper", _printed(of["paper"]))
        yield _line(f"**{title}, ours**", (f"{mean:.3f}" + ("" if pd.isna(std) else f" ± {std:.3f}") for mean, std in zip(of["mean"], of["std"])))
        if as_ratio:
            yield _line("relative to ResNet-18, paper", _printed(of["paper_ratio"]))
            yield _line("**relative to ResNet-18, ours**", _printed(of["ratio"]))
    yield from (
        "",
        "The train loss is the mean cross-entropy per image over the last epoch, in training mode; the paper gives its loss no unit, so that only",
        "the ratios compare. The maximum over epochs is the paper's score: it picks its epoch on the data it is measured on. The test",
        "split chose nothing: it is scored once, with the weights of the epoch that was best on validation.",
        "",
    )


def _differences(rows, idle):
    n = int(rows["n"].iloc[0])
    yield from ("## Is it more than the seed?", "")
    if n == 1:
        yield from ("One seed: no spread is known, and no difference can be told from what another seed would make. Add seeds.", "")
        return
    others = rows[rows["variant"] != BASELINE]
    variants = list(others["variant"].unique())
    yield f"Difference to ResNet-18 of the same seed: mean and {LEVEL:.0%} t interval over {n} seeds."
    yield ""
    yield from _header(variants, idle)
    for measure, (title, _, _) in MEASURES.items():
        of = others[others["measure"] == measure]
        yield _line(title, (f"{d:+.3f} [{low:+.3f}, {high:+.3f}]".replace("-", "−") for d, low, high in zip(of["difference"], of["low"], of["high"])))
    yield ""
    for measure in JUDGED:
        of = others[(others["measure"] == measure) & others["beyond_seed"].astype(bool)]
        if of.empty:
            yield f"- {MEASURES[measure].title}: no difference is larger than what the seed alone makes; every interval contains 0."
        else:
            found = ", ".join(f"{VARIANTS[v].title} ({d:+.3f})".replace("-", "−") for v, d in zip(of["variant"], of["difference"]))
            yield f"- {MEASURES[measure].title}: the interval leaves out 0 for {found}, and for no other variant."
    yield f"- Each interval stands for itself: it is not corrected for the {len(variants)} comparisons in its row."
    if n < 5:
        reach = stats.t.ppf((1 + LEVEL) / 2, n - 1) / n**0.5
        yield f"- {n} seeds say little: the interval reaches {reach:.1f} standard deviations of the differences each way (10 seeds: 0.7)."
    yield ""


def _warnings(runs, idle):
    lines = []
    for variant, of in runs.items():
        for seed, run in of.items():
            nothing = seed in idle.get(variant, [])
            if nothing or run.record["warnings"]:
                name = f"**{variant}, seed {seed}: nothing was injected, this run says nothing about the method.**" if nothing else f"{variant}, seed {seed}:"
                lines.append(" ".join(["-", name, *run.record["warnings"]]))
    return ["## Read these runs with care", "", *lines] if lines else ["No run gave a warning, and every method that injects did inject."]


def _not_injected(runs):
    """`{variant: seeds}` in which a method that is meant to inject never did."""
    idle = {variant: [seed for seed, run in of.items() if not run.record["injected"]] for variant, of in runs.items() if VARIANTS[variant].injects}
    return {variant: seeds for variant, seeds in idle.items() if seeds}


def _header(variants, idle):
    notes = {variant: f" (nothing injected: seed {', '.join(map(str, seeds))})" for variant, seeds in idle.items()}
    yield _line("", (VARIANTS[variant].title + notes.get(variant, "") for variant in variants))
    yield "| --- |" + " ---: |" * len(variants)


def _line(title, cells):
    return f"| {title} | " + " | ".join(cells) + " |"


def _printed(values):
    return ("–" if pd.isna(value) else f"{value:.2f}" for value in values)
