"""DVC's own page, made by DVC of two revisions of a scratch repository and drawn in Chromium without a network."""

import csv
import json
import shutil
import subprocess
from contextlib import chdir
from pathlib import Path

import pytest
from dvc import cli
from dvc.utils.hydra import apply_overrides
from PIL import Image
from ruamel.yaml import YAML

from stages.reporting import offline, records, table1
from stages.reporting.runs import runs_of
from stages.results import tables
from tests.pipeline.pipelines import ROOT
from tests.stages.results.simulated import VARIANTS, as_read, simulate

CHROMIUM = shutil.which("chromium")
EQUAL, CHANGED = "reports/pictures/equal.png", "reports/figures/changed.png"


def git(*words):
    who = ["-c", "user.name=A", "-c", "user.email=a@b"]
    return subprocess.run(["git", *who, *words], check=True, capture_output=True, text=True).stdout.strip()


def write_reports(results, shade):
    """What `dvc plots` reads: tables of the runs, and two pictures, of which one has another shade."""
    runs = runs_of(results)
    tables.write("reports", results)
    for name, text in (*records.tables(runs), *table1.tables(runs, {})):
        Path("reports", name).write_text(text, encoding="utf-8")
    for name, color in ((EQUAL, 0), (CHANGED, shade)):
        Path(name).parent.mkdir(exist_ok=True)
        Image.new("L", (900, 600), color).save(name)
    for name, text in records.of_files(Path("reports"), Path("params.yaml")):
        Path("reports", name).write_text(text, encoding="utf-8")


@pytest.fixture(scope="session")
def repository(tmp_path_factory):
    """T = 5 committed as main, T = 10 on top of it, DVC's page set up. Shared: never write to what is committed."""
    root = tmp_path_factory.mktemp("plots")
    whole = YAML(typ="safe").load(ROOT / "dvc.yaml")
    shutil.copytree(ROOT / ".dvc/plots", root / ".dvc/plots", ignore=shutil.ignore_patterns("*.html"))
    for name in (".dvc/config", ".dvc/.gitignore", "params.yaml"):
        shutil.copy(ROOT / name, root / name)
    results = as_read(simulate(seeds=(0, 1), epochs=6))
    with chdir(root):
        YAML().dump({name: whole[name] for name in ("metrics", "plots")}, Path("dvc.yaml"))
        git("init", "--quiet", "--initial-branch", "main")
        write_reports(results, shade=100)
        git("add", ".")
        git("commit", "--quiet", "--message", "T = 5")
        git("branch", "five")
        apply_overrides("params.yaml", ["interval=10"])
        better = results.measures["variant"].str.contains("periodic") & (results.measures["measure"] == "macro_f1")
        results.measures.loc[better, "value"] += 0.1
        write_reports(results, shade=200)
        git("commit", "--quiet", "--all", "--message", "T = 10")
        offline.main()
    return root


def dvc(*words):
    """In this process: another would import DVC anew each time."""
    assert cli.main(list(words)) == 0


def test_git_sees_neither_the_page_nor_the_setting(repository, monkeypatch):
    """And clears both away together, so that no setting is left that names a page that is not there."""
    monkeypatch.chdir(repository)
    assert git("status", "--short") == ""
    ignored = git("clean", "-n", "-d", "-X", ".dvc").splitlines()
    assert {"Would remove .dvc/plots/page.html", "Would remove .dvc/config.local"} <= set(ignored)
    assert 700_000 < (repository / ".dvc/plots/page.html").stat().st_size < 1_500_000


