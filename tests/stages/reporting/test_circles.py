import re
import shutil

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from stages.reporting import circles, style
from stages.reporting.runs import BadInput
from tests.stages.reporting.simulated_circles import write_study


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study") / "circles"
    write_study(folder)
    return folder


@pytest.fixture(scope="module")
def drawn(folder):
    with style.applied():
        return dict(circles.figures(folder))


def table(folder, name):
    return pd.read_csv(folder / f"{name}.csv")


def test_the_study_has_these_figures(drawn):
    assert list(drawn) == [
        f"circles-{name}.png" for name in ("data", "run", "curves", "spread", "differences", "decision")
    ]


def test_points_are_filled_to_train_on_and_open_to_test_on(folder, drawn):
    points = table(folder, "data")
    (axes,) = drawn["circles-data.png"].axes
    for (label, split), of in points.groupby(["label", "split"]):
        (line,) = [
            line for line in axes.lines if len(line.get_xdata()) == len(of) and np.allclose(line.get_xdata(), of.x)
        ]
        color = circles.CLASSES[label][1]
        assert line.get_color() == color and line.get_markerfacecolor() == (color if split == "train" else "none")
        np.testing.assert_allclose(line.get_ydata(), of.y)


def test_runs_are_drawn_in_every_epoch_and_end_beside_the_tutorials(folder, drawn):
    run = table(folder, "run")
    for axes, (variant, (title, color)) in zip(drawn["circles-run.png"].axes, circles.VARIANTS.items(), strict=True):
        train, test, *tutorial = axes.lines
        assert axes.get_title(loc="left") == title and {train.get_color(), test.get_color()} == {color}
        np.testing.assert_allclose(train.get_ydata(), run[f"{variant}_train"])
        np.testing.assert_allclose(test.get_ydata(), run[f"{variant}_test"])
        shown = [line.get_ydata()[0] for line in tutorial if np.isfinite(line.get_ydata()[0])]
        assert shown == ([] if variant == "after" else [0.75, 0.75])


def test_every_run_has_a_dot(folder, drawn):
    runs = table(folder, "runs")
    panels = np.array(drawn["circles-spread.png"].axes[:8]).reshape(2, 4)
    for over, row in zip(circles.REPETITIONS, panels):
        for measure, axes in zip(circles.MEASURES, row):
            dots = [line for line in axes.lines if line.get_marker() == "."]
            for variant, line in zip(circles.VARIANTS, dots, strict=True):
                of = runs[(runs.over == over) & (runs.variant == variant)]
                np.testing.assert_allclose(line.get_xdata(), of[measure])
                assert line.get_color() == circles.VARIANTS[variant].color


def test_equal_values_are_kept_apart_within_their_row():
    heights = circles._swarm(pd.Series([0.5] * 30 + [0.9]), span=1.0)
    assert len(set(heights.round(6))) >= 30 and heights.abs().max() <= 0.18 and heights.iloc[-1] == 0


def test_differences_are_filled_only_where_they_are_more_than_chance(folder, drawn):
    differences = table(folder, "differences")
    shown = []
    for axes in drawn["circles-differences.png"].axes:
        for line in axes.lines[1:]:  # the first is at zero
            shown.append((round(float(line.get_xdata()[0]), 6), to_hex(line.get_markerfacecolor()) != "#ffffff"))
    assert sorted(shown) == sorted((round(row.difference, 6), row.differs) for row in differences.itertuples())


def test_decisions_are_drawn_where_the_points_are(drawn):
    *panels, bar = drawn["circles-decision.png"].axes
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
        (lambda folder: (folder / "metrics.json").write_text("{}"), r"metrics.json: no number best_accuracy"),
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
        list(circles.figures(damaged))
    assert "\n" not in str(error.value)


def test_a_variant_that_has_no_colour_is_named(folder, tmp_path):
    damaged = tmp_path / "circles"
    shutil.copytree(folder, damaged)
    runs = (damaged / "runs.csv").read_text()
    (damaged / "runs.csv").write_text(re.sub(r"\bafter\b", "label-noise", runs))
    expected = (
        r"runs.csv: variants baseline, before, input, label-noise; the figures know after, baseline, before, input$"
    )
    with pytest.raises(BadInput, match=expected):
        list(circles.figures(damaged))
