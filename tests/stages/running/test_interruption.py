"""Whatever ends a run, the same command continues it to the same bits: here one process, killed where it hurts."""

import itertools
import multiprocessing
import os
import random
import resource
import shutil
import signal
import time
from pathlib import Path

import pytest

from stages import files
from stages.params import read
from stages.running import one_run
from stages.running.job import jobs
from stages.training import network
from tests.stages.running.stage import assert_nothing_left, assert_same, result
from tests.stages.training import small

VARIANT, SEED = "dropout-periodic", 3

# Every child is a fresh process, forked from one that has imported everything and done nothing.
fresh = multiprocessing.get_context("forkserver")


@pytest.fixture(scope="module")
def straight(tmp_path_factory, prepare_workspace):
    """The result of the run that nothing interrupts."""
    folder = prepare_workspace(tmp_path_factory.mktemp("straight"), {"seeds": [SEED]}, epochs=3)
    assert run(folder) == 0
    return result(out(folder))


@pytest.fixture
def interrupted(workspace, prepare_workspace):
    return prepare_workspace(workspace, {"seeds": [SEED]}, epochs=3)


def out(folder):
    return folder / "runs" / VARIANT / str(SEED)


def start(folder, mishap=None):
    child = fresh.Process(target=train_in, args=(folder, mishap))
    child.start()
    return child


def run(folder, mishap=None):
    child = start(folder, mishap)
    child.join(120)
    return child.exitcode


def train_in(folder, mishap):
    os.environ.pop("DVC_ROOT", None)
    os.chdir(folder)
    network.build = small.build
    params = read()
    (job,) = jobs(VARIANT, params, params.machine, Path("data/crops"), Path("runs") / VARIANT, "params.yaml")
    if mishap:
        mishap()
    one_run.train(job, "cpu", list().append, list().append)


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


class KillAtStep:
    """kill -9 before or after the step of this number of all that change a name on the disk."""

    def __init__(self, number, after):
        self.number, self.after, self.seen = number, after, 0

    def __call__(self):
        steps = ((os, "replace"), (shutil, "move"), (Path, "rename"), (shutil, "copyfile"), (shutil, "rmtree"))
        for owner, name in steps:
            setattr(owner, name, self.counting(getattr(owner, name)))

    def counting(self, step):
        def counted(*arguments, **named):
            self.seen += 1
            last = self.seen == self.number
            if last and not self.after:
                kill()
            done = step(*arguments, **named)
            if last:
                kill()
            return done

        return counted


def test_kills_in_the_midst_of_a_checkpoint_change_nothing(interrupted, straight):
    assert run(interrupted, KillAtStep(1, after=True)) == -signal.SIGKILL
    for share in (0, 0.5, 0.999):
        assert run(interrupted, KillWhileWriting(share)) == -signal.SIGKILL
        assert len(list((interrupted / ".scratch").glob("*/checkpoint.pt"))) == 1, "the one from before stands"
    assert run(interrupted) == 0
    assert_same(result(out(interrupted)), straight)
    assert_nothing_left(interrupted)


def test_kills_at_every_step_change_nothing(interrupted, straight):
    """The checkpoints, the finished run's files, their folder, its copy: each step that changes a name on the disk."""
    for number in itertools.count(1):
        for folder in (".scratch", "runs"):
            shutil.rmtree(interrupted / folder, ignore_errors=True)
        killed = run(interrupted, KillAtStep(number, after=False)) == -signal.SIGKILL
        if killed:
            if out(interrupted).exists():
                assert_same(result(out(interrupted)), straight)  # there whole, or not there
            assert run(interrupted) == 0
        assert_same(result(out(interrupted)), straight)
        assert_nothing_left(interrupted)
        if not killed:
            break
    assert number > 16


def test_kills_at_many_random_moments_change_nothing(workspace, prepare_workspace):
    prepare_workspace(workspace, {"seeds": [SEED]}, epochs=40)
    assert run(workspace) == 0
    expected = result(out(workspace))
    for folder in (".scratch", "runs"):
        shutil.rmtree(workspace / folder)
    rng, kills = random.Random(0), 0
    for _ in range(10):
        child = start(workspace)
        time.sleep(rng.uniform(0.05, 0.5))
        child.kill()
        child.join()
        if child.exitcode == 0:
            break
        kills += 1
    assert child.exitcode == 0 or run(workspace) == 0
    assert kills >= 1
    assert_same(result(out(workspace)), expected)
    assert_nothing_left(workspace)


class FullDisk:
    """No file may become larger than this."""

    def __init__(self, size):
        self.size = size

    def __call__(self):
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.size, self.size))
        os.dup2(os.open("errors", os.O_CREAT | os.O_WRONLY), 2)


def test_a_disk_that_takes_no_more_leaves_the_last_checkpoint_and_the_same_command_continues(interrupted, straight):
    assert run(interrupted, KillAtStep(1, after=True)) == -signal.SIGKILL
    (whole,) = (interrupted / ".scratch").glob("*/checkpoint.pt")
    before = whole.read_bytes()
    assert run(interrupted, FullDisk(len(before) // 2)) == 1
    where = whole.relative_to(interrupted)
    assert f"OSError: [Errno 27] File too large: '{where}'" in (interrupted / "errors").read_text()
    assert whole.read_bytes() == before
    assert os.listdir(whole.parent) == [whole.name]
    assert run(interrupted) == 0
    assert_same(result(out(interrupted)), straight)


@pytest.mark.parametrize("content", [lambda whole: whole[:1000], lambda whole: b""], ids=["cut", "empty"])
def test_a_spoilt_checkpoint_costs_only_time(interrupted, straight, content):
    assert run(interrupted, KillAtStep(2, after=True)) == -signal.SIGKILL
    (checkpoint,) = (interrupted / ".scratch").glob("*/checkpoint.pt")
    checkpoint.write_bytes(content(checkpoint.read_bytes()))
    assert run(interrupted) == 0
    assert_same(result(out(interrupted)), straight)
