"""The stage itself, `python -m stages.train`: its seeds side by side, and everything that can end it."""

import os
import re
import shutil
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from stages import train
from stages.params import read
from stages.running import one_run, progress
from stages.running.job import jobs
from stages.running.side_by_side import Slots, server, side_by_side
from tests.stages.running.stage import Stage, all_gone, assert_nothing_left, assert_same, result

VARIANT, SEEDS, EPOCHS = "dropout-periodic", (3, 1), 4
INTERRUPTED = f"train-{VARIANT}: interrupted; the same command"
LAST_CHECKPOINT = f"{INTERRUPTED} continues from the last checkpoint"


def prepared(folder, prepare_workspace, **train):
    return prepare_workspace(folder, {"seeds": list(SEEDS)}, epochs=EPOCHS, **train)


@pytest.fixture
def folder(workspace, prepare_workspace):
    return prepared(workspace, prepare_workspace)


@pytest.fixture(scope="module")
def alone(tmp_path_factory, prepare_workspace):
    """The results of the runs, each trained by its process alone, by seed."""
    folder = prepared(tmp_path_factory.mktemp("alone"), prepare_workspace)
    context = server("stages.running.one_run")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DVC_ROOT", raising=False)
        patch.chdir(folder)
        params = read()
        runs = jobs(VARIANT, params, params.machine, Path("data/crops"), Path("runs") / VARIANT, "params.yaml")
        kinds = [kind for _, kind, _ in side_by_side(context, train.work, runs, Slots(("cpu",)))]
    assert kinds.count("done") == 2 and "failed" not in kinds
    return results(folder)


def stage(only=None):
    """The stage's work in this process, from whose warm server its runs are forked."""
    train.main(VARIANT, "params.yaml", Path("data/crops"), Path("runs") / VARIANT, only)


@pytest.fixture
def said(capsys, monkeypatch):
    """The lines said since the last time they were asked for, one for each epoch."""
    monkeypatch.setattr(progress, "LOG_SECONDS", 0)
    return lambda: capsys.readouterr().err.splitlines()


def results(folder):
    return {seed: result(folder / "runs" / VARIANT / str(seed)) for seed in SEEDS}


def assert_all_the_same(folder, alone):
    found = results(folder)
    for seed in SEEDS:
        assert_same(found[seed], alone[seed])
    assert_nothing_left(folder)


def trained(said):
    """The (seed, epoch) of every line about an epoch."""
    lines = (re.match(rf"{VARIANT}, seed (\d+): epoch (\d+)/", line) for line in said)
    return [(int(line[1]), int(line[2])) for line in lines if line]


def test_side_by_side_the_bits_are_those_of_each_alone_and_a_further_seed_trains_alone(
    folder, alone, said, prepare_workspace
):
    stage()
    lines = said()
    assert sorted(trained(lines)) == [(seed, epoch) for seed in sorted(SEEDS) for epoch in range(1, EPOCHS + 1)]
    assert_all_the_same(folder, alone)

    def written():
        return {seed: os.stat(folder / "runs" / VARIANT / str(seed) / "best.pt").st_mtime_ns for seed in SEEDS}

    before = written()
    prepare_workspace(folder, {"seeds": [*SEEDS, 0]}, epochs=EPOCHS)
    stage()
    assert trained(said()) == [(0, epoch) for epoch in range(1, EPOCHS + 1)]
    assert sorted(os.listdir(folder / "runs" / VARIANT)) == ["0", "1", "3"]
    assert written() == before
    shutil.rmtree(folder / "runs" / VARIANT)  # as DVC does before a stage
    stage()
    assert trained(said()) == [] and sorted(os.listdir(folder / "runs" / VARIANT)) == ["0", "1", "3"]
    assert_all_the_same(folder, alone)


def die_once(job, device, send):
    """The work of a run; the first time, the first seed's is killed after its first epoch."""

    def die(line):
        send("row", line)
        if job.seed == SEEDS[0] and not Path("died").exists():
            Path("died").touch()
            time.sleep(0.1)
            os.kill(os.getpid(), signal.SIGKILL)

    one_run.train(job, device, lambda line: send("log", line), die)


def test_kill_9_of_one_run_stops_no_other_and_the_same_command_continues(folder, alone, said, monkeypatch):
    monkeypatch.setattr(train, "work", die_once)
    with pytest.raises(SystemExit) as end:
        stage()
    assert end.value.code == 1
    lines = said()
    assert lines.count(f"{VARIANT}, seed {SEEDS[0]}: its process was ended by SIGKILL") == 1
    assert trained(lines).count((SEEDS[0], 1)) == 1 and (SEEDS[0], 2) not in trained(lines)
    assert os.listdir(folder / "runs" / VARIANT) == [str(SEEDS[1])]
    assert_same(result(folder / "runs" / VARIANT / str(SEEDS[1])), alone[SEEDS[1]])

    stage()
    assert {seed for seed, _ in trained(said())} == {SEEDS[0]}
    assert_all_the_same(folder, alone)


