import json
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_hex
from scipy import stats

from stages.reporting import class_scores, data_set, style, training_curves
from stages.reporting.runs import runs_of
from stages.results.inputs import BadInput
from tests.stages.reporting import pixels
from tests.stages.results import simulated
from tests.stages.results.simulated import CLASSES, SITES, algorithm_1, results_of, simulate, simulate_run


def lists(runs):
    return {variant: list(seeds.values()) for variant, seeds in runs.items()}


def shade_at(axes, epoch):
    """What is shaded of each row where the point of an epoch is drawn, 0..1; the extent of an image is its place."""
    (image,) = axes.images
    left, right, *_ = image.get_extent()
    rows = np.asarray(image.get_array())
    return rows[:, int((epoch - left) / (right - left) * rows.shape[1])]


@pytest.mark.parametrize("measure", ["train_loss", "val_macro_f1"])
@pytest.mark.parametrize("interval, epochs, steps_per_epoch", [(5, 12, 41), (2, 9, 7), (3, 100, 2), (1, 6, 10)])
def test_bands_are_the_flag_of_algorithm_1(monkeypatch, measure, interval, epochs, steps_per_epoch):
    monkeypatch.setattr(simulated, "INTERVAL", interval)
    runs = runs_of(simulate(["baseline", "periodic"], [0], epochs=epochs, steps_per_epoch=steps_per_epoch))
    drawn = training_curves.draw(measure, lists(runs))
    (axes,) = drawn.axes
    points = axes.lines[0].get_xdata()
    assert points.tolist() == list(range(1, epochs + 1)) and axes.get_xlim() == (0.5, epochs + 0.5)
    shades = [shade_at(axes, point)[0] for point in points]
    assert shades == pytest.approx(algorithm_1(interval, epochs).astype(float), abs=1e-9)
    assert [text.get_text() for text in drawn.legends[0].get_texts()] == ["Baseline", "+ periodic", "flipped"]


def test_a_point_lies_in_the_shade_by_the_state_that_it_was_measured_in():
    """Signs turn within epochs: a score is taken at the epoch's end, a loss is the mean over its steps."""
    steps = np.zeros((8, 40), bool)
    steps[:, 17:30] = True  # the last 3 of 10 steps of epoch 2, and all of epoch 3
    steps[:, 35:39] = True  # 4 steps of epoch 4, which ends unflipped
    run = simulate_run("periodic", 0, epochs=4, steps_per_epoch=10, flipped=steps)
    assert run["runs"][0]["interval"] == 5  # the bands are the signs observed, and not those of the parameter
    runs = lists(runs_of(results_of([run])))
    for measure, expected in (("train_loss", [0, 0.3, 1, 0.4]), ("val_macro_f1", [0, 1, 1, 0])):
        (axes,) = training_curves.draw(measure, runs).axes
        assert [shade_at(axes, epoch)[0] for epoch in (1, 2, 3, 4)] == pytest.approx(expected)
        # Its whole stretch, up to the next epoch's.
        assert shade_at(axes, 2.49)[0] == shade_at(axes, 1.51)[0] == shade_at(axes, 2)[0]


def test_irregular_turns_have_a_row_for_each_site():
    runs = runs_of(simulate(["baseline", "dynamic"]))
    top, strip = training_curves.draw("val_macro_f1", lists(runs)).axes
    flipped = runs["dynamic"][0].flipped
    assert len(strip.images[0].get_array()) == len(SITES) and not top.images
    for epoch in range(1, 13):
        assert shade_at(strip, epoch) == pytest.approx(flipped[:, 41 * epoch - 1].astype(float))
    assert "dynamic seed 0" in top.figure.get_label()


def test_two_flipped_variants_have_strips_and_no_bands_that_mix():
    runs = runs_of(simulate(["periodic", "dropout-periodic"], epochs=12))
    top, first, second = training_curves.draw("train_loss", lists(runs)).axes
    assert not top.images
    for axes in (first, second):
        assert [shade_at(axes, epoch)[0] for epoch in range(1, 13)] == pytest.approx(algorithm_1(5, 12).astype(float))


def test_figures_that_are_compared_share_their_axes(results):
    limits = {}
    for name, drawn in training_curves.figures(runs_of(results)):
        axes = drawn.axes[0]
        limits.setdefault(name.split("-")[2], set()).add((axes.get_xlim(), axes.get_ylim()))
        assert axes.get_xticks()[0] == 1
        values = np.concatenate([line.get_ydata() for line in axes.lines])
        assert values.min() >= axes.get_ylim()[0] and values.max() <= axes.get_ylim()[1]
    assert {measure: len(each) for measure, each in limits.items()} == {"train": 1, "val": 1}


