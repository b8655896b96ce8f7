"""Being stopped (Ctrl-C, SIGTERM) where Python would lose it, or where several processes would each speak of it."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def held_back() -> Iterator[None]:
    """What would stop this process waits until the block has ended.

    A handler raises wherever the program is. Inside of an import that may be a callback whose exceptions Python shows
    and ignores: the process would go on as if nobody had stopped it. A pool that is stopped while it starts a process
    forgets it, and leaves it to fail at length; what is started in the block inherits that it is not disturbed, until
    it calls `hear`. (The mask alone would not do: a signal reaches another thread, and the handler runs in this one.)
    Outside of the main thread, which alone is stopped, nothing happens.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    handlers = {number: signal.signal(number, lambda number, frame: arrived.append(number)) for number in SIGNALS}
    _mask("SIG_BLOCK")
    try:
        yield
    finally:
        _mask("SIG_UNBLOCK")
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if arrived:
            signal.raise_signal(arrived[0])


def hear() -> None:
    """In a process that was started in `held_back`: SIGTERM ends it; Ctrl-C, which reaches all, its parent decides."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _mask("SIG_UNBLOCK")


@contextmanager
def parent_decides() -> Iterator[None]:
    """Processes that are started in the block do not hear Ctrl-C, from their first import on, by themselves.

    Keep it short: the parent does not hear it either.
    """
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


def _mask(how: str) -> None:
    if hasattr(signal, "pthread_sigmask"):  # Windows has none
        signal.pthread_sigmask(getattr(signal, how), SIGNALS)
