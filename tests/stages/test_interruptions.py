"""What stops a process in the midst of an import is not lost in a callback whose exceptions Python ignores."""

import signal
import sys
import weakref
from pathlib import Path
from types import SimpleNamespace

import pytest

from stages.interruptions import held_back
from stages.running.progress import Progress

STOPPED_IN_A_CALLBACK = """
import signal, weakref
class Thing: pass
thing = Thing()
gone = weakref.ref(thing, lambda reference: signal.raise_signal(signal.SIGTERM))
del thing
"""


class Thing:
    """What a weak reference can be had of."""


@pytest.fixture
def ignored(monkeypatch):
    """The exceptions that Python has ignored; SIGTERM interrupts, as in the stages."""
    lost = []
    monkeypatch.setattr(sys, "unraisablehook", lost.append)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    yield lost
    signal.signal(signal.SIGTERM, before)


def test_without_holding_back_a_callback_loses_it(ignored):
    exec(STOPPED_IN_A_CALLBACK, {})
    assert [type(lost.exc_value) for lost in ignored] == [KeyboardInterrupt]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_arrives_in_the_block_stops_after_it_and_the_handlers_are_as_before(ignored, number):
    handlers = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    reached = []
    with pytest.raises(KeyboardInterrupt):
        with held_back():
            thing = Thing()
            gone = weakref.ref(thing, lambda reference: signal.raise_signal(number))
            del thing
            reached.append(gone())
        reached.append("after the block")
    assert reached == [None] and not ignored
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == handlers


def test_nothing_arrived_nothing_happens(ignored):
    with held_back():
        pass
    with pytest.raises(ValueError), held_back():
        raise ValueError


def test_progress_is_stopped_by_what_arrives_while_it_imports_dvclive(ignored, monkeypatch, tmp_path):
    (tmp_path / "dvclive.py").write_text(STOPPED_IN_A_CALLBACK + "class Live: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "dvclive", None)  # put back as it was, present or not, when the test is over
    del sys.modules["dvclive"]
    monkeypatch.chdir(tmp_path)
    params = SimpleNamespace(train=SimpleNamespace(epochs=2))
    job = SimpleNamespace(name="baseline/0", title="baseline, seed 0", params=params, folder=Path("runs/baseline/0"))
    row = {"epoch": 1, "train_loss": 1.0, "val_loss": 1.0, "val_macro_f1": 0.5, "flipped": 0.0}
    with pytest.raises(KeyboardInterrupt):
        Progress([job], 1).show(job, row)
    assert not ignored
