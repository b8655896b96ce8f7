import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy import stats
from sklearn.metrics import confusion_matrix, f1_score

from stages import report
from stages.ending import Mistake, in_one_line
from stages.reporting import exhibits, records, training_curves
from stages.reporting.circles.study import read_study
from stages.reporting.runs import runs_of
from stages.results import tables
from tests.stages.reporting import pixels
from tests.stages.results.simulated import CLASSES, VARIANTS, results_of, simulate, simulate_run

ROOT = Path(__file__).parents[3]
DPI = 250
PAGE_WIDE = ("class-balance", *(f"circles-{name}" for name in ("curves", "decision", "differences", "run", "spread")))
WRITTEN = [
    "circles-summary/differences.csv",
    "circles-summary/falls.csv",
    "circles-summary/metrics.json",
    "circles-summary/summary.csv",
    "circles-summary/summary.md",
    "confusion.csv",
    "data.md",
    "figures.csv",
    "figures/circles-curves.png",
    "figures/circles-data.png",
    "figures/circles-decision.png",
    "figures/circles-differences.png",
    "figures/circles-run.png",
    "figures/circles-spread.png",
    "figures/class-balance.png",
    "figures/confusion-baseline.png",
    "figures/confusion-dropout-periodic.png",
    "figures/confusion-dropout.png",
    "figures/confusion-dynamic.png",
    "figures/confusion-periodic.png",
    "figures/figure-03-train-loss-baseline-and-periodic.png",
    "figures/figure-04-val-f1-baseline-and-periodic.png",
    "figures/figure-05-train-loss-baseline-and-dropout.png",
    "figures/figure-06-val-f1-baseline-and-dropout.png",
    "figures/figure-07-train-loss-dropout-and-dropout-periodic.png",
    "figures/figure-08-val-f1-dropout-and-dropout-periodic.png",
    "figures/figure-09-val-f1-baseline-and-dropout-periodic.png",
    "figures/figure-10-train-loss-periodic-and-dynamic.png",
    "figures/figure-11-val-f1-periodic-and-dynamic.png",
    "figures/per-class-f1.png",
    "index.html",
    "metrics.json",
    "parameters.csv",
    "table1.csv",
    "table1.md",
]
WRITTEN += [f"svg/{Path(name).stem}.svg" for name in WRITTEN if name.startswith("figures/")]


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_the_stage_writes_exactly_this_from_committed_tables_alone(project, reported):
    assert not (reported / "data/crops").exists() and not (reported / "runs").exists()
    assert files(reported) - files(project) == {f"reports/{name}" for name in WRITTEN}


def test_the_stage_changes_none_of_the_tables(project, reported):
    for name in files(project):
        assert (reported / name).read_bytes() == (project / name).read_bytes(), name


def test_the_report_needs_neither_torch_nor_what_decides_the_bits_of_a_run():
    lines = "import sys; import stages.report, stages.reporting.study; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", lines], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert not {"torch", "noise", "stages.training", "stages.variants", "stages.crops.store", "stages.params"} & set(
        loaded.split()
    )


def test_figures_have_the_width_of_a_column_or_a_page(reported):
    for path in reported.rglob("*.png"):
        with Image.open(path) as image:
            inches = 6.9 if path.name.startswith(PAGE_WIDE) else 3.3
            assert image.width == pytest.approx(inches * DPI, abs=1) and DPI < image.height < 6 * DPI, path
            assert image.info["dpi"] == pytest.approx((DPI, DPI), abs=0.1)
            assert len(np.unique(np.asarray(image.convert("L")))) > 20, f"{path} is empty"


def test_a_second_report_has_the_same_bytes(project, reported, tmp_path, monkeypatch):
    monkeypatch.setattr(training_curves, "FIGURES", training_curves.FIGURES[-1:])
    monkeypatch.chdir(project)
    runs = runs_of(tables.read("reports"))
    kept = [
        (name, content)
        for name, content in report.report(runs, pixels.summary(), read_study())
        if "circles" not in name and "confusion-d" not in name
    ]
    written = exhibits.write(tmp_path, kept, svg=tmp_path / "svg")
    assert len(written) == 15 and {path.name for path in tmp_path.rglob("*")} >= {"data.md", "class-balance.png"}
    for path in written:
        assert path.read_bytes() == (reported / "reports" / path.relative_to(tmp_path)).read_bytes(), path
    assert not list(tmp_path.rglob("*.partial"))


