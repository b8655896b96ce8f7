"""What is seen of runs that train at the same time: in a terminal a bar for each, in a log a line now and then."""

import io
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from stages.running import progress
from stages.running.progress import Progress
from tests.pipeline.pipelines import ROOT
from tests.terminal import said_in_a_terminal


def run(name, epochs=4):
    """What `Progress` reads of a job."""
    params = SimpleNamespace(train=SimpleNamespace(epochs=epochs))
    variant, title = name.partition("/")[0], name.replace("/", ", seed ")
    return SimpleNamespace(name=name, variant=variant, title=title, params=params, out=Path("runs") / variant)


def row(epoch):
    return {"epoch": epoch, "train_loss": 1 / epoch, "val_loss": 2.0, "val_macro_f1": 0.25, "flipped": 0.5}


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_in_a_log_a_line_names_its_run_at_most_every_ten_seconds_but_for_the_first_and_last_epoch(capsys, monkeypatch):
    one, other, now = run("periodic/0"), run("periodic/1"), [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    shown = Progress([one, other], 2)
    shown.show(one, row(1))
    shown.show(other, row(1))
    shown.log(other, "warning: cold")
    for seconds, epoch in ((5, 2), (6, 3), (1, 4)):
        now[0] += seconds
        shown.show(one, row(epoch))
    shown.end(one)
    assert capsys.readouterr().err.splitlines() == [
        "periodic, seed 0: epoch 1/4: loss 1.000, val F1 0.250, flipped 50%",
        "periodic, seed 1: epoch 1/4: loss 1.000, val F1 0.250, flipped 50%",
        "periodic, seed 1: warning: cold",
        "periodic, seed 0: epoch 3/4: loss 0.333, val F1 0.250, flipped 50%",
        "periodic, seed 0: epoch 4/4: loss 0.250, val F1 0.250, flipped 50%",
    ]


def test_in_a_terminal_each_run_has_a_line_of_its_own_that_the_next_one_takes(monkeypatch):
    monkeypatch.setattr(progress.sys, "stderr", Terminal())
    one, other, third = run("periodic/0"), run("periodic/1"), run("periodic/2")
    shown = Progress([one, other, third], 2)
    shown.show(one, row(1))
    shown.show(other, row(1))
    assert [shown.bars[job.name].pos for job in (one, other)] == [0, -1]
    assert [shown.bars[job.name].desc for job in (one, other)] == ["periodic/0", "periodic/1"]
    shown.show(one, row(3))  # as of a run that continues
    assert (shown.bars[one.name].n, shown.bars[one.name].total) == (3, 4)
    shown.end(other)
    shown.show(third, row(1))
    assert shown.bars[third.name].pos == -1
    for job in (one, third):
        shown.end(job)
    shown.end(one)  # twice, or of a run that showed nothing, is no mistake
    assert shown.bars == {} and sorted(shown.free) == [0, 1]


IN_A_TERMINAL = """
import os, sys
from types import SimpleNamespace
from pathlib import Path
from stages.running.progress import Progress
params = SimpleNamespace(train=SimpleNamespace(epochs=14))
job = SimpleNamespace(name="dropout-periodic/0", variant="dropout-periodic", title="dropout-periodic, seed 0",
                      params=params, out=Path("runs/dropout-periodic"))
shown = Progress([job], 1)
for epoch in range(1, 15):
    shown.show(job, {"epoch": epoch, "train_loss": 12.3456, "val_macro_f1": 0.25, "flipped": 1.0})
shown.end(job)
"""


def test_a_bar_fits_into_80_columns_and_its_last_state_stays_as_a_line(folder):
    """In a real terminal; the longest name of a variant, and a sign that is turned everywhere."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    text = said_in_a_terminal([sys.executable, "-c", IN_A_TERMINAL], env=environment, cwd=folder)
    states = [state for state in text.replace("\r", "\n").split("\n") if state.strip()]
    assert all(len(state) <= 80 for state in states) and "\x1b[3" not in text and "\x1b[9" not in text, "no colours"
    bars = [state for state in states if " left" in state]
    assert len(bars) == 15 and all(state.startswith("dropout-periodic/0 ") for state in bars)
    assert bars[-1].endswith("14/14, 00:00 left, loss 12.346, val F1 0.250, flipped 100%")
    assert states[-1].startswith("dropout-periodic/0: 14 epochs, 00:0")
