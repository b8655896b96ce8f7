import shutil

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from stages.reporting import groups, study, study_figure
from stages.results import tables
from stages.results.inputs import BadInput
from tests.stages.reporting.simulated_studies import SEEDS, runs_over, score
from tests.stages.results.simulated import as_read, results_of, simulate_run


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A study of the interval, published by its command."""
    root = tmp_path_factory.mktemp("study")
    made = runs_over("interval", [1, 2, 5, 20], ("periodic", "dropout-periodic"), ("baseline", "dropout"))
    tables.write(root / "runs/studies/interval/tables", results_of(made, varied=("interval",)))
    (root / "studies/interval").mkdir(parents=True)
    (root / "studies/interval/params.yaml").write_text(
        "# Which T?\n#\n# - `make study NAME=interval`\nseeds: []\n# No.\n"
    )
    (root / "studies/interval/notes.md").write_text("Of before: .5\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        study.main("interval", anew=False)
    return root


def cells(page, first, *more):
    """The cells behind the first ones of the row that begins with them."""
    (line,) = [line for line in page.splitlines() if line.startswith(f"| {' | '.join([first, *more])} |")]
    return [cell.strip() for cell in line.strip("|").split("|")][1 + len(more) :]


def test_the_study_is_published_as_plain_files(published):
    source, target = published / "runs/studies/interval/tables", published / "reports/studies/interval"
    assert {path.name for path in target.iterdir()} == {*tables.FILES, "table.md", "interval.png", "interval.svg"}
    for name in tables.FILES:
        assert (target / name).read_bytes() == (source / name).read_bytes()
    assert [path.name for path in target.parent.iterdir()] == ["interval"]


def test_page_and_figures_are_drawn_anew_from_what_is_published(published, tmp_path, monkeypatch):
    shutil.copytree(published / "reports", tmp_path / "reports")
    shutil.copytree(published / "studies", tmp_path / "studies")
    target = tmp_path / "reports/studies/interval"
    before = {path.name: path.read_bytes() for path in target.iterdir()}
    (target / "interval.png").unlink()
    (target / "table.md").write_text("old")
    monkeypatch.chdir(tmp_path)
    study.main("interval", redraw=True)
    assert {path.name: path.read_bytes() for path in target.iterdir()} == before


def test_the_page_says_how_it_was_made(published):
    page = (published / "reports/studies/interval/table.md").read_text()
    assert page.startswith("# Study interval\n\nWhich T?\n\n- `make study NAME=interval`\n\n- Data set")
    assert page.endswith("\nOf before: .5\n") and "No." not in page
    for line in ("Data set: Drawn faces", "Epochs: 4", "n: 3 seeds for each row"):
        assert f"- {line}\n" in page
    runs = len((published / "reports/studies/interval/runs.csv").read_text().splitlines()) - 1
    assert f"- Trainings: {runs}, 12 s each (median), {runs * 12.5 / 60:.0f} minutes in all\n" in page
    assert "- Hardware: A processor, threads: 1, float32\n" in page and "machine:" not in page
    assert cells(page, "periodic", "20")[-1] == "no sign turned: every seed"
    assert cells(page, "periodic", "2")[-1] == "turned signs in its last quarter"


def test_every_row_of_the_page_is_that_of_the_measures(published):
    page = (published / "reports/studies/interval/table.md").read_text()
    measures = pd.read_csv(published / "reports/studies/interval/measures.csv", keep_default_na=False, dtype=str)
    measures["value"] = measures["value"].astype(float)
    shown = [("last", "test", "macro_f1"), ("best", "val", "macro_f1"), ("last", "train", "loss")]
    for variant in ("baseline", "dropout", "periodic", "dropout-periodic"):
        for interval in ("1", "2", "5", "20") if "periodic" in variant else ("",):
            n, *numbers, _ = cells(page, variant, interval)
            assert n == "3"
            for place, key in enumerate(shown):
                rows = measures[(measures[["weights", "split", "measure"]] == list(key)).all(axis=1)]
                ours = rows.query("variant == @variant and interval == @interval").set_index("seed")["value"]
                base = rows.query("variant == 'baseline'").set_index("seed")["value"]
                assert numbers[2 * place] == f"{ours.mean():.3f} ± {ours.std():.3f}"
                if variant == "baseline":
                    assert numbers[2 * place + 1] == "–"
                    continue
                low, high = stats.ttest_rel(ours, base).confidence_interval(0.95)
                said = f"{(ours - base).mean():+.3f} [{low:+.3f}, {high:+.3f}]".replace("-", "−")
                assert numbers[2 * place + 1] == said


def test_one_seed_has_points_without_intervals():
    results = as_read(results_of(runs_over("interval", [1, 2], seeds=(0,)), varied=("interval",)))
    axes, _ = study_figure.draw(results, "interval").axes
    (segments,) = (bars.get_segments() for bars in axes.containers[0].lines[2])
    assert not axes.patches and all(low == pytest.approx(high) for (_, low), (_, high) in segments)
    page = study.page("interval", results)
    assert "±" not in page and "[" not in page.split("| ---")[1] and "nan" not in page


def test_two_varied_parameters_have_a_figure_each_and_a_series_for_each_value_of_the_other(tmp_path):
    made = [simulate_run("baseline", seed, 4) for seed in SEEDS]
    for interval in (1, 2):
        for sites in ("first", "all"):
            values = {"interval": interval, "periodic.sites": sites}
            made += [simulate_run("periodic", seed, 4, values=values) for seed in SEEDS]
    results = results_of(made, varied=("interval", "periodic.sites"))
    tables.write(tmp_path, results)
    drawn = dict(study_figure.figures(tables.read(tmp_path)))
    assert list(drawn) == ["interval.png", "periodic.sites.png"]
    texts = [text.get_text() for text in drawn["interval.png"].legends[0].get_texts()]
    first, every = "+ periodic, periodic.sites=first (n = 3)", "+ periodic, periodic.sites=all (n = 3)"
    assert texts == ["Baseline (n = 3)", first, every]
    markers = {container.lines[0].get_marker() for container in drawn["interval.png"].axes[0].containers}
    assert len(markers) == 2
    assert cells(study.page("both", tables.read(tmp_path)), "periodic", "2", "all")[0] == "3"


def test_the_baseline_is_that_of_the_same_values():
    """Where a varied parameter is read by the baseline as well, its run of another value is no pair."""
    made = runs_over("train.epochs", ["4", "8"], ("baseline", "periodic"), others=())
    results = as_read(results_of(made, varied=("train.epochs",)))
    every = groups.groups_of(results)
    ours = every[-1]
    assert (ours.variant, ours.values) == ("periodic", {"train.epochs": "8"})
    table = score(results).set_index(["variant", "train.epochs", "seed"])["value"]
    expected = np.mean([table["periodic", "8", seed] - table["baseline", "8", seed] for seed in SEEDS])
    assert groups.difference(results, every, ours, "test_macro_f1_last").mean == pytest.approx(expected)
    without = [group for group in every if group.values["train.epochs"] != "8" or group.variant != "baseline"]
    assert groups.difference(results, without, ours, "test_macro_f1_last") is None


def test_only_seeds_that_both_have_are_paired():
    made = runs_over("interval", [1], seeds=(0, 1)) + [simulate_run("periodic", 5, 4, values={"interval": 1})]
    page = study.page("interval", as_read(results_of(made, varied=("interval",))))
    n, _, difference, *_ = cells(page, "periodic", "1")
    assert n == "3" and difference.endswith("] (n = 2)") and "- n: 2, 3 seeds for each row" in page


def test_what_is_to_be_read_with_care_is_marked():
    made = runs_over("interval", [1])
    made += [simulate_run("dropout", seed, 4, hardware="NVIDIA H100" if seed else "A processor") for seed in SEEDS]
    for run in made:  # of one the score rises by .02 and a little, of the others by less: their mean does not
        for row in run["measures"]:
            if row["measure"] in ("macro_f1_trend", "loss_trend"):
                row["value"] = 0.05 if run is made[3] else -0.001
    page = study.page("interval", as_read(results_of(made, varied=("interval",))))
    assert "- Hardware: A processor, threads: 1, float32; NVIDIA H100, threads: 1, float32\n" in page
    assert cells(page, "dropout", "")[-1] == "not on the baseline's machine: seed 1, 2"
    assert cells(page, "periodic", "1")[-1] == "turned signs in its last quarter"
    for row in made[4]["measures"]:
        row["value"] = 0.02 if row["measure"] == "macro_f1_trend" else row["value"]
    page = study.page("interval", as_read(results_of(made, varied=("interval",))))
    assert cells(page, "periodic", "1")[-1] == "still moves; turned signs in its last quarter"


def test_runs_that_differ_in_nothing_varied_are_refused():
    made = runs_over("interval", [1, 2], seeds=(0,))
    results = results_of(made, varied=("interval",))
    results.runs["interval"] = 1
    with pytest.raises(
        BadInput, match="periodic/interval=2/0 and periodic/interval=1/0 differ in nothing that is varied"
    ):
        groups.groups_of(results)


def test_a_study_that_was_not_run_says_how(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kept = tmp_path / "reports/studies/interval/table.md"
    kept.parent.mkdir(parents=True)
    kept.write_text("of before")
    with pytest.raises(BadInput) as error:
        study.main("interval", anew=False)
    assert str(error.value).startswith("runs/studies/interval/tables/runs.csv: missing")
    assert str(error.value).endswith("`make study NAME=interval` runs it") and kept.read_text() == "of before"
