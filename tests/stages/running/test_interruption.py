"""Whatever ends a run, the same command continues it to the same bits."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from ruamel.yaml import YAML

from stages import files, train
from stages.training.processes import Processes

ROOT = Path(__file__).parents[3]
VARIANT, SEED, EPOCHS = "dropout-periodic", 3, 4

# Every child is a fresh process, forked from one that has imported everything and done nothing.
fresh = multiprocessing.get_context("forkserver")
fresh.set_forkserver_preload(["stages.train"])


def prepared(folder, make_crops):
    """The folder, with params.yaml and crops, in which `python -m stages.train` trains a small network in a few seconds."""
    make_crops(folder / "data" / "crops", {"train": 70, "val": 30, "test": 30})
    yaml = YAML()
    params = yaml.load(ROOT / "params.yaml")
    params["interval"] = 2
    params["train"] |= {"network": "shufflenet_v2_x0_5", "epochs": EPOCHS, "batch_size": 16, "checkpoint_seconds": 0.0}
    params["train"] |= {"device": "cpu", "precision": "float32"}
    yaml.dump(params, folder / "params.yaml")
    return folder


@pytest.fixture
def workspace(tmp_path, make_crops, monkeypatch):
    monkeypatch.delenv("DVC_ROOT", raising=False)
    return prepared(tmp_path, make_crops)


@pytest.fixture(scope="module")
def straight(tmp_path_factory, make_crops):
    """The result of the run that nothing interrupts."""
    folder = prepared(tmp_path_factory.mktemp("straight"), make_crops)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DVC_ROOT", raising=False)
        assert run(folder) == 0
    return result(folder)


def start(workspace, mishap=None):
    child = fresh.Process(target=train_in, args=(workspace, mishap))
    child.start()
    return child


def run(workspace, mishap=None):
    child = start(workspace, mishap)
    child.join(120)
    return child.exitcode


def train_in(workspace, mishap):
    os.chdir(workspace)
    torch.set_num_threads(1)
    if mishap:
        mishap()
    train.main(VARIANT, SEED, Processes())


def result(workspace):
    out = workspace / "runs" / f"{VARIANT}-{SEED}"
    return (
        torch.load(out / "best.pt", weights_only=True),
        (out / "curves.csv").read_text(),
        (out / "signs.csv").read_text(),
    )


def assert_same(one, other):
    assert one[1:] == other[1:]
    assert one[0].keys() == other[0].keys()
    assert all(torch.equal(one[0][name], other[0][name]) for name in one[0])


def assert_nothing_left(workspace):
    assert not list((workspace / ".scratch").glob("*/")), "a finished run leaves no checkpoint"


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


class KillWhileWriting:
    """kill -9 in the midst of the next file, when so large a share of its bytes has been written."""

    def __init__(self, share):
        self.share = share

    def __call__(self):
        files.open = self.open

    def open(self, *arguments):
        self.file = open(*arguments)
        return self

    def write(self, content):
        self.file.write(content[: int(self.share * len(content))])
        self.file.flush()
        kill()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.file.close()


def kill_before_the_replacement():
    files.os = Proxy(os, replace=lambda *_: kill())


def kill_after_the_replacement():
    def replace(partial, path):
        os.replace(partial, path)
        kill()

    files.os = Proxy(os, replace=replace)


class Proxy:
    def __init__(self, module, **replaced):
        self.__dict__.update(vars(module), **replaced)


def test_kills_in_the_midst_of_a_checkpoint_change_nothing(workspace, straight):
    moments = [
        kill_after_the_replacement,
        KillWhileWriting(0),
        KillWhileWriting(0.5),
        KillWhileWriting(0.999),
        kill_before_the_replacement,
    ]
    for moment in moments:
        assert run(workspace, moment) == -signal.SIGKILL
        assert len(list((workspace / ".scratch").glob("*/checkpoint.pt"))) == 1, "the checkpoint from before stands"
    assert run(workspace) == 0
    assert_same(result(workspace), straight)
    assert_nothing_left(workspace)


def test_kills_at_many_random_moments_change_nothing(workspace, straight):
    rng, kills = random.Random(0), 0
    while kills < 12:
        child = start(workspace)
        time.sleep(rng.uniform(0.1, 1.0))
        child.kill()
        child.join()
        if child.exitcode == 0:
            break
        kills += 1
    assert child.exitcode == 0 or run(workspace) == 0
    assert kills >= 3
    assert_same(result(workspace), straight)
    assert_nothing_left(workspace)


def command(workspace, prefix=""):
    """The stage as DVC starts it."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    shell = f"{prefix} exec {sys.executable} -m stages.train --variant {VARIANT} --seed {SEED}"
    return subprocess.Popen(
        ["bash", "-c", shell],
        cwd=workspace,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=listen,
    )


def listen():
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ignored, and so inherited, where the tests run in the background


def test_ctrl_c_is_one_line_and_the_same_command_continues(workspace, straight):
    process = command(workspace)
    while "epoch 1/" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 1
    assert (
        errors.splitlines()[-1]
        == f"{VARIANT} seed {SEED}: interrupted; the same command continues from the last checkpoint"
    )
    assert "Traceback" not in errors
    assert run(workspace) == 0
    assert_same(result(workspace), straight)


def test_a_disk_that_takes_no_more_is_one_line_and_the_same_command_continues(workspace, straight):
    assert run(workspace, kill_after_the_replacement) == -signal.SIGKILL
    (whole,) = (workspace / ".scratch").glob("*/checkpoint.pt")
    before = whole.read_bytes()
    process = command(workspace, prefix=f"ulimit -f {len(before) // 2048};")  # blocks of 1,024 bytes: half a checkpoint
    _, errors = process.communicate()
    assert process.returncode == 1
    where = whole.relative_to(workspace)
    assert (
        errors.splitlines()[-1]
        == f"{VARIANT} seed {SEED}: {where}: File too large; the same command continues from the last checkpoint"
    )
    assert "Traceback" not in errors
    assert whole.read_bytes() == before
    assert os.listdir(whole.parent) == [whole.name]
    assert run(workspace) == 0
    assert_same(result(workspace), straight)
