import json
import re

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import log_loss

from stages import circles
from stages.ending import in_one_line
from stages.params import read
from stages.reporting.circles import exhibits
from stages.reporting.circles.names import VARIANTS
from stages.reporting.circles.study import read_study
from stages.two_circles import study, tables
from stages.two_circles.network import glorot_uniform
from stages.two_circles.randomness import HIDDEN, INPUT, WEIGHTS, stream
from stages.two_circles.training import Trained
from tests.stages.reporting.simulated_circles import write_claims
from tests.stages.two_circles.conftest import ROOT, SMALL, parameters
from tests.stages.two_circles.oracle import fit, sequential


def test_repetitions_share_the_points_over_seeds_and_nothing_over_draws(settings):
    kinds = study.repetitions(settings)
    seeds, draws = kinds["seeds"], kinds["draws"]
    assert [(one.seed, one.random_state) for one in seeds] == [(0, 1), (1, 1), (2, 1)]
    assert [(one.seed, one.random_state) for one in draws] == [(3, 2), (4, 3)]
    assert all(np.array_equal(one.train.x, seeds[0].train.x) for one in seeds)
    drawn = [part.x for one in draws for part in (one.train, one.test)]
    apart = [study.large_test_set(settings).x, study.validation_set(settings).x]
    every = [seeds[0].train.x, seeds[0].test.x, *drawn, *apart]
    assert len(np.unique(np.concatenate(every), axis=0)) == 3 * 100 + 400 + study.VALIDATION_POINTS


def test_every_variant_has_a_name_and_a_colour_in_the_report(settings):
    assert list(VARIANTS) == list(study.variants(settings))


@pytest.mark.parametrize("coordinate", [0, 1])
def test_maps_have_y_before_x(settings, monkeypatch, coordinate):
    settings = settings.model_copy(update={"epochs": 2, "draws": settings.seeds})
    models = 4 * settings.seeds

    def shows_coordinate(perceptrons, x, workers):
        return torch.from_numpy(x[:, coordinate]).repeat(models, 1)

    monkeypatch.setattr(study, "logits", shows_coordinate)
    probability = study.run(settings, workers=1).probability
    along = torch.from_numpy(study.AXIS).sigmoid().numpy()
    expected = np.broadcast_to(along if coordinate == 0 else along[:, None], probability.shape[2:])
    np.testing.assert_array_equal(probability[2, 1], expected)


def test_curves_are_thinned_to_epochs_that_the_interval_divides():
    epochs, interval = 7, 3
    train = np.tile(np.arange(1, epochs + 1), (1, 5, 1)).astype(np.float32) + np.arange(5)[None, :, None]
    test = 10 * train[:, :, interval - 1 :: interval]
    trained = Trained(None, [], train, test, *[None] * 5)
    table = tables.curves(["baseline"], trained, interval)
    assert table.epoch.tolist() == [3, 6]
    assert table.train_mean.tolist() == [5, 8] and table.test_mean.tolist() == [50, 80]
    assert table.train_low.tolist() == pytest.approx([3.4, 6.4])
    assert table.train_high.tolist() == pytest.approx([6.6, 9.6])


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


def test_the_stage_replaces_the_whole_folder(written):
    names = "curves.csv curves.npz data.csv decision.npz run.csv runs.csv study.json"
    assert sorted(path.name for path in written.iterdir()) == names.split()
    assert [path.name for path in written.parent.iterdir()] == ["circles"]


def test_what_the_report_says_of_the_design_is_left_with_the_results(written, settings):
    about = json.loads((written / "study.json").read_text())
    assert about["settings"] == settings.model_dump() and about["settings"].items() >= SMALL.items()
    assert about["best_accuracy"] == pytest.approx(0.8406, abs=1e-4)  # of the best threshold, found on a fine grid


def test_tables_agree_with_each_other(written):
    runs, run, curves = (pd.read_csv(written / f"{name}.csv") for name in ("runs", "run", "curves"))
    assert len(runs) == 4 * (3 + 2) and not runs.duplicated(["variant", "seed"]).any()
    # The run that is shown is the first seed's, and its last epoch what the table of all runs says of it.
    first = runs.query("over == 'seeds' and seed == 0").set_index("variant")
    for variant in VARIANTS:
        assert run[f"{variant}_test"].iloc[-1] == pytest.approx(first.test_accuracy[variant], abs=1e-3)
    assert run.epoch.tolist() == list(range(1, 811))
    assert curves.query("variant == 'input'").epoch.tolist() == list(range(2, 811, 2))
    last = curves.query("variant == 'input' and epoch == 810").iloc[0]
    assert last.test_mean == pytest.approx(
        runs.query("over == 'seeds' and variant == 'input'").test_accuracy.mean(), abs=1e-4
    )


def test_points_are_the_tutorials(written, settings):
    points = pd.read_csv(written / "data.csv")
    train, test = study.repetitions(settings)["seeds"][0][2:]
    assert points.split.tolist() == ["train"] * 30 + ["test"] * 70
    np.testing.assert_allclose(points[["x", "y"]], np.concatenate([train.x, test.x]), rtol=1e-3)
    np.testing.assert_array_equal(points.label, np.concatenate([train.y, test.y]))


