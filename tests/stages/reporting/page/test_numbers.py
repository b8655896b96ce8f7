"""Every number on the page is one of the tables'; what is missing is said, what the user named is text."""

import json
import re
from collections import Counter
from io import StringIO

import numpy as np
import pandas as pd
import pytest

from stages.reporting.page import build, chart_data, charts, drawings, ledger, published, strips
from stages.reporting.page.drawings import Drawing
from stages.reporting.page.markdown import Part, parts
from stages.reporting.runs import runs_of
from stages.results.inputs import BadInput
from tests.stages.reporting.page.conftest import CLASSES, EVIL, VARIANTS, simulated
from tests.stages.reporting.page.reading import read


@pytest.fixture(scope="module")
def claims(root):
    return pd.read_csv(root / "reports/claims.csv", keep_default_na=False)


def data_of(page, name):
    return json.loads("".join(page.one("script", id=name).children))


def test_the_ledger_is_whole_and_its_numbers_are_the_rows(committed, claims):
    table = committed.one("table", id="ledger")
    rows = table.one("tbody").all("tr")
    assert [row["data-verdict"] for row in rows] == list(claims["verdict"])
    for row, cells, line in zip(rows, table.rows, claims.to_dict("records")):
        assert cells[0].startswith(f"{line['id']} {line['words']}") and cells[2] == line["verdict"]
        assert cells[-1] == line["command"] and row["data-source"]
        if line["effect"]:
            shown = float(re.sub("[×+% ]", "", cells[3].removesuffix("cells differ").replace("−", "-")))
            effect = float(line["effect"]) * (100 if line["kind"] == "share" else 1)
            assert shown == pytest.approx(effect, abs=0.51 if line["kind"] == "share" else 0.006)
        else:
            assert cells[3:5] == ["", ""]


def test_the_answer_counts_the_main_sentences_and_shows_each(committed, claims):
    main = claims[claims["family"] == "primary"]
    counts = Counter(main[main["rows"] == "reports"]["verdict"])
    answer = committed.one("section", id="answer")
    said = next(
        each.text for each in answer.all("p") if each.text.startswith("Of the paper’s main sentences, on drawn")
    )
    assert sum(int(number) for number in re.findall(r"\d+(?= \w)", said.partition(":")[2])) == sum(counts.values())
    for verdict, count in counts.items():
        assert f"{count} {ledger.WORDS[verdict][count > 1]}" in said
    (answers,) = [each for each in answer.all("ul") if "answers" in each.classes]
    compared = main[main["kind"] == "superiority"].drop_duplicates("id")
    assert [each.one("b").text for each in answers.all("li")] == [
        f"{ours} against {against}".capitalize() for ours, against in zip(compared["ours"], compared["against"])
    ]
    cards = [each for each in answer.all("li") if "card" in each.classes]
    assert len(cards) == main["id"].nunique()
    for card, (_, lines) in zip(cards, main.groupby("id", sort=False)):
        verdicts = [each.text for each in card.all("span") if "verdict" in each.classes]
        assert verdicts == list(lines["verdict"]), "of every set of runs, what was not run among them"
        marked = [each.text.endswith("†") for each in card.all("li")]
        assert marked == [bool(mark) for mark in lines["mark"]]


def test_the_forest_holds_every_interval_that_has_an_axis(committed, claims):
    there = claims[claims["kind"].isin(ledger.OF_DIFFERENCES) & (claims["effect"] != "")]
    ours = there[there["measure"].str.contains("(?:macro_f1|accuracy)$") | (there["scale"] == "ratio")]
    panels = [each for each in committed.one("section", id="verdicts").all("figure") if "panel" in each.classes]
    strips = [each for panel in panels for each in panel.all("li") if "axis" not in each.classes]
    assert len(strips) == len(ours) > 50
    assert Counter(next(each for each in strip.all("span") if "verdict" in each.classes).text for strip in strips) == (
        Counter(ours["verdict"])
    )


def test_panels_of_one_unit_share_their_axis(committed):
    panels = [each for each in committed.one("section", id="table-1").all("figure") if "panel" in each.classes]
    ticks = [[(each["x"], each.text) for each in panel.all("text")] for panel in panels]
    assert len(ticks) == 2 and ticks[0] == ticks[1] != []


def test_how_many_pictures_a_run_is_of_stands_beside_how_many_there_are(committed, own):
    assert "each run trains on 512 of the training pictures" in committed.one("section", id="data").text
    assert "each run trains on" not in read(own).one("section", id="data").text


@pytest.mark.parametrize("title, said", [("Drawn faces", "drawn faces"), ("AffectNet", "AffectNet"), ("F", "F")])
def test_a_title_in_a_sentence(title, said):
    assert ledger.in_a_sentence(title) == said


