"""What docs/figures.md asks of every figure, as far as a program can see it: of all committed ones, and of odd ones."""

import json
from contextlib import chdir
from itertools import combinations

import numpy as np
import pytest
from matplotlib.text import Text

from stages import report
from stages.reporting import (
    activation,
    class_scores,
    contact_sheet,
    data_set,
    printing,
    process,
    robustness,
    study_figure,
    style,
    training_curves,
)
from stages.reporting.circles.study import read_study
from stages.reporting.runs import runs_of
from stages.results import tables
from tests.stages.reporting.conftest import ROOT
from tests.stages.reporting.pixels import draw_face, write_features
from tests.stages.reporting.test_robustness import spoiled
from tests.stages.results.simulated import as_read, results_of, simulate, simulate_run

LONG = "a name that is far longer than any figure has room for"


def committed():
    """What stage report and the studies' publishing draw of the committed tables."""
    with chdir(ROOT):
        runs, data = runs_of(tables.read("reports")), json.loads((ROOT / "reports/pictures/data.json").read_text())
        for name, content in report.report(runs, data, read_study()):
            if not isinstance(content, str) and name.endswith(".png"):
                yield name, content
        for folder in sorted((ROOT / "reports/studies").iterdir()):
            results = tables.read(folder)
            yield from study_figure.figures(results)
            yield from ((name, drawn) for name, drawn in robustness.exhibits(results) if name.endswith(".png"))


def from_pixels(folder):
    """Figures 1 and 2, and the contact sheet, of a page full of classes with long names."""
    yield from activation.figures(6.0)
    write_features(folder / "features.npz", run=LONG, site=LONG)
    yield from process.figures(folder / "features.npz", 0.002, 6.0)
    random = np.random.default_rng(0)
    rows = [
        [contact_sheet.Example(draw_face(label % 7, random, 24), f"{label}/{place}") for place in range(1 + label % 12)]
        for label in range(20)
    ]
    yield "contact-sheet.png", contact_sheet.draw(rows, [f"{LONG} {n}" for n in range(20)], {"11/3": "Happiness"}, 99)


def odd_studies():
    """Many values, long names, one seed, many bands, decades, spoiled pictures."""

    def over(parameter, values, seeds, others=("baseline",), variants=("periodic",)):
        made = [simulate_run(variant, seed, 2) for variant in others for seed in seeds]
        for variant in variants:
            made += [simulate_run(variant, seed, 2, values={parameter: value}) for value in values for seed in seeds]
        return as_read(results_of(made, varied=(parameter,)))

    others = ("baseline", "dropout", "dynamic", "gaussian")
    yield from study_figure.figures(over("interval", [1, 2, 3, 4, 5, 10, 30], (0, 1), others, ("periodic", LONG)))
    yield from study_figure.figures(over("periodic.sites", [f"{LONG}, {n}" for n in range(40)], (0,)))
    yield from study_figure.figures(over("dynamic.start", [1e-7, 2e-7, 0.1, 0.5], (0,), ("baseline",), ("dynamic",)))
    many = [simulate_run(f"{LONG}-{number}", 0, 2) for number in range(40)]
    yield from study_figure.figures(as_read(results_of([*many, simulate_run("baseline", 0, 2)])))
    results, _ = spoiled(("baseline", "dropout", "periodic", "dynamic", LONG), (0,))
    yield from ((name, drawn) for name, drawn in robustness.exhibits(as_read(results)) if name.endswith(".png"))


def odd_runs():
    """One epoch, one seed, none flipped; hundreds of epochs; 2 to 196 classes with long names."""
    for variants, epochs in ((["baseline", "periodic"], 1), (["periodic", "dynamic"], 200)):
        runs = runs_of(simulate(variants, [0], epochs=epochs, steps_per_epoch=3))
        yield "curves", training_curves.draw("train_loss", {name: list(seeds.values()) for name, seeds in runs.items()})
    for classes in (2, 12, 40, 196):
        names = [f"{LONG} {number}" for number in range(classes)]
        yield f"confusion of {classes}", class_scores.draw_confusion(np.eye(classes)[None], names, LONG, 99)
        if classes <= 40:
            runs = runs_of(results_of([simulate_run("baseline", seed, 1, classes=names) for seed in (0, 1)]))
            yield f"F1 of {classes}", class_scores.draw_per_class(runs, names)
        counts = np.arange(3 * classes).reshape(3, -1) * 1000
        yield f"balance of {classes}", data_set.draw_balance(counts, ["train", "val", "test"], names)


def words_drawn(drawn):
    """Every text that appears, with its box in pixels, where the layout puts it."""
    found, original = [], Text.draw

    def draw(self, renderer):
        if self.get_visible() and self.get_text().strip():
            found.append((self, self.get_window_extent(renderer)))
        original(self, renderer)

    if engine := drawn.get_layout_engine():
        engine.execute(drawn)
        drawn.set_layout_engine("none")  # once is enough
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Text, "draw", draw)
        drawn.draw_without_rendering()
    return found


def faults(name, drawn):
    """Yield what is wrong with a figure, one line each."""
    width, height = drawn.get_size_inches()
    if width not in (style.COLUMN, style.PAGE) or height > 9.5:
        yield f"{name}: {width} x {height} inches"
    words, page = words_drawn(drawn), printing.printed(drawn)
    said = " ".join(text.get_text() for text, _ in words)
    if not drawn.get_label() or not ("n = " in said or "no data" in said):
        yield f"{name}: no caption, or no n"
    for text, box in words:
        if text.get_fontsize() < 6:
            yield f"{name}: {text.get_text()!r} has {text.get_fontsize()} points"
        x, y = box.get_points().T / drawn.dpi
        if x[0] < page.x0 - 0.01 or x[1] > page.x1 + 0.01 or y[0] < page.y0 - 0.01 or y[1] > page.y1 + 0.01:
            yield f"{name}: {text.get_text()!r} leaves the figure"
    for (one, box), (other, another) in combinations(words, 2):
        # A pixel or two of empty margin belongs to a box.
        if (
            min(box.x1, another.x1) - max(box.x0, another.x0) > 2
            and min(box.y1, another.y1) - max(box.y0, another.y0) > 2
        ):
            yield f"{name}: {one.get_text()!r} overlaps {other.get_text()!r}"
    for axes in drawn.axes:
        (left, right), (bottom, top) = sorted(axes.get_xlim()), sorted(axes.get_ylim())
        for line in axes.lines:
            if line.get_transform() == axes.transData:
                x, y = (np.asarray(values, float) for values in line.get_data())
                outside = (x < left) | (x > right) | (y < bottom) | (y > top)
                if outside.any():
                    yield f"{name}: {line} ends outside of its axes"


@pytest.mark.parametrize("family", [committed, from_pixels, odd_studies, odd_runs])
def test_every_figure_keeps_to_the_checklist(family, tmp_path):
    figures = list(family(tmp_path) if family is from_pixels else family())
    assert len(figures) > 2
    assert not [fault for name, drawn in figures for fault in faults(name, drawn)]


def test_the_checklist_sees_what_is_wrong():
    drawn = style.figure()
    axes = drawn.subplots()
    axes.plot([1, 2], [1, 2])
    axes.set_xlim(1.5, 3)
    axes.text(2, 1.5, "one", size=5)
    axes.text(2, 1.5, "another")
    axes.text(2.9, 2, "beyond the frame").set_in_layout(False)
    said = "\n".join(faults("it", drawn))
    for fault in (
        "caption",
        "'one' has 5",
        "leaves the figure",
        "'one' overlaps 'another'",
        "ends outside of its axes",
    ):
        assert fault in said
