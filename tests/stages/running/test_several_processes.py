"""A run on several processes by the stage's own command: launched, stopped together, one run after another."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys

import psutil
import pytest
import torch

from stages.running import several_processes
from stages.running.launch import launch
from stages.training.processes import Processes
from tests.stages.running.stage import ROOT, Stage


def test_being_stopped_stops_all_processes_and_leaves_the_last_epoch(prepare_workspace, workspace):
    prepare_workspace(workspace, {"seeds": [0], "machine.checkpoint_seconds": 1000.0}, processes=2, epochs=500)
    stage = Stage(workspace, "baseline")
    stage.wait_for("epoch 1/")
    children = stage.family()
    assert len(children) >= 2
    stage.process.send_signal(signal.SIGTERM)
    assert stage.end() == 1
    _, left = psutil.wait_procs(children, timeout=30)
    assert not left
    (checkpoint,) = (workspace / ".scratch").glob("*/checkpoint.pt")
    assert torch.load(checkpoint, weights_only=True)["progress"]["epoch"] >= 1
    (line,) = [line for line in stage.said if ": epoch " not in line]
    assert line == "train-baseline: interrupted; the same command continues from the last checkpoint"


LAUNCHED = """
import signal, sys, time
from stages.running import launch
signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
launch.end_with_the_launcher()
print("ready", flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_after_a_kill_9_of_the_launcher_its_processes_end_as_if_stopped():
    """As `join` asks for; what a process does that is stopped, the test above sees."""
    program = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', sys.argv[1]]); time.sleep(60)"
    launcher = subprocess.Popen(
        [sys.executable, "-c", program, LAUNCHED],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert launcher.stdout.readline() == "ready\n"
    launcher.kill()
    assert launcher.communicate(timeout=30)[1] == "stopped\n"  # of the process that it had started


def test_torchruns_own_processes_train_all_seeds_in_one_group(prepare_workspace, workspace):
    """As on several machines, where each is started by hand: docs/long-runs.md."""
    prepare_workspace(workspace, {"seeds": [1, 0], "train.processes": 2}, epochs=1)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    environment.pop("DVC_ROOT", None)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*torchrun, "-m", "stages.train", "--variant", "periodic"]
    done = subprocess.run(command, cwd=workspace, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    for seed in (1, 0):
        record = json.loads((workspace / f"runs/periodic/{seed}/record.json").read_text())
        assert (record["processes"], record["epochs"], record["seed"]) == (2, 1, seed)


def test_what_befalls_all_processes_is_said_once_and_what_befalls_one_by_it(job, monkeypatch):
    """`stages.running.ending` says which is which; here, that both processes end by it."""

    def full(*given):
        error = OSError(28, "No space left on device", "file")
        error.add_note("the same command continues from the last checkpoint")
        raise error

    monkeypatch.setattr(several_processes, "join", lambda device: Processes())
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")
    line = "file: No space left on device; the same command continues from the last checkpoint"
    for rank, said in (("0", f"periodic, seed 0: {line}"), ("1", f"periodic, seed 0, process 1: {line}")):
        monkeypatch.setenv("RANK", rank)
        monkeypatch.setattr(several_processes.one_run, "train", full)
        with pytest.raises(SystemExit) as end:
            several_processes.train([job()], [])
        assert end.value.code == said
    monkeypatch.setattr(several_processes.one_run, "train", lambda *given: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        several_processes.train([job()], [])


def test_being_stopped_while_the_group_is_joined_is_one_line_too(job, monkeypatch):
    def stopped(device):
        raise KeyboardInterrupt

    monkeypatch.setattr(several_processes, "join", stopped)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(KeyboardInterrupt):  # of which `stages.ending` makes the line
        several_processes.train([job()], [])


def test_a_process_that_torchrun_started_is_never_launched_again(job, monkeypatch):
    taken = []
    monkeypatch.setattr(several_processes, "join", lambda device: Processes())
    monkeypatch.setattr(several_processes.one_run, "train", lambda one, *given: taken.append(one.name))
    monkeypatch.setattr(several_processes, "launch", lambda *given: pytest.fail("launched"))
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")
    monkeypatch.setenv("RANK", "0")
    several_processes.train([job("periodic"), job("baseline")], ["--variant", "periodic"])
    assert taken == ["periodic/0", "baseline/0"]


def test_each_run_is_launched_with_the_stages_arguments_and_its_name(job, monkeypatch, prepare_workspace, workspace):
    prepare_workspace(workspace, processes=3)
    launched = []
    monkeypatch.setattr(several_processes, "launch", lambda *given: launched.append(given))
    several_processes.train([job(seed=0), job(seed=1)], ["--variant", "periodic"])
    assert launched == [
        (3, "cpu", "stages.train", "--variant", "periodic", "--only", "0"),
        (3, "cpu", "stages.train", "--variant", "periodic", "--only", "1"),
    ]


def launch_compiling(file, errors):
    """The launcher, in a process of its own, for a program that is quicker to start than a training."""
    os.dup2(os.open(errors, os.O_CREAT | os.O_WRONLY), 2)
    launch(2, "cpu", "py_compile", str(file))


@pytest.mark.parametrize(("source", "status"), [("x = 1", 0), ("x =", 1)], ids=["ends well", "fails"])
def test_the_launcher_ends_as_its_processes_do_and_adds_no_word(tmp_path, source, status):
    program, errors = tmp_path / "program.py", tmp_path / "errors"
    program.write_text(source)
    child = multiprocessing.get_context("forkserver").Process(target=launch_compiling, args=(program, errors))
    child.start()
    child.join(60)
    assert child.exitcode == status
    said = errors.read_text()
    assert ("SyntaxError" in said) == (status == 1)
    assert not any(word in said for word in ("ChildFailedError", "Traceback", "torch", "signal"))


def test_what_cannot_be_launched_is_one_line(monkeypatch):
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    line = "^params.yaml: machine.device: 'cuda:1' is one device, for 2 processes; choose auto, cuda or cpu$"
    with pytest.raises(SystemExit, match=line):
        launch(2, "cuda:1")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(SystemExit, match="^params.yaml: train.processes: 2 are more than the 1 GPUs of this machine$"):
        launch(2, "auto")
