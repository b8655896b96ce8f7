import shutil

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from stages.reporting import groups, study, study_figure, style
from stages.results import tables
from stages.results.inputs import BadInput
from tests.stages.results.simulated import as_read, results_of, simulate_run

SEEDS = (0, 1, 2)


def runs_over(parameter, values, variants=("periodic",), others=("baseline",), seeds=SEEDS, **record):
    made = [simulate_run(variant, seed, epochs=4, **record) for variant in others for seed in seeds]
    for variant in variants:
        for value in values:
            made += [simulate_run(variant, seed, 4, values={parameter: value}, **record) for seed in seeds]
    return made


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


def score(results, weights="last", split="test", measure="macro_f1"):
    table = results.measures
    return table[(table["weights"] == weights) & (table["split"] == split) & (table["measure"] == measure)]


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
    assert f"- Cost: {runs} trainings, 12 s each (median), {runs * 12.5 / 60:.0f} minutes in all\n" in page
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


def test_points_and_bands_are_means_and_intervals_over_seeds():
    made = runs_over("interval", [5, 1, 20], ("periodic", "dropout-periodic"), ("baseline", "dropout"))
    results = as_read(results_of(made, varied=("interval",)))
    panels = study_figure.draw(results, "interval").axes
    texts = [text.get_text() for text in panels[0].figure.legends[0].get_texts()]
    assert texts == ["Baseline (n = 3)", "+ dropout (n = 3)", "+ periodic (n = 3)", "+ dropout + periodic (n = 3)"]
    scores = score(results).set_index(["variant", "interval", "seed"])["value"].sort_index()
    plain = scores["baseline", ""]
    for axes, against, bands in zip(panels, (0 * plain, plain), (["baseline", "dropout"], ["dropout"]), strict=True):
        for container, variant in zip(axes.containers, ("periodic", "dropout-periodic"), strict=True):
            line, _, (bars,) = container.lines
            assert line.get_xdata().tolist() == [1, 5, 20] and line.get_color() == style.COLORS[variant]
            for interval, mean, ((_, low), (_, high)) in zip([1, 5, 20], line.get_ydata(), bars.get_segments()):
                values = scores[variant, str(interval)] - against
                assert mean == pytest.approx(values.mean())
                assert (low, high) == pytest.approx(stats.ttest_1samp(values, 0).confidence_interval(0.95))
        for band, variant in zip(axes.patches, bands, strict=True):
            low, high = stats.ttest_1samp(scores[variant, ""] - against, 0).confidence_interval(0.95)
            assert (band.get_y(), band.get_y() + band.get_height()) == pytest.approx((low, high))
        assert [tick.get_text() for tick in axes.get_xticklabels()] == ["1", "5", "20"]


def test_where_nothing_is_varied_the_variants_stand_one_below_the_other_with_their_differences():
    names = ["baseline", "periodic", "negate", "half"]
    results = as_read(results_of([simulate_run(name, seed, 4) for name in names for seed in SEEDS]))
    ((file, drawn),) = study_figure.figures(results)
    scores, differences = drawn.axes
    titles = ["Baseline (n = 3)", "+ periodic (n = 3)", "+ negate (n = 3)", "+ half (n = 3)"]
    assert file == "variants.png" and [text.get_text() for text in scores.get_yticklabels()] == titles
    table = score(results).pivot(index="seed", columns="variant", values="value")
    of_a_panel = [(scores, table[names], 0, None), (differences, table[names[1:]], 1, table["baseline"])]
    for axes, values, first, against in of_a_panel:
        shown = values if against is None else values.sub(against, axis=0)
        dots = [line for line in axes.lines if line.get_alpha()]
        rows = zip(shown, dots, axes.containers, strict=True)
        for place, (name, seeds, container) in enumerate(rows, start=first):
            line, _, (bars,) = container.lines
            assert sorted(seeds.get_xdata()) == pytest.approx(sorted(shown[name]))
            assert (line.get_xdata()[0], line.get_ydata()[0]) == pytest.approx((shown[name].mean(), place))
            test = stats.ttest_1samp(values[name], 0) if against is None else stats.ttest_rel(values[name], against)
            ((low, _), (high, _)) = bars.get_segments()[0]
            assert (low, high) == pytest.approx(test.confidence_interval(0.95))


