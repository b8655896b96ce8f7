import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from stages import circles
from stages.params import read
from stages.reporting.circles import VARIANTS as DRAWN
from stages.two_circles import report, study, tables
from stages.two_circles.points import Points
from stages.two_circles.training import Trained

ROOT = Path(__file__).parents[3]
SETTINGS = {"epochs": 900, "seeds": 3, "draws": 2, "hidden": 8, "test_points": 400}


@pytest.fixture
def settings():
    of = SETTINGS | {"samples": 100, "train": 30, "noise": 0.1, "random_state": 0}
    return SimpleNamespace(**of, learning_rate=0.001, input_stddev=0.01, hidden_stddev=0.1)


def test_repetitions_share_the_points_over_seeds_and_nothing_over_draws(settings):
    kinds = study.repetitions(settings)
    seeds, draws = kinds["seeds"], kinds["draws"]
    assert [(of.seed, of.random_state) for of in seeds] == [(0, 0), (1, 0), (2, 0)]
    assert [(of.seed, of.random_state) for of in draws] == [(3, 1), (4, 2)]
    assert all(np.array_equal(of.train.x, seeds[0].train.x) for of in seeds)
    every = [
        seeds[0].train.x,
        seeds[0].test.x,
        *(part.x for of in draws for part in (of.train, of.test)),
        study.large_test_set(settings).x,
    ]
    assert len(np.unique(np.concatenate(every), axis=0)) == 3 * 100 + 400


def test_every_variant_has_a_name_in_the_report_and_a_colour(settings):
    assert list(report.VARIANTS) == list(DRAWN) == list(study.variants(settings))


@pytest.mark.parametrize("coordinate", [0, 1])
def test_maps_have_y_before_x(settings, monkeypatch, coordinate):
    models = 4 * settings.seeds
    monkeypatch.setattr(
        study, "logits", lambda perceptrons, x, workers: torch.from_numpy(x[:, coordinate]).repeat(models, 1)
    )
    monkeypatch.setattr(
        study, "large_test_set", lambda settings: Points(study.AXIS.repeat(2).reshape(-1, 2), study.AXIS)
    )
    settings.epochs, settings.draws = 2, settings.seeds
    probability = study.run(settings, workers=1).probability
    along = torch.from_numpy(study.AXIS).sigmoid().numpy()
    np.testing.assert_array_equal(
        probability[2, 1], np.broadcast_to(along if coordinate == 0 else along[:, None], probability.shape[2:])
    )


def test_curves_are_thinned_to_epochs_that_the_interval_divides():
    epochs, interval = 7, 3
    train = np.tile(np.arange(1, epochs + 1), (1, 5, 1)).astype(np.float32) + np.arange(5)[None, :, None]
    test = 10 * train[:, :, interval - 1 :: interval]
    table = tables.curves(["baseline"], Trained(None, train, test, None, None), interval)
    assert (
        table.epoch.tolist() == [3, 6] and table.train_mean.tolist() == [5, 8] and table.test_mean.tolist() == [50, 80]
    )
    assert table.train_low.tolist() == pytest.approx([3.4, 6.4]) and table.train_high.tolist() == pytest.approx(
        [6.6, 9.6]
    )