def test_places_on_an_axis_are_in_proportion():
    """Of 0, 1 and 4 the second lies at a quarter of the way; of a ratio, by the logarithm."""

    def marks(values, **axis):
        drawn = [strips.Strip("", "", value, value, None if value == 1 else value) for value in values]
        return strips.panel("", drawn, **axis)

    panel = marks([0, 1, 4], neutral=0)
    zero, one, four = (mark.mean for mark in panel.marks)
    assert (one - zero) / (four - zero) == pytest.approx(0.25, abs=1e-3) and panel.neutral == zero
    assert 0 < zero < four < 100 and panel.marks[1].high is None
    ticks = {words: place for place, words in panel.ticks}
    assert ticks["1"] == pytest.approx(one, abs=0.01) and ticks["4"] == pytest.approx(four, abs=0.01)
    half, one, four = (mark.mean for mark in marks([0.5, 1, 4], neutral=1, log=True).marks)
    assert (one - half) / (four - half) == pytest.approx(1 / 3, abs=1e-3)
    assert strips.panel("", [strips.Strip("", "", 3.0, None, None)]).marks[0].mean == 50, "one number, alone"


def test_table_1_is_the_committed_one(committed, root):
    rows = pd.read_csv(root / "reports/table1.csv")
    shown = {row[0]: row[1:] for table in committed.one("section", id="table-1").all("table") for row in table.rows}
    for title, measure in (
        ("Test macro F1, last epoch", "test_macro_f1_last"),
        ("Train loss, last epoch", "train_loss"),
    ):
        found = rows[rows["measure"] == measure]
        expected = [
            f"{row.mean:.3f} ± {row.std:.3f} [{row.low:.3f}, {row.high:.3f}]"
            for row in found.itertuples(index=False, name="Row")
        ]
        assert shown[f"{title}, ours"] == expected
        differences = [float(cell.split()[0].replace("−", "-")) for cell in shown[title]]
        assert differences == pytest.approx(found["difference"].dropna(), abs=0.0006)
    assert shown["Train loss, last epoch, paper"] == ["41.24", "54.99", "37.56", "36.91", "–"]


def test_charts_hold_the_curves(committed, root):
    curves, drawn = pd.read_csv(root / "reports/curves.csv"), data_of(committed, "curves-data")
    assert len(drawn["seeds"]) == curves["run"].nunique()
    for (run, rows), line in zip(curves.groupby("run", sort=False), drawn["seeds"]):
        assert line["seed"] == rows["seed"].iloc[0] and line["epoch"] == list(rows["epoch"]), run
        for name in chart_data.MEASURES:
            assert line[name] == pytest.approx(rows[name].to_numpy(), rel=1e-4)
    means = curves.groupby(["variant", "epoch"], sort=False)["val_macro_f1"].mean()
    for (_, expected), line in zip(means.groupby("variant", sort=False), drawn["means"]):
        assert line["val_macro_f1"] == pytest.approx(expected.to_numpy(), rel=1e-4) and line["n"] == 6
    trained = curves.groupby(["variant", "epoch"], sort=False)["flipped"].mean()
    for (_, expected), line in zip(trained.groupby("variant", sort=False), drawn["means"]):
        assert line["trained"] == pytest.approx(expected.to_numpy(), abs=1e-4)
    scored = {line["variant"]: line["scored"] for line in drawn["means"]}
    # Algorithm 1 with T = 5: clean, then from the fifth epoch on flipped, from the tenth clean again.
    assert scored["+ periodic"] == [0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0] and not any(scored["Baseline"])
    details = committed.one("figure", id="chart-score").one("details").one("table")
    assert [row[0] for row in details.rows] == [str(epoch) for epoch in range(1, 15)]
    assert [float(row[1]) for row in details.rows] == pytest.approx(means["baseline"].to_numpy(), abs=0.0006)


def test_long_runs_are_thinned_to_whole_epochs(monkeypatch):
    monkeypatch.setattr(chart_data, "POINTS", 4)
    runs = runs_of(simulated())
    line = chart_data.data(runs)["seeds"][0]
    assert line["epoch"] == [1, 3, 5] and np.array(line["val_loss"]).shape == (3,)
    assert "One epoch in 2 is drawn." in charts.charts(runs)["loss"].caption


def test_what_the_user_named_is_text(own):
    text, page = own.read_text(encoding="utf-8"), read(own)
    assert text.count("alert(1)") > 5 and "<script>alert" not in text
    assert len(page.all("script")) == 2 + 1 + 3, "ours, Vega's, the curves' and a chart's each"
    assert page.one("p", class_="eyebrow").text == EVIL
    assert [row[0] for row in page.one("section", id="data").all("table")[0].rows[:-1]] == CLASSES
    legend = page.all("button", type="button")
    assert [button["data-variant"] for button in legend[:3]] == ["Baseline", "+ periodic", "+ mirror"]
    assert [line["variant"] for line in data_of(page, "curves-data")["means"]] == ["Baseline", "+ periodic", "+ mirror"]
    warned = [each.text for each in page.one("section", id="warnings").all("li")]
    assert sum(f"mind {EVIL}" in each for each in warned) == 2 * len(VARIANTS)


