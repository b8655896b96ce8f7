"""The stage as DVC starts it, for the tests that stop it."""

import multiprocessing
import os
import runpy
import subprocess
import sys
from pathlib import Path

import psutil
import torch

ROOT = Path(__file__).parents[3]


class Stage:
    """`python -m stages.train` in a folder, in a session of its own, as in a terminal of its own."""

    def __init__(self, folder, variant, *arguments):
        environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        environment.pop("DVC_ROOT", None)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "stages.train", "--variant", variant, *arguments],
            cwd=folder,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.said = []

    def wait_for(self, part):
        """Read what it says until a line with this part."""
        for line in self.process.stderr:
            self.said.append(line.rstrip("\n"))
            if part in line:
                return
        raise AssertionError("\n".join(self.said))

    def family(self):
        """All processes that it has started, directly and through others."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def trainers(self):
        """Those that train: the children of the server, which is a child of the stage."""
        return [child for child in self.family() if child.ppid() != self.process.pid]

    def end(self):
        """Its exit status, when it has ended; `said` then has all lines."""
        self.said += self.process.stderr.read().splitlines()
        return self.process.wait(60)


def forked(folder, module, *arguments, **environment):
    """`python -m <module>`, started, in a process that is forked from one with torch (the fixture `server`)."""
    context = multiprocessing.get_context("forkserver")
    process = context.Process(target=_run, args=(folder, module, arguments, environment))
    process.start()
    return process


def _run(folder, module, arguments, environment):
    os.environ.pop("DVC_ROOT", None)
    os.environ |= environment
    os.chdir(folder)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def all_gone(processes):
    """Whether all end, within the seconds that the server's imports may take, which it sees through."""
    _, left = psutil.wait_procs(processes, timeout=30)
    return not left


def result(folder):
    """The files of a run by their bytes, the weights by their values, without what differs from run to run."""
    state = {name: torch.load(folder / f"{name}.pt", weights_only=True) for name in ("best", "last")}
    return state, (folder / "curves.csv").read_text(), (folder / "in_force.csv").read_text()


def assert_same(one, other):
    assert one[1:] == other[1:]
    for name, state in one[0].items():
        assert state.keys() == other[0][name].keys()
        assert all(torch.equal(value, other[0][name][key]) for key, value in state.items())


def assert_nothing_left(folder):
    """Neither a checkpoint nor what a killed writer had begun."""
    assert [path.name for path in (folder / ".scratch").glob("*/")] == ["kept"]
    hidden = [str(path) for part in (".scratch/kept", "runs") for path in (folder / part).rglob(".*")]
    assert not hidden and not list(folder.rglob("*.partial"))