def test_a_mistake_of_every_run_is_said_once_and_the_command_fails(folder, said, prepare_workspace):
    prepared(folder, prepare_workspace, batch_size=128)
    with pytest.raises(SystemExit) as end:
        stage()
    assert end.value.code == 1
    (line,) = said()
    assert line.endswith("params.yaml: train.batch_size: 128 is more than the 70 training images there are")
    assert not (folder / "runs" / VARIANT).exists()


def test_one_run_by_its_name_and_no_other(folder, said):
    with pytest.raises(SystemExit, match=f"^train: --only 9: no such run of {VARIANT}; there are 3, 1$"):
        stage("9")
    stage("1")
    assert {seed for seed, _ in trained(said())} == {1}
    assert os.listdir(folder / "runs" / VARIANT) == ["1"]


def test_kill_9_of_the_stage_at_any_moment_changes_nothing_and_leaves_no_process(folder, alone):
    for moment in ("asked", "training"):
        started = Stage(folder, VARIANT)
        if moment == "training":
            started.wait_for("epoch 1/")
        while len(family := started.family()) < {"asked": 3, "training": 4}[moment]:
            assert started.process.poll() is None
            time.sleep(0.01)
        started.process.kill()
        assert started.end() == -signal.SIGKILL
        assert all_gone(family), f"killed while {moment}"
        assert "Traceback" not in "\n".join(started.said)
    stage()
    assert_all_the_same(folder, alone)


def stop(started, way):
    """Ctrl-C reaches every process of the terminal, SIGTERM the stage alone."""
    if way == "SIGINT":
        os.killpg(started.process.pid, signal.SIGINT)
    else:
        started.process.terminate()


def test_stopped_it_writes_the_last_epoch_of_every_run_says_one_line_and_the_same_command_continues(
    folder, alone, said, prepare_workspace
):
    prepare_workspace(folder, {"seeds": list(SEEDS), "machine.checkpoint_seconds": 1000.0}, epochs=EPOCHS)
    started = Stage(folder, VARIANT)
    started.wait_for("epoch 1/")
    family = started.family()
    assert len(family) >= 4, "the resource tracker, the server, and two runs"
    stop(started, "SIGINT")
    assert started.end() == -signal.SIGINT
    assert all_gone(family)
    (line,) = [line for line in started.said if ": epoch " not in line]
    assert not list((folder / "reports/live").glob("*/*")), "no curves of a run that is over"
    checkpoints = len(list((folder / ".scratch").glob("*/checkpoint.pt")))
    assert checkpoints >= 1 and not list(folder.rglob("*.partial"))
    assert (line == LAST_CHECKPOINT) == (checkpoints == 2) and line.startswith(INTERRUPTED)
    seen = dict(sorted(trained(started.said)))  # the last epoch of each run that was seen
    stage()
    lines = (re.match(rf"{VARIANT}, seed (\d+): continuing after epoch (\d+) of {EPOCHS}$", line) for line in said())
    continued = {int(line[1]): int(line[2]) for line in lines if line}
    assert len(continued) == checkpoints and seen.keys() <= continued.keys()
    assert all(continued[seed] >= epoch for seed, epoch in seen.items())
    assert_all_the_same(folder, alone)


def test_stopped_before_the_first_epoch_is_finished_it_says_that_it_begins_anew(folder, prepare_workspace):
    prepare_workspace(folder, {"seeds": list(SEEDS), "machine.side_by_side": 1}, epochs=EPOCHS, network="resnet152")
    started = Stage(folder, VARIANT)
    while not started.trainers() or not list((folder / ".scratch").glob("*.lock")):
        time.sleep(0.05)
    stop(started, "SIGINT")
    assert started.end() == -signal.SIGINT
    assert started.said == [f"{INTERRUPTED} begins anew"]
    assert os.listdir(folder / ".scratch") == []


def test_what_differs_between_the_runs_is_said_of_each(monkeypatch):
    said = {}
    monkeypatch.setattr(train, "this_stage", lambda **given: said.update(given))
    stopped = train.Stopped("periodic")
    for seed, outlook in ((0, "continues"), (1, "begins anew"), (2, "continues")):
        stopped.hear(SimpleNamespace(title=f"periodic, seed {seed}"), f"interrupted; the same command {outlook}")
    assert said == {"again": "continues (seed 0; seed 2), begins anew (seed 1)"}


def test_a_mishap_of_a_run_that_is_stopped_is_said_too(monkeypatch, capsys):
    said = {}
    monkeypatch.setattr(train, "this_stage", lambda **given: said.update(given))
    stopped, job = train.Stopped("periodic"), SimpleNamespace(title="periodic, seed 0")
    stopped.hear(job, "params.yaml: wrong")
    assert said == {}
    stopped.hear(job, "file: No space left on device; the same command begins anew")
    assert said == {"again": "begins anew"}
    lines = ["params.yaml: wrong", "file: No space left on device; the same command begins anew"]
    assert capsys.readouterr().err.splitlines() == [f"periodic, seed 0: {line}" for line in lines]


def test_being_stopped_while_it_still_starts_is_one_line_too(folder):
    started = Stage(folder, VARIANT)
    while len(family := started.family()) < 2:
        time.sleep(0.01)
    time.sleep(0.2)
    stop(started, "SIGTERM")
    assert started.end() == -signal.SIGINT
    assert all_gone(family)
    (line,) = started.said
    assert line.startswith(INTERRUPTED)
