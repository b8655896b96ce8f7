"""DVC's charts, drawn for real: the templates filled by DVC's own renderer, and the marks that Vega makes of them."""

import csv
import io
import json

import pytest
import vl_convert
from dvc_render.vega import VegaRenderer

from stages.reporting import records, style, table1, template
from stages.reporting.charts import intervals
from stages.reporting.measures import PRIMARY
from stages.reporting.runs import runs_of
from stages.results import tables
from tests.pipeline.pipelines import PLOTS, ROOT
from tests.stages.results.simulated import CLASSES, VARIANTS, as_read, simulate

FOLDER = ROOT / template.FOLDER


@pytest.fixture(scope="module")
def runs(results):
    return runs_of(as_read(results))


def drawn(name, of_revisions, **properties):
    """What is drawn of `{revision: text of a CSV file}`: every mark as (kind, item), groups unfolded."""
    rows = [row | {"rev": rev} for rev, text in of_revisions.items() for row in csv.DictReader(io.StringIO(text))]
    renderer = VegaRenderer(rows, name, template=name, template_dir=str(FOLDER), title="A title", **properties)
    filled = renderer.get_filled_template()
    assert "<DVC" not in json.dumps(filled)
    found = []

    def unfold(mark):
        for item in mark.get("items", []):
            found.append((mark["marktype"], item))
            for inner in item.get("items", []):
                unfold(inner)

    unfold(vl_convert.vegalite_to_scenegraph(filled)["scenegraph"])
    return found


def of_kind(found, kind):
    return [item for marked, item in found if marked == kind]


def texts(found):
    return [item["text"] for item in of_kind(found, "text") if item.get("text") and item.get("opacity", 1) > 0]


def curves_csv(folder, **options):
    results = simulate(seeds=(0, 1), **options)
    tables.write(folder, results)
    return (folder / "curves.csv").read_text()


def curves(of_revisions):
    return drawn("variants", of_revisions, x="epoch", x_label="epoch", y="val_macro_f1", y_label="macro F1")


def lines(found, width):
    """The points of each line of this width."""
    paths = {}
    for item in of_kind(found, "line"):
        if item.get("strokeWidth") == width:
            paths.setdefault(item["stroke"], []).append((item["x"], item["y"]))
    return paths


def test_the_files_are_those_of_the_code():
    there = {file.name: file.read_text(encoding="utf-8") for file in FOLDER.glob("*.json")}
    assert there == template.texts(), "write them anew with `python -m stages.reporting.template`"


def test_every_plot_names_a_template_that_there_is():
    plots = [plot for entry in PLOTS for plot in entry.values() if plot]
    assert {f"{plot['template']}.json" for plot in plots} == set(template.texts())


def test_equal_curves_of_two_revisions_are_both_seen(tmp_path):
    text = curves_csv(tmp_path, epochs=6)
    found = curves({"workspace": text, "main": text})
    newest, before = lines(found, 1.8), lines(found, 6)
    assert newest == before and set(newest) == {style.COLORS[variant] for variant in VARIANTS}
    assert {"workspace", "main"} <= set(texts(found)) and set(VARIANTS) <= set(texts(found))


def test_one_revision_is_drawn_in_thin_lines_alone(tmp_path):
    found = curves({"workspace": curves_csv(tmp_path, epochs=6)})
    assert len(lines(found, 1.8)) == len(VARIANTS) and not lines(found, 6)


@pytest.mark.parametrize("epochs", [1, 3, 40])
def test_epochs_are_whole_numbers_from_the_first_on(tmp_path, epochs):
    labels = [text for text in texts(curves({"main": curves_csv(tmp_path, epochs=epochs)})) if _is_number(text)]
    ticks = [int(text) for text in labels if "." not in text]
    assert 1 in ticks and max(ticks) <= epochs and min(ticks) == 1


def _is_number(text):
    return str(text).replace(".", "", 1).isdigit()


def test_strips_lie_around_the_epochs_that_are_flipped(tmp_path):
    found = curves({"main": curves_csv(tmp_path, epochs=12, variants=("baseline", "periodic"))})
    strips = sorted(of_kind(found, "rect"), key=lambda item: item["x"])
    # Algorithm 1 with T = 5: epochs 5 to 9.
    assert len(strips) == 5
    (line,) = (
        points for color, points in lines(found, 1.8).items() if color.lower() == style.COLORS["periodic"].lower()
    )
    for strip, (x, _) in zip(strips, line[4:9], strict=True):
        assert strip["x"] + strip["width"] / 2 == pytest.approx(x, abs=0.01)
        assert strip["y"] > max(y for _, y in line)


