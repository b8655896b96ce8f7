"""The study in words: reports/circles/summary.md."""

from math import isnan

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
    "survives": "Survives, over seeds and over draws",
    "seeds only": "Holds over seeds on the tutorial's points, not over draws",
    "draws only": "Holds over draws, not over seeds on the tutorial's points",
    "contradicts": "Has one sign over seeds and the other over draws",
    "none": "Not told from chance",
}


def write(settings, summary, differences, verdicts, curves, best_accuracy):
    """Markdown of the study. settings: the parameters `circles`; the tables are those of the modules beside this one."""
    test = settings.samples - settings.train
    lines = [
        "# Gaussian noise on two circles",
        "",
        f"A perceptron with {settings.hidden:,} hidden units learns {settings.train} points for {settings.epochs:,} epochs; {test} others test it.",
        f"Noise while training: standard deviation {settings.input_stddev} at the input, or {settings.hidden_stddev} in the hidden layer; none when evaluating.",
        f"A tutorial ran each variant once. Here each ran from {settings.seeds} seeds on the tutorial's points, and once on each of {settings.draws} other draws of the points.",
        f"The large test set, the same for all, has {settings.test_points:,} further points of this distribution, of which the best of all classifiers would",
        f"get {best_accuracy:.3f} right on average.",
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
        f"Means of paired differences with 95 % t intervals. p: two-sided, by flipping signs, after Holm's correction for all {len(differences)}.",
        "",
        *_differences(differences),
    ]
    return "\n".join(lines) + "\n"


def _table(summary, printed):
    yield from _rows(["", *(["tutorial's train", "tutorial's test"] if printed else []), "train", "test", "test, lowest to highest", "large test set", "its cross-entropy"])
    for variant, rows in summary.groupby("variant", sort=False):
        of = rows.set_index("measure")
        cells = [VARIANTS[variant]]
        if printed:
            values = of.tutorial[["train_accuracy", "test_accuracy"]]
            cells += ["not printed" if isnan(value) else f"{value:.3f}" for value in values]
        spread = {measure: f"{row['mean']:.3f} ± {row['std']:.3f}" for measure, row in of.iterrows()}
        test = of.loc["test_accuracy"]
        cells += [spread["train_accuracy"], spread["test_accuracy"], f"{test['min']:.3f} to {test['max']:.3f}", spread["large_accuracy"], spread["large_loss"]]
        yield _row(cells)


def _peaks(curves):
    for variant, curve in curves.groupby("variant", sort=False):
        peak = curve.loc[curve.test_mean.idxmax()]
        yield f"- {VARIANTS[variant]}: {peak.test_mean:.3f} after epoch {int(peak.epoch):,}, {curve.test_mean.iloc[-1]:.3f} after the last"


def _differences(differences):
    yield from _rows(["over", "measure", "difference", "mean", "95 % interval", "p (Holm)"])
    for row in differences.itertuples():
        pair = f"{VARIANTS[row.variant]} − {VARIANTS[row.against]}"
        p = f"{row.p_holm:.4f}"
        yield _row([row.over, MEASURES[row.measure], pair, f"{row.difference:+.3f}", f"{row.low:+.3f} to {row.high:+.3f}", p])


def _verdicts(verdicts):
    for verdict, title in VERDICTS.items():
        rows = verdicts[verdicts.verdict == verdict]
        if len(rows):
            yield f"{title}:"
            yield ""
            for row in rows.itertuples():
                yield f"- {MEASURES[row.measure]}: {VARIANTS[row.variant]} − {VARIANTS[row.against]}, {row.seeds:+.3f} over seeds, {row.draws:+.3f} over draws"
            yield ""


def _rows(head):
    return [_row(head), "|" + " --- |" * len(head)]


def _row(cells):
    return "| " + " | ".join(cells) + " |"
