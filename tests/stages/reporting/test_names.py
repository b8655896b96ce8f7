"""Classes may be called anything: every table gives the name back, every figure shows it as text."""

import csv
import json
import re
import warnings
from contextlib import chdir
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages import report
from stages.measures import classification
from stages.reporting import class_scores, contact_sheet, data_set, table1_page, typesetting
from stages.reporting.runs import runs_of
from stages.results import tables
from tests.stages.reporting import pixels
from tests.stages.reporting.simulated_circles import write_study
from tests.stages.results.simulated import as_read, simulate

ROOT = Path(__file__).parents[3]
LOOKS_LIKE_A_NUMBER = ["0", "1", "01", "1.0", "1e3", "True", "false", "nan", "NaN", "None", "NULL", "inf", "-0", "0x1f"]
MARKS_UP = [
    "$x^$",
    "a_b",
    "100 %",
    "a|b",
    "`c`",
    "<b>d</b>",
    "**e**",
    "[f](g)",
    "# h",
    "\\frac{",
    "~i~",
    "&amp;",
    "{j}",
    "a,b",
    'q"',
]
SCRIPTS = [
    "a\nb",
    "a\tb",
    "\u202eabc",
    "\u05de\u05d4",
    "\u0645\u0631",
    "\U0001f600",
    "\u732b",
    "fröhlich",
    "x" * 60,
    " k ",
]
NAMES = LOOKS_LIKE_A_NUMBER + MARKS_UP + SCRIPTS
IN_PARTS = [NAMES[start : start + 13] for start in range(0, len(NAMES), 13)]  # as many as figures name


def summary(classes):
    counts = {split: dict.fromkeys(classes, 12) for split in ("train", "val", "test")}
    return pixels.summary() | {
        "classes": classes,
        "counts": counts,
        "title": "Sets | of <i>",
        "left_out": {"a|b `c`": 2},
    }


@pytest.fixture(autouse=True)
def no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns of glyphs that the font lacks
        yield


def figures(classes):
    """Every figure that names classes."""
    runs = runs_of(as_read(simulate(["baseline", "periodic"], [0], epochs=3, classes=classes)))
    yield from (drawn for _, drawn in class_scores.figures(runs))
    yield from (drawn for _, drawn in data_set.figures(summary(classes)))
    yield sheet(classes)


def sheet(classes):
    """A contact sheet of as many classes, with two black images each."""
    example = contact_sheet.Example(np.zeros((16, 16, 3), np.uint8), "a.png")
    return contact_sheet.draw([[example, example]] * len(classes), classes, {"a.png": classes[0]}, 99)


def texts(drawn):
    drawn.canvas.draw()
    return {text.get_text() for axes in drawn.axes for text in [*axes.get_xticklabels(), *axes.get_yticklabels()]}


@pytest.mark.parametrize("classes", IN_PARTS, ids=lambda names: names[0])
def test_every_figure_shows_every_name(classes):
    for drawn in figures(classes):
        assert {typesetting.shown(name) for name in classes} <= texts(drawn)


@settings(deadline=None, max_examples=8, derandomize=True, database=None)
@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=70), min_size=2, max_size=5, unique=True))
def test_any_names_can_be_drawn(classes):
    for drawn in (
        class_scores.draw_confusion(np.full((2, len(classes), len(classes)), 0.5), classes, "Baseline", 99),
        data_set.draw_balance(np.ones((3, len(classes)), int), ["train", "val", "test"], classes),
        sheet(classes),
    ):
        assert {typesetting.shown(name) for name in classes} <= texts(drawn)


def test_what_a_figure_shows():
    shown = {
        "Happiness": "Happiness",
        "$x^$": "$x^$",
        "a\nb": "a\\nb",
        "\u732b": "\\u732b",
        "\u05de": "\u05de",
        "x" * 32: "x" * 32,
        "a" * 30 + "b" * 30: "a" * 16 + "…" + "b" * 15,
    }
    assert {name: typesetting.shown(name) for name in shown} == shown


def test_tables_give_the_names_back():
    read = as_read(simulate(["baseline"], [0, 1], epochs=3, classes=NAMES))
    assert read.predictions.classes == NAMES
    assert all(json.loads(text) == NAMES for text in read.runs["classes"])
    named = read.measures["measure"][read.measures["measure"].str.startswith("f1/")]
    assert {name.removeprefix("f1/") for name in named} == set(NAMES)
    for run in runs_of(read)["baseline"].values():
        assert run.classes == NAMES and set(run.images["train"]) == set(NAMES)


def test_measures_are_named_after_the_classes():
    actual = np.arange(3 * len(NAMES)) % len(NAMES)
    found = dict(classification.measures(actual, actual[::-1], 1.5, NAMES))
    assert [name for name in found if name.startswith("f1/")] == [f"f1/{name}" for name in NAMES]


def cells(row):
    """The cells of a row in Markdown, as a page shows them."""
    return [re.sub(r"\\(.)", r"\1", cell.strip(" ")) for cell in re.split(r"(?<!\\)(?:\\\\)*\|", row)[1:-1]]


def test_the_report_is_written_and_holds_the_names(tmp_path, monkeypatch):
    monkeypatch.setattr(report.circles, "figures", lambda study: ())  # they have names of their own
    monkeypatch.setattr(report.training_curves, "FIGURES", ())  # they have none
    tables.write(tmp_path / "reports", simulate(["baseline", "periodic"], [0, 1], epochs=3, classes=NAMES))
    write_study(tmp_path / "reports/circles")
    (tmp_path / "reports/pictures").mkdir()
    (tmp_path / "reports/pictures/data.json").write_text(json.dumps(summary(NAMES)), encoding="utf-8")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/paper").symlink_to(ROOT / "data/paper")
    (tmp_path / "params.yaml").symlink_to(ROOT / "params.yaml")
    with chdir(tmp_path):
        report.main()
    with open(tmp_path / "reports/confusion.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["actual"] for row in rows} == set(NAMES)
    assert json.loads((tmp_path / "reports/metrics.json").read_text())
    page = (tmp_path / "reports/data.md").read_text(encoding="utf-8").splitlines()
    assert page[0] == r"# Sets \| of \<i\>: what was read"
    table = [cells(line) for line in page if line.startswith("| ")]
    assert all(len(row) in (2, 4) for row in table)
    escaped = {
        name: "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name) for name in NAMES
    }
    assert [row[0] for row in table[2 : 2 + len(NAMES)]] == [escaped[name].strip(" ") for name in NAMES]
    assert ["a|b `c`", "2"] in table


@pytest.mark.parametrize("name", ["<b>", "a|b", "`x`", "*x*", "_x_", "[x](y)", "\\", "~~x~~", "&lt;", "#"])
def test_nothing_of_a_name_marks_up_the_page(name):
    text = table1_page.as_text(name)
    assert not re.search(r"(?<!\\)[`*_\[\]<>#|~&]", text.replace("\\\\", "")) and re.sub(r"\\(.)", r"\1", text) == name
