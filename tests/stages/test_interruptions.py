"""What stops a process in the midst of an import is not lost in a callback whose exceptions Python ignores."""

import signal
import sys
import weakref

import pytest

from stages.interruptions import held_back

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
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in the background
    with pytest.raises(KeyboardInterrupt):
        with held_back():
            thing = Thing()
            gone = weakref.ref(thing, lambda reference: signal.raise_signal(number))
            del thing
            reached.append(gone())
        reached.append("after the block")
    signal.signal(signal.SIGINT, before)
    assert reached == [None] and not ignored
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == handlers


def test_nothing_arrived_nothing_happens(ignored):
    with held_back():
        pass
    with pytest.raises(ValueError), held_back():
        raise ValueError
