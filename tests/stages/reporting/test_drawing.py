import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from dvc_render.vega import VegaRenderer
from PIL import Image

from stages import plot
from stages.crops.store import open_crops
from stages.params import read
from stages.reporting import activation, class_scores, data_set, process, style, training_curves
from stages.reporting.runs import BadInput, read_runs
from tests.stages.reporting import simulated
from tests.stages.reporting.simulated import CLASSES, SITES, algorithm_1, write_crops, write_run

ROOT = Path(__file__).parents[3]
DPI = 250
PAGE_WIDE = (
    "figure-02",
    "contact-sheet",
    "class-balance",
    "circles-decision",
    "circles-differences",
    "circles-run",
    "circles-spread",
)
WRITTEN = """
confusion/baseline.csv confusion/dropout-periodic.csv confusion/dropout.csv confusion/dynamic.csv confusion/periodic.csv curves.csv
data/class-balance.png data/contact-sheet.png data/summary.md
figures/circles-curves.png figures/circles-data.png figures/circles-decision.png figures/circles-differences.png
figures/circles-run.png figures/circles-spread.png figures/confusion-baseline.png figures/confusion-dropout-periodic.png figures/confusion-dropout.png figures/confusion-dynamic.png
figures/confusion-periodic.png figures/figure-01-relu-and-cliff-relu.png figures/figure-02-process-on-feature-maps.png
figures/figure-03-train-loss-baseline-and-periodic.png figures/figure-04-val-f1-baseline-and-periodic.png
figures/figure-05-train-loss-baseline-and-dropout.png figures/figure-06-val-f1-baseline-and-dropout.png
figures/figure-07-train-loss-dropout-and-dropout-periodic.png figures/figure-08-val-f1-dropout-and-dropout-periodic.png
figures/figure-09-val-f1-baseline-and-dropout-periodic.png figures/figure-10-train-loss-periodic-and-dynamic.png
figures/figure-11-val-f1-periodic-and-dynamic.png figures/per-class-f1.png metrics.json table1.csv table1.md
""".split()


@pytest.fixture(autouse=True)
def style_applied():
    with style.applied():
        yield


def test_the_stage_writes_exactly_this(reports):
    written = (path.relative_to(reports) for path in reports.rglob("*") if path.is_file())
    assert sorted(map(str, (path for path in written if path.parts[0] not in ("eval", "circles")))) == WRITTEN


def test_figures_have_the_width_of_a_column_or_a_page(reports):
    for path in reports.rglob("*.png"):
        with Image.open(path) as image:
            inches = 6.9 if path.name.startswith(PAGE_WIDE) else 3.3
            assert image.width == pytest.approx(inches * DPI, abs=1) and DPI < image.height < 6 * DPI, path
            assert image.info["dpi"] == pytest.approx((DPI, DPI), abs=0.1)
            assert len(np.unique(np.asarray(image.convert("L")))) > 20, f"{path} is empty"


def test_a_second_drawing_has_the_same_bytes(project, reports, tmp_path, monkeypatch):
    monkeypatch.setattr(training_curves, "FIGURES", training_curves.FIGURES[-1:])
    crops, params = open_crops(project / "data/crops"), read(project / "params.yaml")
    runs = read_runs(reports / "eval", style.VARIANTS, [0, 1], CLASSES)
    again = [
        *activation.figures(params.dynamic.constant),
        *process.figures(runs["baseline"][0], params.dynamic.start, params.dynamic.constant),
        *training_curves.figures(runs),
        next(class_scores.figures(runs, CLASSES)),
        *data_set.figures(crops),
    ]
    assert len(again) == 6
    for name, drawn in again:
        first = reports / ("data" if name.startswith(("contact", "class-balance")) else "figures") / name
        assert plot.write(tmp_path / name, drawn).read_bytes() == first.read_bytes(), name
        assert not (tmp_path / (name + ".unfinished")).exists()


