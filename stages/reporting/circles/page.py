"""The circles study in words: summary.md."""

from collections.abc import Iterator
from math import isnan

import pandas as pd

from stages.ledger.words import signed
from stages.reporting.circles.names import MEASURES, VARIANTS
from stages.reporting.circles.study import ROWS, Settings, Study
from stages.results.statistics import LEVEL


def write(study: Study) -> str:
    """Markdown of the study."""
    summary, level = study.summary, f"{100 * LEVEL:g} %"
    lines = [
        "# Gaussian noise on two circles",
        "",
        *_design(study.settings, study.best_accuracy),
        "",
        "## What became of the tutorial's sentences",
        "",
        *_claims(study.claims, level),
        "",
        f"## {study.settings.seeds} seeds on the tutorial's points",
        "",
        "Mean ± standard deviation.",
        "",
        *_table(summary[summary.over == "seeds"], printed=True),
        "",
        f"## {study.settings.draws} draws of the points",
        "",
        *_table(summary[summary.over == "draws"], printed=False),
        "",
        "## From the peak to the end",
        "",
        f"How much worse a model is in the end than at its peak, the mean with its {level} t interval: accuracy lost,",
        "and cross-entropy gained, in nats. Its peak is the epoch at which it did best on points apart, which judge",
        "nothing: a model that only wavers is as likely to gain as to lose.",
        "",
        *_falls(study.falls, study.runs),
        "",
        "How much accuracy changes from one look to the next, its standard deviation, mean over repetitions: of the",
        "training points every epoch, with the noise, as the tutorial's figures show it; of the test points, without.",
        "",
        *_roughness(summary),
        "",
        "## Every comparison",
        "",
        f"Means of paired differences with {level} t intervals, not corrected for how many they are; what they say of",
        "the tutorial's sentences stands above.",
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


def _claims(claims: pd.DataFrame, level: str) -> Iterator[str]:
    if claims.empty:
        yield "The ledger (reports/claims.csv) has no verdict on them yet."
        return
    yield "Each verdict is the [ledger's](../claims.md), which says how it is reached; a ratio's effect is a factor."
    yield ""
    yield from _head(["claim", "over", "verdict", "measure", "effect", f"{level} interval", "n"])
    for row in claims.itertuples():
        plain = "{:.2f}" if row.scale == "ratio" else "{:.3f}" if row.kind in ("level", "spread") else None
        as_words = plain.format if plain else signed
        effect, low, high = ("" if isnan(number) else as_words(number) for number in (row.effect, row.low, row.high))
        interval = f"{low} to {high}" if low and high else ""
        yield _row([f"{row.id}: {row.words}", ROWS[row.rows], row.verdict, row.measure, effect, interval, str(row.n)])


def _falls(falls: pd.DataFrame, runs: pd.DataFrame) -> Iterator[str]:
    titles = ("accuracy", "accuracy, large test set", "cross-entropy", "cross-entropy, large test set")
    yield from _head(["over", "", *titles, "median peak: accuracy", "cross-entropy"])
    for (over, variant), rows in falls.groupby(["over", "variant"], sort=False):
        models = runs[(runs.over == over) & (runs.variant == variant)]
        cells = [f"{signed(row.fall)} ({_interval(row)})" for row in rows.itertuples()]
        cells += [f"epoch {models[f'peak_{measure}_epoch'].median():,.0f}" for measure in ("accuracy", "loss")]
        yield _row([over, VARIANTS[variant].words, *cells])


def _roughness(summary: pd.DataFrame) -> Iterator[str]:
    yield from _head(["over", "", "training points", "test points"])
    means = summary.pivot(index=["over", "variant"], columns="measure", values="mean")
    for over, variant in summary[["over", "variant"]].drop_duplicates().itertuples(index=False):
        steps = (f"{means.loc[(over, variant)][f'{split}_roughness']:.4f}" for split in ("train", "test"))
        yield _row([over, VARIANTS[variant].words, *steps])


def _differences(differences: pd.DataFrame, level: str) -> Iterator[str]:
    yield from _head(["over", "measure", "difference", "mean", f"{level} interval", "n"])
    for row in differences.itertuples():
        yield _row([row.over, MEASURES[row.measure], _pair(row), signed(row.difference), _interval(row), str(row.n)])


def _pair(row) -> str:
    return f"{VARIANTS[row.variant].words} − {VARIANTS[row.against].words}"


def _interval(row) -> str:
    return f"{signed(row.low)} to {signed(row.high)}"


def _head(cells: list[str]) -> list[str]:
    return [_row(cells), "|" + " --- |" * len(cells)]


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
