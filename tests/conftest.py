"""For all tests: signals as in a terminal, which tests begin, and one server for the processes that they fork."""

import gc
import multiprocessing
import signal
from contextlib import chdir
from multiprocessing import forkserver
from pathlib import Path

import pytest

from stages.interruptions import parent_decides

ROOT = Path(__file__).parents[1]
# What starts processes, waits for them, and would otherwise be what everybody else waits for at the end.
LONG = (
    "tests/pipeline/test_run.py",
    "tests/stages/running/test_stage.py",
    "tests/stages/running/test_several_processes.py",
    "tests/stages/running/test_interruption.py",
    "tests/pipeline/test_recipe.py",
    "tests/test_notebook.py",
)


def pytest_configure() -> None:
    """A shell ignores SIGINT for what it runs in the background, every process inherits that, and none would be stopped
    by the tests' Ctrl-C."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first, each file as a whole; the workers share what is left at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


def pytest_collection_finish() -> None:
    """What is imported by now stays, and the garbage collector need not look at it again and again."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    gc.unfreeze()


@pytest.fixture(scope="session")
def server() -> None:
    """The server from which processes are forked, of which this one has a single one: with torch, for all of them.

    It starts with what the first to ask for it has it import, and, where that one works in another folder, silently
    with nothing: then each process that is forked would import torch again, for seconds.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["stages.running.one_run", "pytest", "psutil", "tests.stages.training.small"])
    with chdir(ROOT), parent_decides():
        forkserver.ensure_running()
