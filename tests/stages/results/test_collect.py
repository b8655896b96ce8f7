"""From folders of runs to tables: what is left aside, what is named, and that a parameter varies where it does."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from stages import measure
from stages.measures import turns
from stages.results import tables
from stages.results.collect import collect, finished_runs
from stages.results.folders import finished_in
from stages.results.inputs import BadInput
from stages.results.predictions import identity
from stages.results.record import sealed
from stages.results.tables import CURVES, RUNS

CLASSES = ["calm", "glad"]


def write_run(root, variant, seed, varied=None, seal=True, columns=CURVES, **record):
    """A run as stages train and evaluate leave it, of three test images; `columns` are those of its curves."""
    varied = varied or {}
    place = "/".join([*(f"{name}={value}" for name, value in varied.items()), str(seed)])
    folder, said = root / variant / place, root / "predictions" / variant / f"{place}.npz"
    folder.mkdir(parents=True)
    said.parent.mkdir(parents=True, exist_ok=True)
    about = dict.fromkeys(RUNS, 1) | {"dataset": "d", "title": "T", "flip": True, "compiled": False}
    about |= {"images": {split: {"calm": 1, "glad": 2} for split in ("val", "test")}, "turns": 0}
    about |= {"classes": CLASSES, "sites": [], "signed": 0, "first_turn": None, "turns": 0, "warnings": []}
    about |= {"hardware": "h", "precision": "float32", "torch": "1", "torchvision": "1", "python": "3", "commit": None}
    about |= {"configuration": "c", "crops": "x", "seconds": 1.5, "epochs": 1, "steps": 1}
    params = {"train": {"epochs": 1, "ema": None}} | varied
    about |= {"run": f"{variant}/{place}", "variant": variant, "seed": seed, "varied": varied, "params": params}
    only_epoch = dict(zip(CURVES, (1, 1, 0.1, 0.7, 0.6, 0.02, 0, 0.8, 0.5, 0.5, 2)))
    lines = (columns, [str(only_epoch[name]) for name in columns])
    (folder / "curves.csv").write_text("".join(f"{','.join(line)}\n" for line in lines))
    (folder / "in_force.csv").write_text("site,quantity,step,epoch,value\n")
    for weights in ("best", "last"):
        (folder / f"{weights}.pt").write_text(f"{weights} of {variant}/{place}")
    about["files"] = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    about = {name: value for name, value in (about | record).items() if value != "absent"}
    (folder / "record.json").write_text(json.dumps(sealed(about) if seal else about))
    probability = np.array([[0.75, 0.25], [0.25, 0.75], [0.5, 0.5]], np.float16)
    arrays = {f"{split}_actual": np.array([0, 1, 1], np.uint8) for split in ("val", "test")}
    for split in ("val", "test"):
        for weights in ("best", "last"):
            arrays |= {f"{split}_{weights}_predicted": np.array([0, 1, 0], np.uint8)}
            arrays |= {f"{split}_{weights}_probability": probability, f"{split}_{weights}_loss": np.array(0.4)}
    np.savez(said, of=identity(about), **arrays)
    return folder


def test_runs_become_rows_in_the_order_of_values_and_seeds(tmp_path):
    for value in (10, 2):
        for seed in (1, 0):
            write_run(tmp_path, "periodic", seed, {"interval": value})
    write_run(tmp_path, "baseline", 0)
    measure.main(tmp_path, tmp_path / "predictions", ["baseline", "periodic"], tmp_path / "tables")
    results = tables.read(tmp_path / "tables")
    periodic = [f"periodic/interval={value}/{seed}" for value in (2, 10) for seed in (0, 1)]
    assert results.runs["run"].tolist() == ["baseline/0", *periodic] and results.varied == ("interval",)
    assert results.runs["interval"].tolist() == ["", "2", "2", "10", "10"]
    assert results.runs["train.ema"].tolist() == ["null"] * 5, "an empty cell is what is not read"
    assert results.predictions.truth[0].tolist() == [0.75, 0.75, 0.5]
    assert results.predictions.predicted[0].tolist() == [0, 1, 0] and results.predictions.actual.tolist() == [0, 1, 1]


def test_a_parameter_is_varied_where_the_study_says_so(tmp_path):
    """What a variant sets for itself differs between variants, and is no value of a study."""
    write_run(tmp_path, "baseline", 0, params={"train": {"schedule": "constant"}})
    write_run(tmp_path, "restart", 0, params={"train": {"schedule": "restarts"}, "interval": 2})
    write_run(tmp_path, "periodic", 0, {"interval": 2})
    measure.main(tmp_path, tmp_path / "predictions", ["baseline", "restart"], tmp_path / "plain")
    assert tables.read(tmp_path / "plain").varied == ()
    measure.main(tmp_path, tmp_path / "predictions", ["baseline", "periodic"], tmp_path / "study")
    study = tables.read(tmp_path / "study")
    assert study.varied == ("interval",), "also where it has one value so far: a long study is made piece by piece"
    assert study.curves["interval"].tolist() == ["", "2"]


def test_every_measure_of_a_run_is_a_row(tmp_path):
    """By hand: of three images the second is right and sure, the first as well, the third torn; curves of one epoch."""
    write_run(tmp_path, "baseline", 0)
    measure.main(tmp_path, tmp_path / "predictions", ["baseline"], tmp_path / "tables")
    measures = tables.read(tmp_path / "tables").measures
    rows = measures.set_index(["weights", "split", "measure"])["value"].to_dict()
    scores = {"loss": 0.4, "accuracy": 2 / 3, "balanced_accuracy": 0.75, "macro_f1": 2 / 3, "f1/calm": 2 / 3}
    scores |= {"f1/glad": 2 / 3, "recall/calm": 1, "recall/glad": 0.5}
    scores |= {"brier": (0.125 + 0.125 + 0.5) / 3, "ece": (2 * 0.25 + 0.5) / 3}
    expected = {
        (weights, split, name): value
        for weights in ("best", "last")
        for split in ("val", "test")
        for name, value in scores.items()
    }
    expected |= {("last", "train", "loss"): 0.7, ("last", "train", "eval_loss"): 0.6, ("last", "test", "gap"): -0.2}
    expected |= {("last", "val", "peak_to_last"): 0, ("last", "val", "loss_rise"): 0}
    assert rows == pytest.approx(expected, rel=1e-5)


def test_what_a_killed_process_was_about_to_put_in_place_is_no_run(tmp_path):
    write_run(tmp_path, "baseline", 0)
    (tmp_path / "baseline" / "0").rename(tmp_path / "baseline" / ".1-old")
    write_run(tmp_path, "baseline", 0)
    assert [run.record["run"] for run in finished_runs(tmp_path / "baseline", tmp_path / "predictions/baseline")] == [
        "baseline/0"
    ]


def test_the_path_to_the_runs_may_hold_dots(tmp_path, monkeypatch):
    root = tmp_path / ".hidden" / "project"
    write_run(root, "baseline", 0)
    (root / "work").mkdir()
    monkeypatch.chdir(root / "work")
    assert finished_in(root / "baseline") == [root / "baseline/0"]
    assert finished_in(Path("../baseline")) == [Path("../baseline/0")]


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (
            lambda root: write_run(root, "dropout", 0, seal=False, compiled="absent"),
            "record.json: an older record, without comp",
        ),
        (lambda root: write_run(root, "dropout", 0, crops="y"), "are of different crops"),
        (
            lambda root: write_run(root, "dropout", 0, columns=[name for name in CURVES if name != "update"]),
            "dropout/0/curves.csv: of an older version, without update; `dvc repro` of the stage",
        ),
        (lambda root: (write_run(root, "dropout", 0) / "curves.csv").unlink(), "curves.csv: missing"),
        (lambda root: (write_run(root, "dropout", 0) / "record.json").write_text("{"), "not JSON"),
        (lambda root: (root / "dropout").mkdir(), "dropout: no runs"),
    ],
    ids=["older", "other crops", "older curves", "missing", "damaged", "none"],
)
def test_what_cannot_be_measured_is_one_line(tmp_path, damage, line):
    write_run(tmp_path, "baseline", 0)
    damage(tmp_path)
    with pytest.raises(BadInput, match=line) as stopped:
        measure.main(tmp_path, tmp_path / "predictions", ["baseline", "dropout"], tmp_path / "tables")
    assert len(str(stopped.value).splitlines()) == 1
    assert not (tmp_path / "tables").exists()


def test_collecting_nothing_is_said(tmp_path):
    with pytest.raises(BadInput, match="no runs; the stage that trains them writes it"):
        collect(finished_runs(tmp_path, tmp_path), measure.measured, turns.events)