def test_without_a_baseline_there_are_no_differences():
    results = as_read(results_of([simulate_run(name, seed, 4) for name in ("periodic", "half") for seed in SEEDS]))
    ((_, drawn),) = study_figure.figures(results)
    assert len(drawn.axes) == 1 and "differences" not in drawn.get_label()


def test_values_that_are_no_numbers_are_categories():
    results = as_read(results_of(runs_over("periodic.sites", ["first", "all", "1"]), varied=("periodic.sites",)))
    axes, _ = study_figure.draw(results, "periodic.sites").axes
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["first", "all", "1"]
    (line, *_) = axes.containers[0].lines
    assert line.get_xdata().tolist() == [0, 1, 2] and line.get_linestyle() == "None"
    assert groups.numbers_of(["first", "1"]) is None and groups.numbers_of(["nan", "1"]) is None


def test_values_over_decades_have_a_logarithmic_axis():
    results = as_read(results_of(runs_over("dynamic.start", [0.5, 0.001], ["dynamic"]), varied=("dynamic.start",)))
    axes, _ = study_figure.draw(results, "dynamic.start").axes
    assert axes.get_xscale() == "log" and axes.get_xlim()[0] > 0
    assert axes.containers[0].lines[0].get_xdata().tolist() == [0.001, 0.5]


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


def everything_in(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def write_measured(root, seeds, **record):
    made = runs_over("interval", [1, 5], seeds=seeds, **record)
    tables.write(root / "runs/studies/interval/tables", results_of(made, varied=("interval",)))


def test_a_study_published_seed_by_seed_is_that_of_one_measuring(tmp_path, monkeypatch):
    """In any order, and a seed that is run again replaces itself: every byte, those of the figure included."""
    monkeypatch.chdir(tmp_path)
    for seeds in ((2,), (0,), (0, 1)):
        write_measured(tmp_path, seeds)
        study.main("interval", anew=False)
    one_by_one = everything_in(tmp_path / "reports/studies/interval")
    write_measured(tmp_path, SEEDS)
    study.main("interval", anew=True)
    assert everything_in(tmp_path / "reports/studies/interval") == one_by_one


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"train.learning_rate": 0.01}, "baseline/0 was made with train.learning_rate 0.0001, this run with 0.01"),
        ({"train.images": 50}, "baseline/0 was made with train.images absent, this run with 50"),
        ({"crops": "food" * 8}, f"baseline/0 was made with crops {'beef' * 8}, this run with {'food' * 8}"),
    ],
)
def test_seeds_of_another_configuration_are_not_published_beside_each_other(tmp_path, monkeypatch, change, said):
    monkeypatch.chdir(tmp_path)
    write_measured(tmp_path, (0,))
    study.main("interval", anew=False)
    before = everything_in(tmp_path / "reports/studies/interval")
    write_measured(tmp_path, (1,), **change)
    with pytest.raises(BadInput) as error:
        study.main("interval", anew=False)
    assert f"reports/studies/interval/runs.csv: {said}; --anew publishes" in str(error.value)
    assert "\n" not in str(error.value) and everything_in(tmp_path / "reports/studies/interval") == before
    study.main("interval", anew=True)
    assert set(pd.read_csv("reports/studies/interval/runs.csv")["seed"]) == {1}


def test_what_a_variant_draws_by_the_seed_may_differ(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for seed in SEEDS:
        made = [simulate_run("random-turns", seed, 4, **{"periodic.turns": f"[{2 + seed}]"})]
        tables.write("runs/studies/mine/tables", results_of(made))
        study.main("mine", anew=False)
    assert list(pd.read_csv("reports/studies/mine/runs.csv")["periodic.turns"]) == ["[2]", "[3]", "[4]"]


def test_runs_that_a_study_has_no_more_are_not_lost_unasked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_measured(tmp_path, (0,))
    study.main("interval", anew=False)
    tables.write(
        "runs/studies/interval/tables", results_of(runs_over("interval", [5], seeds=(0,)), varied=("interval",))
    )
    with pytest.raises(BadInput, match="periodic/interval=1/0 is no run of this study any more; --anew"):
        study.main("interval", anew=False)
    (tmp_path / "reports/studies/interval/curves.csv").write_text("run\n")
    with pytest.raises(BadInput, match=r"curves.csv: no column variant.*; --anew"):
        study.main("interval", anew=False)
    write_measured(tmp_path, (0, 1))
    study.main("interval", anew=False)
