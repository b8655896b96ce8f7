"""What is seen of runs that train at the same time: in a terminal a bar for each, in a log a line for each epoch."""

import csv
import io
from pathlib import Path
from types import SimpleNamespace

import pytest

from stages.running import progress
from stages.running.progress import Progress


def run(name, epochs=4):
    """What `Progress` reads of a job."""
    params = SimpleNamespace(train=SimpleNamespace(epochs=epochs))
    title, folder = name.replace("/", ", seed "), Path("runs") / name
    return SimpleNamespace(name=name, title=title, params=params, folder=folder)


def row(epoch):
    return {"epoch": epoch, "train_loss": 1 / epoch, "val_loss": 2.0, "val_macro_f1": 0.25, "flipped": 0.5}


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_in_a_log_each_epoch_is_a_line_that_names_its_run(capsys):
    one, other = run("periodic/0"), run("periodic/1")
    shown = Progress([one, other], 2)
    shown.show(one, row(1))
    shown.show(other, row(1))
    shown.log(other, "warning: cold")
    shown.show(one, row(2))
    shown.end(one)
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "periodic, seed 0: epoch 1/4: loss 1.000, validation macro F1 0.250, flipped 50%",
        "periodic, seed 1: epoch 1/4: loss 1.000, validation macro F1 0.250, flipped 50%",
        "periodic, seed 1: warning: cold",
        "periodic, seed 0: epoch 2/4: loss 0.500, validation macro F1 0.250, flipped 50%",
    ]


def test_in_a_terminal_each_run_has_a_line_of_its_own_that_the_next_one_takes(monkeypatch):
    monkeypatch.setattr(progress.sys, "stderr", Terminal())
    one, other, third = run("periodic/0"), run("periodic/1"), run("periodic/2")
    shown = Progress([one, other, third], 2)
    shown.show(one, row(1))
    shown.show(other, row(1))
    assert [shown.bars[job.name].pos for job in (one, other)] == [0, -1]
    assert [shown.bars[job.name].desc for job in (one, other)] == ["periodic, seed 0", "periodic, seed 1"]
    shown.show(one, row(3))  # as of a run that continues
    assert (shown.bars[one.name].n, shown.bars[one.name].total) == (3, 4)
    shown.end(other)
    shown.show(third, row(1))
    assert shown.bars[third.name].pos == -1
    for job in (one, third):
        shown.end(job)
    shown.end(one)  # twice, or of a run that showed nothing, is no mistake
    assert shown.bars == {} and sorted(shown.free) == [0, 1]


def test_the_curves_are_written_while_the_run_trains(folder, capsys):
    one = run("periodic/interval=2/0")
    shown = Progress([one], 1)
    for epoch in (1, 2, 3):
        shown.show(one, row(epoch))
    metrics = folder / "runs" / "live" / "periodic" / "interval=2" / "0" / "plots" / "metrics"
    written = list(csv.DictReader((metrics / "train_loss.tsv").open(), delimiter="\t"))
    assert [(int(line["step"]), float(line["train_loss"])) for line in written] == [(1, 1.0), (2, 0.5), (3, 1 / 3)]
    assert not (folder / "dvc.yaml").exists()