@pytest.mark.parametrize("interval, epochs, steps_per_epoch", [(5, 12, 41), (2, 9, 7), (3, 100, 2), (1, 6, 10)])
def test_bands_are_the_flag_of_algorithm_1(tmp_path, monkeypatch, interval, epochs, steps_per_epoch):
    monkeypatch.setattr(simulated, "INTERVAL", interval)
    for variant in ("baseline", "periodic"):
        write_run(tmp_path / f"{variant}-0", variant, 0, epochs, steps_per_epoch)
    runs = read_runs(tmp_path, ["baseline", "periodic"], [0], CLASSES)
    drawn = training_curves.draw("train_loss", {variant: list(of.values()) for variant, of in runs.items()})
    (axes,) = drawn.axes
    (band,) = axes.images
    left, right, bottom, top = band.get_extent()
    assert (left, right, bottom, top) == (0, epochs, 0, 1) and axes.get_xlim() == (0, epochs)
    share = np.asarray(band.get_array())[0]
    middle_of_each_epoch = ((np.arange(epochs) + 0.5) / epochs * len(share)).astype(int)
    assert share[middle_of_each_epoch] == pytest.approx(algorithm_1(interval, epochs).astype(float), abs=1e-9)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["Baseline", "+ periodic", "flipped"]


def test_irregular_turns_have_a_row_for_each_site(project):
    runs = read_runs(project / "reports/eval", ["periodic", "dynamic"], [0, 1], CLASSES)
    drawn = training_curves.draw("val_macro_f1", {variant: list(of.values()) for variant, of in runs.items()})
    top, strip = drawn.axes
    (rows,) = strip.images
    assert rows.get_array().shape[0] == len(SITES)
    # The columns are finer than the steps, so that each step can be read back out of the middle of its place.
    steps = runs["dynamic"][0].flipped.shape[1]
    middles = ((np.arange(steps) + 0.5) / steps * rows.get_array().shape[1]).astype(int)
    assert np.asarray(rows.get_array())[:, middles] == pytest.approx(runs["dynamic"][0].flipped.astype(float), abs=1e-9)
    assert "seed 0" in strip.get_ylabel() and len(top.images) == 1


def test_lines_are_the_mean_over_seeds_as_far_as_all_went(tmp_path):
    for seed, epochs in ((0, 6), (1, 4)):  # as early stopping leaves them
        write_run(tmp_path / f"baseline-{seed}", "baseline", seed, epochs)
    of = list(read_runs(tmp_path, ["baseline"], [0, 1], CLASSES)["baseline"].values())
    first, second, mean = training_curves.draw("train_loss", {"baseline": of}).axes[0].lines
    assert (len(first.get_xdata()), len(second.get_xdata())) == (6, 4)
    assert mean.get_xdata().tolist() == [1, 2, 3, 4]
    assert mean.get_ydata() == pytest.approx(
        [(a + b) / 2 for a, b in zip(of[0].curves.train_loss, of[1].curves.train_loss)]
    )


def test_a_method_that_never_turned_says_so_in_its_figure(tmp_path):
    for variant in ("periodic", "dynamic"):
        write_run(tmp_path / f"{variant}-0", variant, 0, epochs=6, never_turns=variant == "dynamic")
    runs = read_runs(tmp_path, ["periodic", "dynamic"], [0], CLASSES)
    (axes,) = training_curves.draw("train_loss", {variant: list(of.values()) for variant, of in runs.items()}).axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "+ periodic",
        "flipped",
        "+ dynamic",
        "never flipped",
    ]


def test_process_shows_that_a_negative_w_is_the_flipped_flag():
    x = torch.randn(9, 9, generator=torch.Generator().manual_seed(0))
    off, on, positive, negative = process.rows(x, w=0.25, constant=100.0)
    assert torch.equal(off.out, torch.relu(x)) and torch.equal(on.out, torch.relu(-x))
    assert torch.equal(positive.out, off.out) and torch.equal(negative.out, on.out)  # 0.25 is exact in binary
    assert torch.equal(negative.signed, -0.25 * x) and torch.equal(positive.cut, torch.relu(0.25 * x))