def test_a_clone_that_was_not_set_up_has_dvcs_own_page(repository, tmp_path, monkeypatch):
    subprocess.run(["git", "clone", "--quiet", repository, tmp_path / "clone"], check=True)
    monkeypatch.chdir(tmp_path / "clone")
    dvc("plots", "show", "parameters", "table1")
    assert "https://cdn" in Path("dvc_plots/index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def page(repository, tmp_path_factory):
    """The page of two revisions, made from a subfolder, as it stands in Chromium at 1,400 pixels."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here (Debian's package chromium): the page is not looked at")
    from playwright.sync_api import sync_playwright

    folder = tmp_path_factory.mktemp("page")
    with chdir(repository / "reports"):
        dvc("plots", "diff", "five", "main", "--out", str(folder))
    said = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1400, "height": 900})
        context.set_offline(True)
        context.route("http**", lambda route: (said.append(route.request.url), route.abort()))
        shown = context.new_page()
        shown.on("console", lambda message: said.append(message.text))
        shown.on("pageerror", lambda error: said.append(str(error)))
        shown.goto((folder / "index.html").as_uri())
        shown.wait_for_selector("body[data-drawn]")
        shown.said = said
        yield shown
        browser.close()


def test_every_chart_is_drawn_without_a_network_or_a_word(page):
    assert page.said == []
    charts = ["table1", "validation-macro-f1", "training-loss", "confusion"]
    assert page.evaluate("[...document.querySelectorAll('.chart')].map((one) => one.id)") == [
        f"chart-{name}" for name in charts
    ]
    marks = "[...document.querySelectorAll('.chart svg.marks')].map((one) => one.querySelectorAll('path, text').length)"
    assert len(page.evaluate(marks)) == len(charts) and min(page.evaluate(marks)) > 50


def test_nothing_is_wider_than_1400_pixels(page):
    assert page.evaluate("document.documentElement.scrollWidth") <= 1400
    assert page.evaluate("[...document.querySelectorAll('.chart')].every((one) => one.scrollWidth <= one.clientWidth)")


def test_the_interval_of_each_revision_stands_at_the_head(page):
    assert page.inner_text("h1") == "five and main"
    head = page.query_selector("main > table")
    assert [cell.inner_text() for cell in head.query_selector_all("th, td")] == [
        "",
        "five",
        "main",
        "interval",
        "5",
        "10",
    ]
    parameters = list(csv.DictReader(Path(ROOT / "reports/parameters.csv").open(encoding="utf-8")))
    assert page.inner_text("main > details summary") == f"{len(parameters) - 1} parameters are the same"


def test_only_the_figure_that_changed_is_shown_old_and_new_side_by_side(page):
    assert page.inner_text("h2 >> nth=-1") == "Figures that changed: 1 of 2"
    pair = page.query_selector(".pair")
    assert [image.get_attribute("alt") for image in pair.query_selector_all("img")] == [
        f"{CHANGED}, {revision}" for revision in ("five", "main")
    ]
    left, right = (image.bounding_box() for image in pair.query_selector_all("img"))
    assert left["y"] == right["y"] and left["x"] + left["width"] < right["x"] and left["width"] > 500
    assert left["y"] > max(chart.bounding_box()["y"] for chart in page.query_selector_all(".chart"))
    (folded,) = [one for one in page.query_selector_all("details") if "figures" in one.inner_text()]
    assert folded.inner_text() == "1 figures are the same" and folded.query_selector(f'img[alt^="{EQUAL}"]')


def test_metrics_and_parameters_that_differ_are_a_line_each(repository, monkeypatch, capsys):
    monkeypatch.chdir(repository)
    dvc("metrics", "diff", "five", "main", "--no-path")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["dropout-periodic", "periodic"] and max(map(len, lines)) <= 100
    assert all(line.endswith("0.1") for line in lines[1:])
    dvc("params", "diff", "five", "main")
    assert [line.split() for line in capsys.readouterr().out.splitlines()[1:]] == [
        ["params.yaml", "interval", "5", "10"]
    ]
    metrics = json.loads(Path("reports/metrics.json").read_text(encoding="utf-8"))
    assert list(metrics) == ["n", *(name for variant in VARIANTS for name in (variant, f"{variant} ±"))]
