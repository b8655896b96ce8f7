import re
import shutil

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from scipy import stats

from stages.reporting import style
from stages.reporting.circles import exhibits
from stages.reporting.circles.names import MEASURES, VARIANTS
from stages.reporting.circles.points import CLASSES
from stages.reporting.circles.runs import POINTS, REPETITIONS, _swarm, _within, draw_run
from stages.reporting.circles.study import read_study
from stages.results.inputs import BadInput
from tests.stages.reporting.simulated_circles import write_claims, write_study, write_tutorial


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study") / "circles"
    write_study(folder)
    write_tutorial(folder.parent / "tutorial.csv")
    return folder


@pytest.fixture(scope="module")
def study(folder):
    return read_study(folder, folder.parent / "tutorial.csv", folder.parent / "claims.csv")


@pytest.fixture(scope="module")
def drawn(study):
    with style.applied():
        return dict(exhibits.figures(study))


def replace(path, old, new):
    path.write_text(path.read_text().replace(old, new))


def table(folder, name):
    return pd.read_csv(folder / f"{name}.csv")


def test_the_study_has_these_figures(drawn):
    assert list(drawn) == [
        f"circles-{name}.png" for name in ("data", "run", "curves", "spread", "differences", "decision")
    ]


def test_points_are_filled_to_train_on_and_open_to_test_on(folder, drawn):
    points = table(folder, "data")
    (axes,) = drawn["circles-data.png"].axes
    for (label, split), part in points.groupby(["label", "split"]):
        (line,) = [
            line for line in axes.lines if len(line.get_xdata()) == len(part) and np.allclose(line.get_xdata(), part.x)
        ]
        color = CLASSES[label][1]
        assert line.get_color() == color and line.get_markerfacecolor() == (color if split == "train" else "none")
        np.testing.assert_allclose(line.get_ydata(), part.y)


def test_runs_are_drawn_in_every_epoch_and_end_beside_the_tutorials(folder, drawn):
    run = table(folder, "run")
    for axes, (variant, (_, title, color)) in zip(drawn["circles-run.png"].axes, VARIANTS.items(), strict=True):
        train, test, *tutorial = axes.lines
        assert axes.get_title(loc="left") == title and {train.get_color(), test.get_color()} == {color}
        np.testing.assert_allclose(train.get_ydata(), run[f"{variant}_train"])  # of so few epochs nothing is smoothed
        np.testing.assert_allclose(test.get_ydata(), run[f"{variant}_test"])
        shown = [line.get_ydata()[0] for line in tutorial if np.isfinite(line.get_ydata()[0])]
        assert shown == ([] if variant == "after" else [0.75, 0.75])


def test_a_long_run_is_smoothed(study):
    run = pd.DataFrame({"epoch": np.arange(1, 4001)})
    for number, variant in enumerate(VARIANTS):
        run[f"{variant}_train"] = run[f"{variant}_test"] = (run.epoch + number) % 2
    for axes in draw_run(run, study.summary).axes:
        assert axes.lines[0].get_ydata() == pytest.approx([0.5] * POINTS)
        assert axes.lines[0].get_xdata()[0] == 20.5 and axes.get_xlim()[0] == 1


def test_every_run_has_a_dot(folder, drawn):
    runs = table(folder, "runs")
    panels = np.array(drawn["circles-spread.png"].axes[:8]).reshape(2, 4)
    for over, row in zip(REPETITIONS, panels):
        for measure, axes in zip(MEASURES, row):
            dots = [line for line in axes.lines if line.get_marker() == "."]
            for variant, line in zip(VARIANTS, dots, strict=True):
                rows = runs[(runs.over == over) & (runs.variant == variant)]
                np.testing.assert_allclose(line.get_xdata(), rows[measure])
                assert line.get_color() == VARIANTS[variant].color


def test_equal_values_are_kept_apart_within_their_row():
    heights = _swarm(pd.Series([0.5] * 30 + [0.9]), span=1.0)
    assert len(set(heights.round(6))) >= 30 and heights.abs().max() <= 0.18 and heights.iloc[-1] == 0


def test_intervals_of_differences_hold_together_and_markers_say_what_they_do(folder, study, drawn):
    runs, shown = table(folder, "runs"), 0
    for axes, measure in zip(drawn["circles-differences.png"].axes, ("test_accuracy", "large_accuracy", "large_loss")):
        bars = [collection.get_segments()[0] for collection in axes.collections]
        for line, bar in zip(axes.lines[1:], bars, strict=True):  # the first is at zero
            ((low, place), (high, _)) = bar
            variant, against = [
                ("input", "baseline"),
                ("before", "baseline"),
                ("after", "baseline"),
                ("after", "before"),
            ][round(place)]
            over = {"o": "seeds", "s": "draws"}[line.get_marker()]
            rows = runs[runs.over == over].pivot(index="seed", columns="variant", values=measure)
            test = stats.ttest_rel(rows[variant], rows[against])
            expected = np.array(test.confidence_interval(1 - 0.05 / 24))
            most = np.inf if measure == "large_loss" else 1
            assert (low, high) == pytest.approx(expected.clip(-most, most))
            assert (to_hex(line.get_markerfacecolor()) != style.PAPER.lower()) == (test.pvalue < 0.05 / 24)
            shown += 1
    assert shown == 24


