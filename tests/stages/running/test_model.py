"""Stage model: the best run on validation is chosen, whatever test says, and folded into the plain network.

tests/pipeline/test_run.py loads it by torchvision alone.
"""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch

from stages import evaluate, model
from stages.params import read
from stages.results.inputs import BadInput
from stages.running.each_run import Piece
from stages.training.batches import Batches
from tests.stages.running.test_damaged_runs import told_of
from tests.stages.training import small

pytestmark = pytest.mark.usefixtures("small_network")


def measures(scores):
    """The rows of measures.csv of {run: (best val, best test)}, among rows that are not asked for."""
    rows = []
    for run, (val, test) in scores.items():
        variant, seed = run.split("/")
        key = {"run": run, "variant": variant, "seed": int(seed), "corruption": "", "measure": "macro_f1"}
        rows += [key | {"weights": "best", "split": "val", "value": val}]
        rows += [key | {"weights": "best", "split": "test", "value": test}]
        rows += [key | {"weights": "last", "split": "val", "value": 0.99}]
        rows += [key | {"weights": "best", "split": "val", "measure": "accuracy", "value": 0.99}]
        rows += [key | {"weights": "best", "split": "test", "corruption": "blur-3", "value": 0.99}]
    return pd.DataFrame(rows)


def test_runs_are_ranked_by_validation_alone():
    scores = {"b/0": (0.3, 0.9), "b/1": (0.5, 0.1), "a/0": (0.5, 0.2), "a/1": (0.4, 0.8), "c/0": (0.7, 0.7)}
    assert list(model.ranked(measures(scores), ["a", "b"])) == ["a/0", "b/1", "a/1", "b/0"]
    assert list(model.ranked(measures(scores), ["c", "b", "a"])) == ["c/0", "b/1", "a/0", "a/1", "b/0"]
    assert model.ranked(measures(scores), ["a"])["a/0"] == {"val_macro_f1": 0.5, "test_macro_f1": 0.2}


@pytest.fixture
def chosen(workspace, capsys):
    """Run the stage where the runs of `periodic` have these scores; returns (what model.json says, what it prints)."""

    def choose(scores, *variants):
        file = workspace / "reports/measures.csv"
        file.parent.mkdir(exist_ok=True)
        measures(scores).to_csv(file, index=False)
        model.main(variants, workspace / "runs", workspace / "data/crops", file, workspace / "model")
        return json.loads((workspace / "model/model.json").read_text()), capsys.readouterr().out

    return choose


def test_the_plain_network_says_what_the_run_says_with_its_signs(prepare_workspace, job, go, chosen, workspace):
    prepare_workspace(workspace, epochs=3)  # of which the last is flipped
    go(job())
    run = job().folder
    shutil.copy(run / "last.pt", run / "best.pt")
    told_of(run)
    about, said = chosen({"periodic/0": (0.25, 0.125)}, "periodic")
    state = torch.load(workspace / "model" / about["weights"], weights_only=True)
    trained = torch.load(run / "best.pt", weights_only=True)
    flags = [value for name, value in trained.items() if name.endswith("flag")]
    assert any(flags), "or there is nothing to fold"
    network = small.build(about["network"], len(about["classes"]), about["stem"])
    assert state.keys() == network.state_dict().keys() < trained.keys()
    network.load_state_dict(state)
    store = model.opened(run, run.parent, workspace / "data/crops", ["best"], "cpu").crops
    file = workspace / "predictions/0.npz"
    evaluate.work(run.parent, workspace / "data/crops", read().machine, Piece(run, file, None), "cpu", print)
    for split in ("val", "test"):
        images = torch.cat([images for images, _ in Batches(store[split], store.summary, torch.device("cpu")).plain(9)])
        with torch.inference_mode():
            predicted = network.eval()(images).argmax(1).numpy()
        assert (predicted == np.load(file)[f"{split}_best_predicted"]).all()
    assert about["run"] == "periodic/0" and about["scores"] == {"val_macro_f1": 0.25, "test_macro_f1": 0.125}
    assert about["input"]["mean"] == store.summary["mean"] and about["input"]["size"] == store.summary["size"]
    assert about["classes"] == store.summary["classes"] and not about["passed_over"]
    assert "periodic/0" in said and "0.250 on validation, which chose it, 0.125 on test" in said
    assert all(len(line) <= 80 for line in said.replace(str(workspace), "").splitlines())


def test_a_better_run_that_no_plain_network_computes_is_passed_over_and_named(run, job, go, chosen, monkeypatch):
    go(job(seed=1))
    folded = model.folded

    def some(network, run, crops, device):
        if run.name == "1":
            raise ValueError("features above the cliff")
        return folded(network, run, crops, device)

    monkeypatch.setattr(model, "folded", some)
    about, said = chosen({"periodic/0": (0.2, 0.1), "periodic/1": (0.4, 0.1)}, "periodic")
    assert about["run"] == "periodic/0" and about["passed_over"] == {"periodic/1": "features above the cliff"}
    assert "passed over: periodic/1: features above the cliff" in said
    with pytest.raises(BadInput, match="measures.csv: of dropout, no run that a plain network computes"):
        chosen({"periodic/0": (0.2, 0.1)}, "dropout")


def test_a_damaged_run_is_a_line(run, chosen):
    (run / "best.pt").write_bytes(b"")
    with pytest.raises(BadInput, match="best.pt: damaged, or of another run"):
        chosen({"periodic/0": (0.2, 0.1)}, "periodic")