def test_damaged_features_are_named(tmp_path):
    write_run(tmp_path / "baseline-0", "baseline", 0, epochs=2)
    run = read_runs(tmp_path, ["baseline"], [0], CLASSES)["baseline"][0]
    np.savez(tmp_path / "baseline-0/features.npz", image=np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(BadInput, match="features.npz: expected arrays image .* and bn"):
        list(process.figures(run, 0.01, 6.0))
    np.savez(
        tmp_path / "baseline-0/features.npz",
        image=np.zeros((4, 4, 3), np.uint8),
        bn=np.full((2, 3, 3), np.nan, np.float16),
    )
    with pytest.raises(BadInput, match="finite bn"):
        list(process.figures(run, 0.01, 6.0))
    np.savez(
        tmp_path / "baseline-0/features.npz", image=np.zeros((4, 4, 3), np.uint8), bn=np.ones((2, 3, 3), np.float16)
    )
    with pytest.raises(BadInput, match="no negative value, so an in-place ReLU"):
        list(process.figures(run, 0.01, 6.0))


def test_confusion_by_hand(tmp_path):
    write_run(tmp_path / "baseline-0", "baseline", 0, epochs=2)
    run = read_runs(tmp_path, ["baseline"], [0], CLASSES)["baseline"][0]
    rows = [("test", "a", "a"), ("test", "a", "b"), ("test", "b", "b"), ("val", "b", "a")]
    second = [("test", "a", "a"), ("test", "a", "a"), ("test", "b", "a")]
    tables = (pd.DataFrame(of, columns=["split", "actual", "predicted"]) for of in (rows, second))
    shares = class_scores.mean_confusion([replace(run, predictions=table) for table in tables], ["a", "b", "unseen"])
    assert shares[:2].tolist() == [[0.75, 0.25, 0], [0.5, 0.5, 0]] and np.isnan(shares[2]).all()


@pytest.mark.parametrize("classes", [2, 30, 196])
def test_any_number_of_classes_fits(classes):
    names, counts = [f"class {i}" for i in range(classes)], np.arange(3 * classes).reshape(3, -1)
    examples = [np.zeros((min(i, 3), 8, 8, 1), np.uint8) for i in range(classes)]
    for drawn in (
        data_set.draw_contact_sheet(examples, names),
        data_set.draw_balance(counts, ["train", "val", "test"], names),
        class_scores.draw_confusion(np.eye(classes), names, "any"),
    ):
        width, height = drawn.get_size_inches()
        assert height < 15 and width in (style.COLUMN, style.PAGE)


def test_contact_sheet_shows_images_of_the_class_it_names(tmp_path):
    write_crops(tmp_path, channels=1)
    crops = open_crops(tmp_path)
    sheet = np.asarray(
        data_set.draw_contact_sheet(crops.examples("train", data_set.ACROSS), CLASSES).axes[0].images[0].get_array()
    )
    side = crops.summary["size"]
    for row, label in enumerate(CLASSES):
        tile = sheet[row * (side + data_set.GAP) :][:side, :side, 0]
        of = crops["train"].images[crops["train"].labels == CLASSES.index(label)]
        assert any(np.array_equal(tile, image[..., 0]) for image in of), label


def test_the_data_set_in_words(project):
    (page,) = (text for _, text in data_set.tables(open_crops(project / "data/crops")))
    assert page.startswith("# Drawn faces: what was read")
    assert "| Sadness | 13 | 10 | 15 |" in page and "| **all** | **102** | **70** | **105** |" in page
    assert "| unreadable | 3 |" in page


@pytest.mark.parametrize("missing", ["reports/eval/dynamic-1/curves.csv", "data/crops/summary.json"])
def test_the_stage_stops_with_one_line(project, tmp_path, monkeypatch, missing):
    shutil.copytree(project, tmp_path / "project", ignore=shutil.ignore_patterns("figures"))
    monkeypatch.chdir(tmp_path / "project")
    os.unlink(missing)
    monkeypatch.setattr(training_curves, "FIGURES", ())
    with pytest.raises(SystemExit) as error:
        plot.main()
    assert str(error.value).startswith(f"plot: {missing}: ") and len(str(error.value).splitlines()) == 1


def test_dvc_draws_the_variants_in_our_colours():
    template = json.loads((ROOT / ".dvc/plots/variants.json").read_text())
    scale = template["encoding"]["color"]["scale"]
    assert dict(zip(scale["domain"], scale["range"], strict=True)) == {
        name: variant.color for name, variant in style.VARIANTS.items()
    }


def test_dvc_can_fill_the_template():
    rows = [{"variant": "baseline", "seed": "0", "epoch": "1", "train_loss": "1.5", "rev": "HEAD"}]
    renderer = VegaRenderer(
        rows, "loss", template=str(ROOT / ".dvc/plots/variants.json"), x="epoch", y="train_loss", title="Train loss"
    )
    filled = renderer.get_filled_template()
    assert filled["data"]["values"] == rows and "<DVC" not in json.dumps(filled)
    assert [layer["encoding"]["y"]["field"] for layer in filled["layer"]] == ["train_loss", "train_loss"]