@pytest.mark.parametrize(("over", "seed", "variant"), [("seeds", 0, "before"), ("draws", 4, "after")])
def test_a_model_ends_as_the_oracle_that_is_trained_alone(written, settings, over, seed, variant):
    """All epochs in plain PyTorch, and scikit-learn's loss: the row of runs.csv, up to what rounding grows to."""
    (alone,) = (one for one in study.repetitions(settings)[over] if one.seed == seed)
    site, stddev = study.variants(settings)[variant]
    purpose = INPUT if site == "input" else HIDDEN
    kernels = glorot_uniform(settings.hidden, stream(seed, WEIGHTS))
    model = sequential(*kernels, site, stddev, stream(seed, purpose))
    large = study.large_test_set(settings)
    x, y, test_x, test_y, large_x, large_y = map(torch.from_numpy, (*alone.train, *alone.test, *large))
    _, test_logits = fit(model, x, y, test_x, settings.epochs, settings.learning_rate)
    with torch.no_grad():
        answers = model.eval()(large_x)[:, 0].double().numpy()
    row = pd.read_csv(written / "runs.csv").query("over == @over and seed == @seed and variant == @variant").iloc[0]
    assert row.test_accuracy == pytest.approx(((test_logits[-1] > 0) == (test_y > 0)).double().mean().item(), abs=0.03)
    assert row.large_accuracy == pytest.approx(((answers > 0) == (large_y.numpy() > 0)).mean(), abs=0.01)
    assert row.large_loss == pytest.approx(log_loss(large.y, 1 / (1 + np.exp(-answers))), rel=0.01)
    own = log_loss(alone.test.y, 1 / (1 + np.exp(-test_logits[-1].double().numpy())))
    assert row.test_loss == pytest.approx(own, rel=0.02)
    assert row.random_state == alone.random_state


def test_accuracies_are_shares_to_the_last_bit(written):
    runs = pd.read_csv(written / "runs.csv")
    for measure, points in (("train_accuracy", 30), ("test_accuracy", 70), ("large_accuracy", 400)):
        assert runs[measure].tolist() == [round(value * points) / points for value in runs[measure]]


def test_peaks_are_found_on_the_validation_points_and_judged_on_others(written):
    runs = pd.read_csv(written / "runs.csv")
    with np.load(written / "curves.npz") as curves:
        epoch, accuracy, loss = (curves[name] for name in ("epoch", "val_accuracy", "val_loss"))
        test_accuracy, test_loss = curves["test_accuracy"], curves["test_loss"]
    assert epoch.tolist() == list(range(20, 811, 20)) and test_loss.shape == (len(runs), len(epoch))
    models, best, least = range(len(runs)), accuracy.argmax(axis=1), loss.argmin(axis=1)
    assert runs.peak_accuracy_epoch.tolist() == epoch[best].tolist()
    assert runs.peak_loss_epoch.tolist() == epoch[least].tolist()
    np.testing.assert_array_equal(runs.peak_accuracy, test_accuracy[models, best])
    np.testing.assert_allclose(runs.peak_loss, test_loss[models, least], rtol=1e-6)
    # The thinned curves tell the same of the same epochs.
    table = pd.read_csv(written / "curves.csv").query("variant == 'after'").set_index("epoch")
    after = (runs.over == "seeds") & (runs.variant == "after")
    np.testing.assert_allclose(table.test_mean[epoch], test_accuracy[after].mean(axis=0), atol=1e-4)


def test_decision_maps_are_probabilities_by_y_and_x(written):
    with np.load(written / "decision.npz") as maps:
        assert list(maps["variants"]) == ["baseline", "input", "before", "after"]
        n = len(maps["axis"])
        assert maps["run"].shape == maps["mean"].shape == (4, n, n)
        assert maps["run"].min() >= 0 and maps["run"].max() <= 1
        assert not np.array_equal(maps["run"], maps["mean"])


def test_where_nothing_can_be_written_one_line_says_so(tmp_path, monkeypatch):
    (tmp_path / "params.yaml").write_text(parameters(**SMALL | {"epochs": 1, "seeds": 2}))
    (tmp_path / "reports").write_text("a file where the folder should be")
    threads = torch.get_num_threads()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OSError) as error:
        circles.main()
    assert re.fullmatch(r".*reports.*: (Not a directory|File exists)", in_one_line(error.value))
    torch.set_num_threads(threads)


@pytest.mark.parametrize(
    "extreme",
    [
        {"learning_rate": 100.0, "noise": 100.0, "input_stddev": 100.0, "hidden_stddev": 100.0, "epochs": 100},
        {"samples": 20, "train": 2, "hidden": 1, "noise": 0.0, "input_stddev": 0.0, "hidden_stddev": 0.0, "epochs": 1},
    ],
    ids=["largest", "smallest"],
)
def test_what_the_parameters_may_be_can_be_computed_and_reported(tmp_path, monkeypatch, extreme):
    tiny = {"seeds": 2, "draws": 2, "hidden": 2, "test_points": 100}
    (tmp_path / "params.yaml").write_text(parameters(**tiny | extreme))
    (tmp_path / "data").mkdir()
    (tmp_path / "reports").mkdir()
    write_claims(tmp_path / "reports/claims.csv", [])
    (tmp_path / "data/paper").symlink_to(ROOT / "data/paper")
    threads = torch.get_num_threads()
    monkeypatch.chdir(tmp_path)
    circles.main()
    torch.set_num_threads(threads)
    (name, text), *_ = [pair for pair in exhibits.tables(read_study()) if pair[0].endswith(".md")]
    assert name == "summary.md" and "nan" not in text
