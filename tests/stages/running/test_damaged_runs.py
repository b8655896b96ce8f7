"""Stage evaluate, on runs that are not as the training left them: a line that says which file, and nothing written."""

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import psutil
import pytest
import torch

from stages import evaluate
from stages.params import read
from stages.results.collect import finished_runs
from stages.results.inputs import BadInput
from stages.results.record import sealed
from stages.running import record
from tests.stages.running.stage import ROOT, all_gone

pytestmark = pytest.mark.usefixtures("small_network")


@pytest.fixture
def evaluated(run, workspace):
    """Evaluate the run as the stage's process does; returns its file."""

    def work():
        file = workspace / "predictions" / "0.npz"
        piece = evaluate.Piece(run, file, None)
        evaluate.work(run.parent, workspace / "data" / "crops", read().machine, piece, "cpu", print)
        return file

    return work


def told_of(run):
    """Let the record tell of the files as they are now."""
    about = json.loads((run / "record.json").read_text())
    about["files"] = {name: record._checksum(run / name) for name in about["files"]}
    (run / "record.json").write_text(json.dumps(sealed(about)))


def put(change, name="best.pt"):
    def damage(run):
        state = torch.load(run / name, weights_only=True)
        torch.save({key: change(key, value) for key, value in state.items()}, run / name)

    return damage


def only(ending, change):
    return put(lambda key, value: change(value) if key.endswith(ending) else value)


def cut(run):
    (run / "last.pt").write_bytes((run / "last.pt").read_bytes()[:-200])


def of_another_kind(run):
    torch.save([1, 2, 3], run / "best.pt")


WEIGHTS = {
    "no numbers": put(lambda key, value: value * math.nan),
    "one infinity": only("weight", lambda value: value.index_fill(0, torch.tensor([0]), math.inf)),
    "zeros": put(lambda key, value: torch.zeros_like(value)),
    "zeros in last.pt": put(lambda key, value: torch.zeros_like(value), "last.pt"),
    "another type": only("weight", torch.Tensor.double),
    "half as exact": only("weight", torch.Tensor.bfloat16),
    "whole numbers": only("weight", torch.Tensor.long),
    "another shape": only("weight", lambda value: value[:1]),
    "other names": lambda run: torch.save({"a": torch.ones(2)}, run / "best.pt"),
    "nothing": lambda run: torch.save({}, run / "best.pt"),
    "variances below zero": only("running_var", lambda value: value - 1000),
    "cut": cut,
    "of another kind": of_another_kind,
    "not there": lambda run: (run / "best.pt").unlink(),
}


@pytest.mark.parametrize("spoil", WEIGHTS.values(), ids=WEIGHTS)
@pytest.mark.parametrize("told", [False, True], ids=["as it is", "told of in the record"])
def test_weights_that_are_none_of_the_run_are_named(run, evaluated, workspace, spoil, told):
    spoil(run)
    if told and (run / "best.pt").exists():
        told_of(run)
    with pytest.raises(BadInput, match=rf"{run}/\w+\.pt: .*of the stage that trains {run} writes it anew$") as end:
        evaluated()
    assert len(str(end.value).splitlines()) == 1
    assert not (workspace / "predictions").exists()


def test_other_crops_than_it_was_trained_on_are_said(run, evaluated, workspace, make_crops):
    shutil.rmtree(workspace / "data")
    make_crops(workspace / "data" / "crops", {"train": 70, "val": 30, "test": 30}, seed=1)
    with pytest.raises(
        BadInput, match=f"^{run}: trained on other crops than those in .*/data/crops; `dvc repro` trains"
    ):
        evaluated()


def test_what_was_evaluated_is_what_collecting_expects_and_of_other_weights_it_is_not(run, evaluated, workspace):
    file = evaluated()
    collected = partial(finished_runs, run.parent, file.parent)
    (finished,) = collected()
    assert finished.said["test_last_probability"].shape == (30, 3)
    with np.load(file) as arrays:
        said = dict(arrays)
    said["of"][0] = "0" * 64
    np.savez(file, **said)
    with pytest.raises(
        BadInput, match=f"{file}: made of other weights or crops; `dvc repro --force` of the stage that eval"
    ):
        collected()


def test_the_stage_says_a_line_for_each_run_that_it_cannot_evaluate_and_leaves_what_was_there(run, workspace, capsys):
    out = workspace / "predictions"
    out.mkdir()
    (out / "earlier.npz").touch()
    WEIGHTS["no numbers"](run)
    with pytest.raises(SystemExit) as end:
        evaluate.main(run.parent, workspace / "data" / "crops", out)
    anew = f"`dvc repro` of the stage that trains {run} writes it anew"
    assert end.value.code == f"evaluate: {run}/best.pt: damaged, or of another run than its record.json; {anew}"
    assert [path.name for path in out.iterdir()] == ["earlier.npz"]
    assert capsys.readouterr().err == ""


def test_stopped_the_stage_says_one_line_and_leaves_what_was_there(run, workspace):
    out = workspace / "predictions"
    out.mkdir()
    (out / "earlier.npz").touch()
    summary = workspace / "data/crops/summary.json"
    summary.unlink()
    os.mkfifo(summary)  # which the evaluation would wait for
    command = [sys.executable, "-m", "stages.evaluate", "--runs", str(run.parent), "--out", str(out)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    stage = subprocess.Popen(
        command,
        cwd=workspace,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while len(family := psutil.Process(stage.pid).children(recursive=True)) < 3:
        assert stage.poll() is None
        time.sleep(0.01)
    time.sleep(0.3)
    os.killpg(stage.pid, signal.SIGINT)
    said = stage.stderr.read().splitlines()
    assert stage.wait(60) == -signal.SIGINT, said
    assert all_gone(family)
    assert len(said) == 1 and said[0].startswith("evaluate: interrupted; the same command "), said
    assert [path.name for path in out.iterdir()] == ["earlier.npz"]
