import json
from dataclasses import replace

import numpy as np
import pytest

from stages.reporting import class_scores, contact_sheet, data_set, style, training_curves
from stages.reporting.runs import runs_of
from stages.results.inputs import BadInput
from tests.stages.reporting import pixels
from tests.stages.results import simulated
from tests.stages.results.simulated import CLASSES, SITES, algorithm_1, results_of, simulate, simulate_run


def lists(runs):
    return {variant: list(seeds.values()) for variant, seeds in runs.items()}


@pytest.mark.parametrize("interval, epochs, steps_per_epoch", [(5, 12, 41), (2, 9, 7), (3, 100, 2), (1, 6, 10)])
def test_bands_are_the_flag_of_algorithm_1(monkeypatch, interval, epochs, steps_per_epoch):
    monkeypatch.setattr(simulated, "INTERVAL", interval)
    runs = runs_of(simulate(["baseline", "periodic"], [0], epochs=epochs, steps_per_epoch=steps_per_epoch))
    (axes,) = training_curves.draw("train_loss", lists(runs)).axes
    (band,) = axes.images
    left, right, bottom, top = band.get_extent()
    assert (left, right, bottom, top) == (0, epochs, 0, 1) and axes.get_xlim() == (0, epochs)
    share = np.asarray(band.get_array())[0]
    middle_of_each_epoch = ((np.arange(epochs) + 0.5) / epochs * len(share)).astype(int)
    assert share[middle_of_each_epoch] == pytest.approx(algorithm_1(interval, epochs).astype(float), abs=1e-9)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["Baseline", "+ periodic", "flipped"]


def test_bands_are_the_signs_observed_and_not_those_of_the_parameter():
    """The table says interval 5; the signs that were seen turned in epoch 2 alone."""
    seen = np.repeat([False, True, False, False, False, False], 10)[None].repeat(8, 0)
    run = simulate_run("periodic", 0, epochs=6, steps_per_epoch=10, flipped=seen)
    assert run["runs"][0]["interval"] == 5
    (axes,) = training_curves.draw("train_loss", lists(runs_of(results_of([run])))).axes
    share = np.asarray(axes.images[0].get_array())[0]
    assert share[125::250] == pytest.approx([0, 1, 0, 0, 0, 0])  # the middle of each epoch of 1,500 columns


def test_irregular_turns_have_a_row_for_each_site():
    runs = runs_of(simulate(["periodic", "dynamic"]))
    top, strip = training_curves.draw("val_macro_f1", lists(runs)).axes
    (rows,) = strip.images
    assert rows.get_array().shape[0] == len(SITES)
    # The columns are finer than the steps, so that each step can be read back out of the middle of its place.
    flipped = runs["dynamic"][0].flipped
    middles = ((np.arange(flipped.shape[1]) + 0.5) / flipped.shape[1] * rows.get_array().shape[1]).astype(int)
    assert np.asarray(rows.get_array())[:, middles] == pytest.approx(flipped.astype(float), abs=1e-9)
    assert "seed 0" in strip.get_ylabel() and len(top.images) == 1


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
    (axes,) = training_curves.draw("train_loss", lists(runs)).axes
    said = [text.get_text() for text in axes.get_legend().get_texts()]
    assert said == ["+ periodic", "flipped", "+ dynamic", "never flipped"]


def test_a_figure_of_the_paper_is_drawn_only_where_both_its_variants_are():
    runs = runs_of(simulate(["baseline", "dropout-periodic", "gaussian"], [0], epochs=2))
    assert [name for name, _ in training_curves.figures(runs)] == ["figure-09-val-f1-baseline-and-dropout-periodic.png"]


def test_confusion_by_hand():
    run = runs_of(simulate(["baseline"], [0], epochs=2))["baseline"][0]
    first = replace(run, actual=np.array([0, 0, 1]), predicted=np.array([0, 1, 1]))
    second = replace(run, actual=np.array([0, 0, 1]), predicted=np.array([0, 0, 0]))
    shares = class_scores.mean_confusion([first, second], 3)
    assert shares[:2].tolist() == [[0.75, 0.25, 0], [0.5, 0.5, 0]] and np.isnan(shares[2]).all()


def test_dots_of_the_classes_are_the_rows_of_the_table(results):
    runs = runs_of(results)
    (axes,) = class_scores.draw_per_class(runs, CLASSES).axes
    table = results.measures[(results.measures["weights"] == "last") & (results.measures["split"] == "test")]
    for line, variant in zip(axes.lines, runs, strict=True):
        rows = table[table["variant"] == variant].groupby("measure")["value"].mean()
        assert line.get_xdata() == pytest.approx([rows[f"f1/{name}"] for name in CLASSES])
        assert line.get_color() == style.COLORS[variant]


def test_a_class_without_f1_has_no_dot():
    made = simulate(["baseline"], [0], epochs=2)
    made.measures.loc[made.measures["measure"] == "f1/Fear", "value"] = np.nan
    (axes,) = class_scores.draw_per_class(runs_of(made), CLASSES).axes
    assert np.isnan(axes.lines[0].get_xdata()).tolist() == [name == "Fear" for name in CLASSES]


@pytest.mark.parametrize("classes", [2, 30, 196])
def test_any_number_of_classes_fits(classes):
    names, counts = [f"class {i}" for i in range(classes)], np.arange(3 * classes).reshape(3, -1)
    examples = [np.zeros((min(i, 3), 8, 8, 1), np.uint8) for i in range(classes)]
    for drawn in (
        contact_sheet.draw(examples, names),
        data_set.draw_balance(counts, ["train", "val", "test"], names),
        class_scores.draw_confusion(np.eye(classes), names, "any"),
    ):
        width, height = drawn.get_size_inches()
        assert height < 15 and width in (style.COLUMN, style.PAGE)


def test_the_data_set_in_words():
    ((name, page),) = data_set.tables(pixels.summary() | {"notes": ["read a|b, not c"]})
    assert name == "data.md" and page.endswith("\n\n- read a\\|b, not c\n")
    assert page.startswith("# Drawn faces: what was read")
    assert "| Sadness | 13 | 10 | 15 |" in page and "| **all** | **102** | **70** | **105** |" in page
    assert "| unreadable | 3 |" in page
    with pytest.raises(BadInput, match=r"data.json: not the summary of crops: no dataset"):
        list(data_set.tables(json.loads('{"unit": 1}')))