def test_confusions_are_square_in_class_order_with_numbers(runs, tmp_path):
    confusion = dict(records.tables(runs))["confusion.csv"]
    lacking = CLASSES[2]
    rows = list(csv.DictReader(io.StringIO(confusion)))
    nobody = [row | {"images": 0 if row["predicted"] == lacking else row["images"]} for row in rows]
    text = "\n".join([",".join(rows[0]), *(",".join(map(str, row.values())) for row in nobody)]) + "\n"
    found = drawn("confusions", {"main": text}, x="predicted", y="actual", x_label="predicted", y_label="actual")
    cells = [item for item in of_kind(found, "rect") if item.get("width")]
    assert len(cells) == len(VARIANTS) * len(CLASSES) ** 2
    assert all(item["width"] == pytest.approx(item["height"]) for item in cells)
    labels = [text for text in texts(found) if text in CLASSES]
    assert labels[: len(CLASSES)] == CLASSES and set(labels) == set(CLASSES)
    shown = [text for text in texts(found) if str(text).isdigit()]
    assert len(shown) == len(cells)
    for variant in VARIANTS:
        of_variant = [row for row in nobody if row["variant"] == variant]
        total = sum(int(row["images"]) for row in of_variant if row["actual"] == CLASSES[0])
        percent = round(100 * int(of_variant[0]["images"]) / total)
        assert str(percent) in shown


def test_many_classes_have_no_numbers():
    names = [f"c{number}" for number in range(20)]
    text = "variant,actual,predicted,images\n" + "".join(f"baseline,{a},{p},1\n" for a in names for p in names)
    found = drawn("confusions", {"main": text}, x="predicted", y="actual", x_label="predicted", y_label="actual")
    assert not [text for text in texts(found) if str(text).isdigit()]


def test_table_1_is_points_with_intervals_for_each_revision(runs):
    text = dict(table1.tables(runs, {}))["table1.csv"]
    found = drawn("intervals", {"main": text, "slow": text}, x="mean", y="variant", x_label="mean", y_label="variant")
    points = [item for item in of_kind(found, "symbol") if item.get("size") == 45]
    bars = [item for item in of_kind(found, "rule") if item.get("strokeWidth") == 1.5]
    assert len(points) == len(bars) == 2 * len(VARIANTS) * len(intervals.SHOWN)
    filled = [item for item in points if item.get("fillOpacity", 1) == 1]
    assert len(filled) == len(points) / 2  # the newest revision's
    rows = [row for row in csv.DictReader(io.StringIO(text)) if row["measure"] == PRIMARY]
    ours = {item["stroke"].lower(): item for item in filled[: len(VARIANTS)]}
    means = sorted(rows, key=lambda row: float(row["mean"]))
    places = [ours[style.COLORS[row["variant"]].lower()]["x"] for row in means]
    assert places == sorted(places)


def test_one_seed_has_points_alone():
    one = runs_of(as_read(simulate(["baseline", "periodic"], seeds=(0,), epochs=3)))
    text = dict(table1.tables(one, {}))["table1.csv"]
    found = drawn("intervals", {"main": text}, x="mean", y="variant", x_label="mean", y_label="variant")
    assert not [item for item in of_kind(found, "rule") if item.get("strokeWidth") == 1.5]
    assert len([item for item in of_kind(found, "symbol") if item.get("size") == 45]) == 2 * len(intervals.SHOWN)


def test_only_what_differs_is_told():
    tabled = {
        "main": 'parameter,value\ninterval,5\nseeds,"[0, 1]"\n',
        "new": 'parameter,value\ninterval,10\nseeds,"[0, 1]"\nadded,7\n',
    }
    found = texts(drawn("differences", tabled, x="parameter", y="value", x_label="parameter", y_label="value"))
    assert {"interval", "5", "10", "added", "7", "main", "new"} <= set(map(str, found))
    assert "seeds" not in found and "[0, 1]" not in found