def test_markdown_lets_no_markup_through():
    text = (
        '<b onclick="x">b</b> ![i](http://x/y.png) [l](http://x) [c](../claims.md)\n\n    <u>\n\n| a |\n| - |\n| <i> |'
    )
    (part,) = parts(text)
    html = part.text + "".join(cell for table in part.tables for row in table.rows for cell in row)
    assert re.findall(r"<(?!/)[^>]*>", html) == [
        "<p>",
        '<a href="#verdicts">',
        '<pre tabindex="0" role="region" aria-label="Command">',
        "<code>",
    ]


def test_a_family_of_figures_of_the_users_own_has_a_place(own):
    captions = [each.text for each in read(own).one("section", id="data").all("figcaption")]
    assert captions[-1] == "gap."


def test_what_was_not_run_is_said(own, committed):
    page = read(own)
    assert "make study NAME=controls" in page.one("section", id="controls").text
    assert not page.one("section", id="data").all("img")


def test_studies_of_a_parameter_and_of_spoiled_pictures_have_their_place(own):
    page = read(own)
    studies, calibration = page.one("section", id="studies"), page.one("section", id="calibration")
    assert [each.text for each in studies.all("h3")] == ["Study interval", "Study robustness"]
    rows = studies.all("table")[0].rows
    assert [row[:3] for row in rows] == [["baseline", "", "2"], ["periodic", "2", "2"], ["periodic", "5", "2"]]
    assert [each["aria-label"].partition(".")[0] for each in studies.all("svg", role="img")] == [
        "Study interval: test macro F1 over interval",
        "Study robustness: test macro F1 of the variants",
    ]
    assert calibration.one("h3").text == "Spoiled pictures, study robustness"
    (drawn,) = calibration.all("svg", role="img")
    assert drawn["aria-label"].startswith("Study robustness: macro F1 on spoiled pictures. ")
    assert len(calibration.all("table")) == 4
    assert "spoiled" in calibration.one("h2").text


def test_studies_are_shown_with_their_table_and_figure(committed, root):
    published_ones = sorted(path.parent.name for path in (root / "reports/studies").glob("*/runs.csv"))
    assert "controls" in published_ones
    studies = committed.one("section", id="studies")
    assert [each.text for each in studies.all("h3")] == [
        f"Study {name}" for name in published_ones if name != "controls"
    ]
    rows = pd.read_csv(root / "reports/studies/controls/measures.csv", keep_default_na=False)
    own = rows[
        (rows.weights == "last") & (rows.split == "test") & (rows.measure == "macro_f1") & (rows.corruption == "")
    ]
    means = own.astype({"value": float}).groupby("variant", sort=False)["value"].mean()
    section = committed.one("section", id="controls")
    shown = {row[0]: row[2].split()[0] for row in section.all("table")[0].rows}
    assert shown == {variant: f"{mean:.3f}" for variant, mean in means.items()}
    assert section.all("svg", role="img") and "trainings" in section.text


def test_a_study_that_is_damaged_is_named(tmp_path, root):
    folder = tmp_path / "controls"
    folder.mkdir()
    (folder / "runs.csv").write_text("run\n")
    nothing = ledger.Ledger([], Part(""), Part(""), [], [], [], [], "", {}, {})
    with pytest.raises(BadInput, match="controls/runs.csv"):
        list(published.read(nothing, tmp_path))


def test_the_committed_page_is_what_the_tables_say(committed, root, results, monkeypatch):
    """But for its figures: these are the report's, and take long to draw."""
    monkeypatch.chdir(root)
    monkeypatch.setattr(build, "_vega", lambda: "")
    blank = lambda name, drawn: Drawing(name, "", "", "", False, False)  # noqa: E731
    monkeypatch.setattr(drawings, "drawing", blank)
    names = ("table1.md", "table1.csv", "data.md", "circles-summary/summary.md")
    exhibits = {name: (root / "reports" / name).read_text(encoding="utf-8") for name in names}
    title = json.loads((root / "reports/pictures/data.json").read_text(encoding="utf-8"))["title"]
    anew = build.html(exhibits, results, runs_of(results), title)
    ours = (root / "reports/index.html").read_text(encoding="utf-8")
    assert bare(anew) == bare(ours), "`python -m stages.report` makes it anew"


def bare(text):
    """Without figures, what holds nothing else, and Vega."""
    for pattern in (
        r'<figure class="drawing.*?</figure>',
        r'<div class="figures">\s*</div>',
        r"<details>\s*<summary>[^<]*</summary>\s*</details>",
        r"<script>.*?</script>",
    ):
        text = re.sub(pattern, "", text, flags=re.DOTALL)
    return [line for line in StringIO(text).read().splitlines() if line.strip()]