def test_lines_are_the_mean_over_seeds_as_far_as_all_went():
    early = [
        simulate_run("baseline", seed, epochs) for seed, epochs in ((0, 6), (1, 4))
    ]  # as early stopping leaves them
    runs = list(runs_of(results_of(early))["baseline"].values())
    first, second, mean = training_curves.draw("train_loss", {"baseline": runs}).axes[0].lines
    assert (len(first.get_xdata()), len(second.get_xdata())) == (6, 4)
    assert mean.get_xdata().tolist() == [1, 2, 3, 4]
    pairs = zip(runs[0].curves.train_loss, runs[1].curves.train_loss)
    assert mean.get_ydata() == pytest.approx([(a + b) / 2 for a, b in pairs])


def test_a_method_that_never_turned_says_so_in_its_figure():
    never = simulate_run("dynamic", 0, epochs=6, flipped=np.zeros((8, 6 * 41), bool))
    runs = runs_of(results_of([simulate_run("periodic", 0, epochs=6), never]))
    drawn = training_curves.draw("train_loss", lists(runs))
    said = [text.get_text() for text in drawn.legends[0].get_texts()]
    assert said == ["+ periodic", "flipped", "+ dynamic", "never flipped"]


def test_a_figure_of_the_paper_is_drawn_only_where_both_its_variants_are():
    runs = runs_of(simulate(["baseline", "dropout-periodic", "gaussian"], [0], epochs=2))
    assert [name for name, _ in training_curves.figures(runs)] == ["figure-09-val-f1-baseline-and-dropout-periodic.png"]


def test_confusion_by_hand():
    run = runs_of(simulate(["baseline"], [0], epochs=2))["baseline"][0]
    first = replace(run, actual=np.array([0, 0, 1]), predicted=np.array([0, 1, 1]))
    second = replace(run, actual=np.array([0, 0, 1]), predicted=np.array([0, 0, 0]))
    shares = class_scores.confusions([first, second], 3)
    assert shares.mean(axis=0)[:2].tolist() == [[0.75, 0.25, 0], [0.5, 0.5, 0]] and np.isnan(shares[:, 2]).all()
    (axes,) = class_scores.draw_confusion(shares, ["a", "b", "c"], "any", 3).axes
    assert [text.get_text() for text in axes.texts] == ["75\n±35", "25\n±35", "0\n±0", "50\n±71", "50\n±71", "0\n±0"]


def test_dots_of_the_classes_are_the_rows_of_the_table(results):
    runs = runs_of(results)
    (axes,) = class_scores.draw_per_class(runs, CLASSES).axes
    table = results.measures[(results.measures["weights"] == "last") & (results.measures["split"] == "test")]
    for line, variant in zip(axes.lines, runs, strict=True):
        rows = table[table["variant"] == variant].groupby("measure")["value"].mean()
        assert line.get_xdata() == pytest.approx([rows[f"f1/{name}"] for name in CLASSES])
        assert line.get_color() == style.COLORS[variant]
        bars = [
            bar.get_segments()[0] for bar in axes.collections if to_hex(bar.get_color()[0]) == line.get_color().lower()
        ]
        values = table[table["variant"] == variant].pivot(index="seed", columns="measure", values="value")
        for bar, name in zip(bars, CLASSES, strict=True):
            interval = stats.ttest_1samp(values[f"f1/{name}"], 0).confidence_interval(0.95)
            assert bar[:, 0] == pytest.approx(np.clip(interval, 0, 1))


def test_a_class_without_f1_has_no_dot():
    made = simulate(["baseline"], [0], epochs=2)
    made.measures.loc[made.measures["measure"] == "f1/Fear", "value"] = np.nan
    (axes,) = class_scores.draw_per_class(runs_of(made), CLASSES).axes
    assert np.isnan(axes.lines[0].get_xdata()).tolist() == [name == "Fear" for name in CLASSES]


def test_the_data_set_in_words():
    ((name, page),) = data_set.tables(pixels.summary() | {"notes": ["read a|b, not c"]})
    assert name == "data.md" and page.endswith("\n\n- read a\\|b, not c\n")
    assert page.startswith("# Drawn faces: what was read")
    assert "| Sadness | 13 | 10 | 15 |" in page and "| **all** | **102** | **70** | **105** |" in page
    assert "| unreadable | 3 |" in page
    with pytest.raises(BadInput, match=r"data.json: not the summary of crops: no dataset"):
        list(data_set.tables(json.loads('{"unit": 1}')))