def parameters(**changed):
    """The text of params.yaml with these values under `circles`."""
    head, circles = (ROOT / "params.yaml").read_text().split("\ncircles:")
    kept = [line for line in circles.splitlines() if line.split(":")[0].strip() not in changed]
    return "\n".join(
        [head, "circles:" + kept[0], *(f"  {name}: {value}" for name, value in changed.items()), *kept[1:]]
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"train": 100}, "circles.train: 100: must be less than samples, 100"),
        ({"train": 100, "samples": 5}, "circles.samples: 5: must be greater than or equal to 20"),
        ({"input_stddev": -0.1}, "circles.input_stddev: -0.1: must be greater than or equal to 0"),
        ({"seeds": 1}, "circles.seeds: 1: must be greater than or equal to 2"),
    ],
)
def test_a_mistake_in_the_parameters_is_one_line(tmp_path, changed, message):
    (tmp_path / "params.yaml").write_text(parameters(**changed))
    with pytest.raises(SystemExit) as error:
        read(tmp_path / "params.yaml")
    assert str(error.value) == f"{tmp_path / 'params.yaml'}: {message}"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A small study, by the stage itself."""
    root = tmp_path_factory.mktemp("study")
    (root / "params.yaml").write_text(parameters(**SETTINGS))
    (root / "data/paper").mkdir(parents=True)
    (root / "data/paper/circles.csv").write_bytes((ROOT / "data/paper/circles.csv").read_bytes())
    (root / "reports/circles").mkdir(parents=True)
    (root / "reports/circles/stale.csv").write_text("of an earlier run")
    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        circles.main()
    torch.set_num_threads(threads)  # the stage keeps to one for each of its workers
    return root / "reports/circles"


def test_the_stage_replaces_the_whole_folder(written):
    names = "curves.csv data.csv decision.npz differences.csv metrics.json run.csv runs.csv summary.csv summary.md"
    assert sorted(path.name for path in written.iterdir()) == names.split()
    assert [path.name for path in written.parent.iterdir()] == ["circles"]


def test_tables_agree_with_each_other(written):
    runs, summary, run, curves = (pd.read_csv(written / f"{name}.csv") for name in ("runs", "summary", "run", "curves"))
    assert len(runs) == 4 * (3 + 2) and not runs.duplicated(["variant", "seed"]).any()
    of = runs.query("over == 'draws' and variant == 'after'").large_loss
    row = summary.query("over == 'draws' and variant == 'after' and measure == 'large_loss'").iloc[0]
    assert (row["mean"], row["std"], row["min"], row["n"]) == pytest.approx(
        (of.mean(), of.std(), of.min(), 2), rel=1e-3
    )
    assert json.loads((written / "metrics.json").read_text())["draws"]["after"]["large_loss"] == pytest.approx(
        of.mean(), abs=1e-3
    )
    # The run that is shown is the first seed's, and its last epoch what the table of all runs says of it.
    first = runs.query("over == 'seeds' and seed == 0").set_index("variant")
    for variant in DRAWN:
        assert run[f"{variant}_test"].iloc[-1] == pytest.approx(first.test_accuracy[variant], abs=1e-3)
    assert run.epoch.tolist() == list(range(1, 901))
    assert curves.query("variant == 'input'").epoch.tolist() == list(range(2, 901, 2))


def test_the_tutorials_numbers_stand_beside_the_seeds_alone(written):
    summary = pd.read_csv(written / "summary.csv")
    printed = summary.dropna(subset="tutorial").set_index(["over", "variant", "measure"]).tutorial
    assert (
        printed["seeds", "before", "test_accuracy"] == 0.814 and printed["seeds", "baseline", "test_accuracy"] == 0.757
    )
    assert len(printed) == 6 and set(printed.index.get_level_values("over")) == {"seeds"}


def test_decision_maps_are_probabilities_by_y_and_x(written):
    with np.load(written / "decision.npz") as maps:
        assert list(maps["variants"]) == ["baseline", "input", "before", "after"]
        n = len(maps["axis"])
        assert maps["run"].shape == maps["mean"].shape == (4, n, n)
        assert maps["run"].min() >= 0 and maps["run"].max() <= 1
        assert not np.array_equal(maps["run"], maps["mean"])


def test_the_report_holds_every_comparison_and_its_verdict(written):
    text, differences = (written / "summary.md").read_text(), pd.read_csv(written / "differences.csv")
    assert len(differences) == 24
    assert sum(line.startswith(("| seeds |", "| draws |")) for line in text.splitlines()) == 24
    assert sum(" over seeds, " in line for line in text.splitlines()) == 12


def test_without_the_tutorials_numbers_one_line_says_so(tmp_path, monkeypatch):
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=r"^circles: data/paper/circles.csv: No such file or directory$"):
        circles.main()