def test_bars_of_spread_end_where_the_measure_does(folder, drawn):
    panels = drawn["circles-spread.png"].axes[:8]
    for axes, measure in zip(panels, [*MEASURES, *MEASURES]):
        ends = np.concatenate([bars.get_segments()[0][:, 0] for each in axes.containers for bars in each.lines[2]])
        assert ends.min() >= 0 and ends.max() <= (1 if measure.endswith("accuracy") else np.inf)
    values = pd.Series([0.9, 1.0, 1.0])
    ((below,), (above,)) = _within(values, "train_accuracy")
    assert below == pytest.approx(values.std()) and above == pytest.approx(1 - values.mean())


def test_the_page_says_what_the_ledger_says_of_the_circles(study):
    page = dict(exhibits.tables(study))["summary.md"]
    for line in (
        "| T1: hidden noise helps | seeds | holds | test_accuracy | +0.020 | +0.010 to +0.030 | 13 |",
        "| T1: hidden noise helps | draws | undecided | test_accuracy | +0.010 | −0.020 to +0.040 | 2 |",
        "| T2: loss is lower | seeds | contradicted | large_loss | 1.25 | 1.12 to 1.50 | 13 |",
        "| T3: it is so | seeds | holds | test_accuracy | 0.750 |  | 13 |",
    ):
        assert line in page
    assert "P1" not in page


def test_a_ledger_without_the_circles_is_said_to_be_one(folder, tmp_path):
    write_claims(tmp_path / "claims.csv", [])
    silent = read_study(folder, folder.parent / "tutorial.csv", tmp_path / "claims.csv")
    assert "no verdict on them yet" in dict(exhibits.tables(silent))["summary.md"]


def test_decisions_are_drawn_where_the_points_are(drawn):
    *panels, _bar = drawn["circles-decision.png"].axes
    assert len(panels) == 8
    for axes in panels:
        (image,) = axes.images
        low, high, bottom, top = image.get_extent()
        assert image.origin == "lower" and (low, high, bottom, top) == pytest.approx((-1.4, 1.4, -1.4, 1.4))
        boundary = axes.collections[0].get_paths()[0].vertices
        assert np.hypot(*boundary.T) == pytest.approx(0.9, abs=0.02)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "runs.csv").unlink(), r"runs.csv: missing; `dvc repro circles` writes it$"),
        (lambda folder: (folder / "data.csv").write_text("x,y\n1,2\n"), r"data.csv: no column label, split; "),
        (
            lambda folder: (folder / "run.csv").write_text("epoch,baseline_train\n1,1\n"),
            r"run.csv: no column after_test, after_train, ",
        ),
        (lambda folder: (folder / "curves.csv").write_text(""), r"curves.csv: not a table: "),
        (lambda folder: (folder / "study.json").write_text("{}"), r"study.json: 'settings' is missing; "),
        (lambda folder: (folder / "study.json").unlink(), r"study.json: missing; "),
        (lambda folder: replace(folder / "study.json", "0.84", '"high"'), r"study.json: 'high' is no number; "),
        (lambda folder: replace(folder / "study.json", '"draws"', '"drawn"'), r"study.json: 'draws' is missing; "),
        (
            lambda folder: replace(folder / "run.csv", "\n2,", "\ntwo,"),
            r"run.csv: line 3: epoch is two, expected a whole",
        ),
        (
            lambda folder: replace(folder / "runs.csv", "seeds,baseline,1", "seeds,baseline,2"),
            r"runs.csv: expected eve",
        ),
        (lambda folder: replace(folder / "runs.csv", "draws", "other"), r"runs.csv: expected every variant once for "),
        (
            lambda folder: (folder / "decision.npz").write_bytes(b"PK\x03\x04"),
            r"decision.npz: not the arrays axis, mean, run, variants: ",
        ),
        (lambda folder: (folder / "decision.npz").unlink(), r"decision.npz: missing; "),
    ],
)
def test_a_damaged_study_is_one_line(folder, tmp_path, spoil, message):
    damaged = tmp_path / "circles"
    shutil.copytree(folder, damaged)
    spoil(damaged)
    with pytest.raises(BadInput, match=message) as error:
        read_study(damaged, folder.parent / "tutorial.csv")
    assert "\n" not in str(error.value)


def test_a_variant_that_has_no_colour_is_named(folder, tmp_path):
    damaged = tmp_path / "circles"
    shutil.copytree(folder, damaged)
    runs = (damaged / "runs.csv").read_text()
    (damaged / "runs.csv").write_text(re.sub(r"\bafter\b", "label-noise", runs))
    expected = (
        r"runs.csv: variants baseline, before, input, label-noise; the report knows after, baseline, before, input$"
    )
    with pytest.raises(BadInput, match=expected):
        read_study(damaged, folder.parent / "tutorial.csv")


def test_without_the_tutorials_numbers_one_line_says_so(folder, tmp_path):
    with pytest.raises(BadInput, match=r"circles.csv: missing; it is part of the repository$"):
        read_study(folder, tmp_path / "circles.csv")


def test_without_the_ledger_one_line_says_so(folder, tmp_path):
    with pytest.raises(BadInput, match=r"claims.csv: missing; the stage claims writes it$"):
        read_study(folder, folder.parent / "tutorial.csv", tmp_path / "claims.csv")