def test_confusions_are_those_of_the_last_epoch_on_test(reported):
    """scikit-learn on predictions.npz against what `dvc plots` and the F1 rows say."""
    with np.load(reported / "reports/predictions.npz") as found:
        runs, actual, predicted = found["runs"].tolist(), found["actual"], found["predicted"]
    measures = pd.read_csv(reported / "reports/measures.csv", keep_default_na=False)
    table = pd.read_csv(reported / "reports/confusion.csv", keep_default_na=False)
    assert list(table.columns) == ["variant", "actual", "predicted", "images"]
    for variant in VARIANTS:
        rows = [number for number, run in enumerate(runs) if run.startswith(f"{variant}/")]
        ours = table[table["variant"] == variant].pivot(index="actual", columns="predicted", values="images")
        ours = ours.loc[CLASSES, CLASSES].to_numpy()
        oracle = sum(confusion_matrix(actual, predicted[row], labels=range(7)) for row in rows)
        assert len(rows) == 2 and (ours == oracle).all() and ours.sum() == 2 * len(actual)
        for row in rows:
            last = measures[(measures.run == runs[row]) & (measures.weights == "last") & (measures.split == "test")]
            values = dict(zip(last["measure"], last["value"].astype(float)))
            each = f1_score(actual, predicted[row], average=None)
            assert [values[f"f1/{name}"] for name in CLASSES] == pytest.approx(each, rel=1e-5)


def test_metrics_are_the_score_to_judge_by_with_half_of_its_interval(reported):
    metrics = json.loads((reported / "reports/metrics.json").read_text(encoding="utf-8"))
    measures = pd.read_csv(reported / "reports/measures.csv", keep_default_na=False)
    last = measures[(measures[["weights", "split", "measure"]] == ["last", "test", "macro_f1"]).all(axis=1)]
    expected = {"n": 2}
    for variant in VARIANTS:
        values = last[last["variant"] == variant]["value"].astype(float)
        low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
        expected |= {variant: values.mean(), f"{variant} ±": (high - low) / 2}
    assert list(metrics) == list(expected) and metrics == pytest.approx(expected, abs=1e-4)


def test_one_seed_has_no_half_interval(results):
    one = runs_of(simulate(["baseline", "periodic"], seeds=(0,), epochs=3))
    assert list(json.loads(dict(records.tables(one))["metrics.json"])) == ["n", "baseline", "periodic"]


def test_every_figure_has_the_hash_of_its_content(reported):
    table = pd.read_csv(reported / "reports/figures.csv", dtype=str)
    there = sorted((reported / "reports/figures").iterdir())
    assert table["figure"].tolist() == [str(path.relative_to(reported)) for path in there]
    said = [hashlib.md5(path.read_bytes()).hexdigest() for path in there]
    assert all(full.startswith(short) and len(short) == 12 for full, short in zip(said, table["value"], strict=True))


def test_parameters_are_those_of_the_file_but_for_the_machine(reported):
    table = pd.read_csv(reported / "reports/parameters.csv", dtype=str, keep_default_na=False)
    values = dict(zip(table["parameter"], table["value"]))
    assert {values[name] for name in ("train.images", "train.ema", "train.augment.flip")} == {"512", "null", "true"}
    assert values["seeds"] == "[0, 1, 2, 3, 4, 5]" and values["interval"] == "5" and values["dataset"] == "faces"
    assert not [name for name in values if name.startswith("machine")] and len(values) == len(table) > 60


def test_what_is_committed_is_of_the_committed_figures_and_parameters(monkeypatch):
    monkeypatch.chdir(ROOT)
    for name, text in records.of_files(Path("reports"), Path("params.yaml")):
        assert Path("reports", name).read_text(encoding="utf-8") == text, f"{name}: python -m stages.report"


def test_other_variants_than_the_papers_are_drawn_with_no_line_changed(project, tmp_path, monkeypatch, capsys):
    shutil.copytree(project, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setattr(report.circles, "figures", lambda study: ())  # they know no variants but their own
    runs = [simulate_run(variant, 0, epochs=6) for variant in ("01", "baseline", "periodic", "mirror")]
    tables.write("reports", results_of(runs))
    report.main()
    written = files(tmp_path / "project/reports")
    assert {"figures/confusion-01.png", "figures/confusion-mirror.png"} <= written
    drawn = sorted(name for name in written if name.startswith("figures/figure-"))
    assert [name[15:17] for name in drawn] == ["03", "04"]  # those of the paper whose two variants were run
    page = (tmp_path / "project/reports/table1.md").read_text()
    assert "|  | + 01 | Baseline | + periodic | + mirror |" in page  # in the order of the rows
    assert "01 0." in capsys.readouterr().out


@pytest.mark.parametrize(
    "missing, line",
    [
        ("reports/turns.csv", "reports/turns.csv: missing; the stage measure writes it"),
        ("reports/pictures/data.json", "reports/pictures/data.json: missing"),
        ("reports/circles/runs.csv", "reports/circles/runs.csv: missing"),
        ("data/paper/table1.csv", "data/paper/table1.csv: "),
    ],
)
def test_the_stage_stops_with_one_line(project, tmp_path, monkeypatch, missing, line):
    shutil.copytree(project, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    Path(missing).unlink()
    monkeypatch.setattr(training_curves, "FIGURES", ())
    with pytest.raises((Mistake, OSError)) as error:
        report.main()
    said = in_one_line(error.value)
    assert said and said.startswith(line) and len(said.splitlines()) == 1


def test_what_cannot_be_written_is_named(project, tmp_path, monkeypatch):
    shutil.copytree(project, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    Path("reports/table1.csv").mkdir()
    with pytest.raises(OSError) as error:
        report.main()
    assert in_one_line(error.value) == "reports/table1.csv: Is a directory"
