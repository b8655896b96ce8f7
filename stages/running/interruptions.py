"""Being stopped (Ctrl-C, SIGTERM) where Python would lose it."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

AGAIN = "the same command "  # begins what is said of it, behind what has ended a run
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def held_back() -> Iterator[None]:
    """What would stop this process waits until the block has ended; for imports, in the main thread.

    A handler raises wherever the program is. Inside of an import that may be a callback whose exceptions Python shows
    and ignores: the process would go on as if nobody had stopped it. (A mask of the thread would not do: the signal
    reaches another one, and the handler still runs in this.)
    """
    arrived: list[int] = []
    handlers = {number: signal.signal(number, lambda number, frame: arrived.append(number)) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if arrived:
            signal.raise_signal(arrived[0])
