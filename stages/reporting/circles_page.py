"""The circles study in words: summary.md."""

from collections.abc import Iterator
from math import isnan

import pandas as pd

from stages.reporting.circles_names import MEASURES, VARIANTS
from stages.reporting.circles_statistics import ALPHA, verdicts
from stages.reporting.circles_study import Settings, Study
from stages.results.statistics import LEVEL

VERDICTS = {
    "survives": "These survive, over seeds and over draws",
    "seeds only": "These hold for the tutorial's points alone: over seeds, not over draws",
    "draws only": "These hold over draws, not over seeds on the tutorial's points",
    "contradicts": "These have one sign over seeds and the other over draws",
    "none": "These are not told from chance",
}


def write(study: Study) -> str:
    """Markdown of the study."""
    summary, level = study.summary, f"{100 * LEVEL:g} %"
    lines = [
        "# Gaussian noise on two circles",
        "",
        *_design(study.settings, study.best_accuracy),
        "",
        "## Which differences survive",
        "",
        *_verdicts(verdicts(study.differences)),
        f"## {study.settings.seeds} seeds on the tutorial's points",
        "",
        *_table(summary[summary.over == "seeds"], printed=True),
        "",
        "Mean ± standard deviation over seeds. The mean test accuracy, where it is highest and in the end:",
        "",
        *_peaks(study.curves),
        "",
        f"## {study.settings.draws} draws of the points",
        "",
        *_table(summary[summary.over == "draws"], printed=False),
        "",
        "## Every comparison",
        "",
        f"Means of paired differences with {level} t intervals. p: two-sided, by flipping signs, after Holm's",
        f"correction for all {len(study.differences)}; what is below {ALPHA} counts as told from chance.",
        "",
        *_differences(study.differences, level),
    ]
    return "\n".join(lines) + "\n"


def _design(settings: Settings, best_accuracy: float) -> Iterator[str]:
    test = settings.samples - settings.train
    yield f"A perceptron with {settings.hidden:,} hidden units learns {settings.train} points"
    yield f"for {settings.epochs:,} epochs; {test} others test it. Noise while training: standard deviation"
    yield f"{settings.input_stddev} at the input, or {settings.hidden_stddev} in the hidden layer; none when"
    yield f"evaluating. A tutorial ran each variant once. Here each ran from {settings.seeds} seeds"
    yield f"on the tutorial's points, and once on each of {settings.draws} other draws of the points."
    yield f"The large test set, the same for all, has {settings.test_points:,} further points of this distribution,"
    yield f"of which the best of all classifiers would get {best_accuracy:.3f} right on average."


def _table(summary: pd.DataFrame, printed: bool) -> Iterator[str]:
    theirs = ["tutorial's train", "tutorial's test"] if printed else []
    yield from _head(["", *theirs, "train", "test", "test, lowest to highest", "large test set", "its cross-entropy"])
    for variant, rows in summary.groupby("variant", sort=False):
        measures = rows.set_index("measure")
        cells = [VARIANTS[variant].words]
        if printed:
            values = measures.tutorial[["train_accuracy", "test_accuracy"]]
            cells += ["not printed" if isnan(value) else f"{value:.3f}" for value in values]
        spread = {measure: f"{row['mean']:.3f} ± {row['std']:.3f}" for measure, row in measures.iterrows()}
        test = measures.loc["test_accuracy"]
        cells += [spread["train_accuracy"], spread["test_accuracy"], f"{test['min']:.3f} to {test['max']:.3f}"]
        cells += [spread["large_accuracy"], spread["large_loss"]]
        yield _row(cells)


def _peaks(curves: pd.DataFrame) -> Iterator[str]:
    for variant, curve in curves.groupby("variant", sort=False):
        peak, words = curve.loc[curve.test_mean.idxmax()], VARIANTS[variant].words
        highest = f"{peak.test_mean:.3f} after epoch {int(peak.epoch):,}"
        yield f"- {words}: {highest}, {curve.test_mean.iloc[-1]:.3f} after the last"


def _differences(differences: pd.DataFrame, level: str) -> Iterator[str]:
    yield from _head(["over", "measure", "difference", "mean", f"{level} interval", "p (Holm)"])
    for row in differences.itertuples():
        interval = f"{_signed(row.low)} to {_signed(row.high)}"
        mean, p = _signed(row.difference), f"{row.p_holm:.4f}"
        yield _row([row.over, MEASURES[row.measure], _pair(row), mean, interval, p])


def _verdicts(verdicts: pd.DataFrame) -> Iterator[str]:
    for verdict, title in VERDICTS.items():
        rows = verdicts[verdicts.verdict == verdict]
        if rows.empty:
            continue
        yield f"{title}:"
        yield ""
        for row in rows.itertuples():
            means = f"{_signed(row.seeds)} over seeds, {_signed(row.draws)} over draws"
            yield f"- {MEASURES[row.measure]}: {_pair(row)}, {means}"
        yield ""


def _pair(row) -> str:
    return f"{VARIANTS[row.variant].words} − {VARIANTS[row.against].words}"


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def _head(cells: list[str]) -> list[str]:
    return [_row(cells), "|" + " --- |" * len(cells)]


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
