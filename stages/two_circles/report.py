"""The study in words: reports/circles/summary.md."""

from math import isnan

from stages.two_circles.comparison import LEVEL

VARIANTS = {
    "baseline": "no noise",
    "input": "input noise",
    "before": "hidden noise before ReLU",
    "after": "hidden noise after ReLU",
}
MEASURES = {
    "test_accuracy": "accuracy, own test points",
    "large_accuracy": "accuracy, large test set",
    "large_loss": "cross-entropy, large test set",
}
VERDICTS = {
    "survives": "These survive, over seeds and over draws",
    "seeds only": "These hold for the tutorial's points alone: over seeds, not over draws",
    "draws only": "These hold over draws, not over seeds on the tutorial's points",
    "contradicts": "These have one sign over seeds and the other over draws",
    "none": "These are not told from chance",
}


def write(settings, summary, differences, verdicts, curves, best_accuracy):
    """Markdown of the study. settings: the parameters `circles`; the tables are those of the modules beside this one."""
    test = settings.samples - settings.train
    lines = [
        "# Gaussian noise on two circles",
        "",
        f"A perceptron with {settings.hidden:,} hidden units learns {settings.train} points for {settings.epochs:,} epochs; {test} others",
        f"test it. Noise while training: standard deviation {settings.input_stddev} at the input, or {settings.hidden_stddev} in the hidden",
        "layer; none when evaluating. A tutorial ran each variant once. Here each ran from",
        f"{settings.seeds} seeds on the tutorial's points, and once on each of {settings.draws} other draws of the points.",
        f"The large test set, the same for all, has {settings.test_points:,} further points of this distribution, of which the best",
        f"of all classifiers would get {best_accuracy:.3f} right on average.",
        "",
        "## Which differences survive",
        "",
        *_verdicts(verdicts),
        f"## {settings.seeds} seeds on the tutorial's points",
        "",
        *_table(summary[summary.over == "seeds"], printed=True),
        "",
        "Mean ± standard deviation over seeds. The mean test accuracy, where it is highest and in the end:",
        "",
        *_peaks(curves),
        "",
        f"## {settings.draws} draws of the points",
        "",
        *_table(summary[summary.over == "draws"], printed=False),
        "",
        "## Every comparison",
        "",
        "Means of paired differences with 95 % t intervals. p: two-sided, by flipping signs, after Holm's correction for",
        f"all {len(differences)}; what is below {LEVEL} counts as told from chance.",
        "",
        *_differences(differences),
    ]
    return "\n".join(lines) + "\n"


def _table(summary, printed):
    theirs = ["tutorial's train", "tutorial's test"] if printed else []
    yield from _rows(["", *theirs, "train", "test", "test, lowest to highest", "large test set", "its cross-entropy"])
    for variant, rows in summary.groupby("variant", sort=False):
        of = rows.set_index("measure")
        cells = [VARIANTS[variant]]
        if printed:
            values = of.tutorial[["train_accuracy", "test_accuracy"]]
            cells += ["not printed" if isnan(value) else f"{value:.3f}" for value in values]
        spread = {measure: f"{row['mean']:.3f} ± {row['std']:.3f}" for measure, row in of.iterrows()}
        test = of.loc["test_accuracy"]
        cells += [spread["train_accuracy"], spread["test_accuracy"], f"{test['min']:.3f} to {test['max']:.3f}"]
        cells += [spread["large_accuracy"], spread["large_loss"]]
        yield _row(cells)


def _peaks(curves):
    for variant, curve in curves.groupby("variant", sort=False):
        peak = curve.loc[curve.test_mean.idxmax()]
        yield f"- {VARIANTS[variant]}: {peak.test_mean:.3f} after epoch {int(peak.epoch):,}, {curve.test_mean.iloc[-1]:.3f} after the last"


def _differences(differences):
    yield from _rows(["over", "measure", "difference", "mean", "95 % interval", "p (Holm)"])
    for row in differences.itertuples():
        pair = f"{VARIANTS[row.variant]} − {VARIANTS[row.against]}"
        interval = f"{_signed(row.low)} to {_signed(row.high)}"
        yield _row([row.over, MEASURES[row.measure], pair, _signed(row.difference), interval, f"{row.p_holm:.4f}"])


def _verdicts(verdicts):
    for verdict, title in VERDICTS.items():
        rows = verdicts[verdicts.verdict == verdict]
        if len(rows):
            yield f"{title}:"
            yield ""
            for row in rows.itertuples():
                pair = f"{VARIANTS[row.variant]} − {VARIANTS[row.against]}"
                yield f"- {MEASURES[row.measure]}: {pair}, {_signed(row.seeds)} over seeds, {_signed(row.draws)} over draws"
            yield ""


def _signed(value):
    return f"{value:+.3f}".replace("-", "−")


def _rows(head):
    return [_row(head), "|" + " --- |" * len(head)]


def _row(cells):
    return "| " + " | ".join(cells) + " |"
