"""Several pieces of work at once, a process for each: a variant's seeds on the cores, or the GPUs, of this machine.

The processes are forked from one server that has imported torch, once for all. What ends the stage ends them, also its
kill -9, which can tell nobody: each watches whether the stage still lives. SIGTERM ends each as Ctrl-C ends the stage,
so that what it has in hand it can write down.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from functools import partial
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from stages import ending
from stages.interruptions import parent_decides
from stages.params import Machine

GRACE = 20  # seconds that a process which is stopped has to write down what it has in hand
UNHEARD = f"interrupted; {ending.AGAIN}starts it again"  # of a process that could not say so any more, or not yet
Send = Callable[[str, Any], None]  # a kind of message and what it says


@dataclass(frozen=True)
class Slots:
    """Where work can go on at the same time: a device for each place."""

    devices: tuple[str, ...]


@dataclass
class Running:
    """A piece of work that is going on, and the line that it has said about why it ends early."""

    piece: Any
    device: str
    process: BaseProcess
    line: str | None = None

    def outcome(self) -> tuple[str, str | None]:
        """How the process has ended: ("done", None), ("failed", line), or ("killed", line) by a signal."""
        self.process.join()
        code = self.process.exitcode or 0
        if code == 0:
            return "done", None
        if code < 0:
            return "killed", f"its process was ended by {signal.Signals(-code).name}"
        return "failed", self.line or "failed, see the traceback above"


def server(preload: str) -> multiprocessing.context.BaseContext:
    """The context whose processes start with that module imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([preload])
    with parent_decides():
        forkserver.ensure_running()
    return context


def ask(context: multiprocessing.context.BaseContext, question: Callable, *arguments: Any) -> Any:
    """What `question(*arguments)` returns, asked in a process that has torch imported: this one stays without.

    Raises SystemExit where the question does, or does not end well.
    """
    answer = None
    with contextlib.closing(side_by_side(context, _answer, [(question, arguments)], Slots(("",)))) as messages:
        for _, kind, content in messages:
            if kind in ("failed", "killed"):
                raise SystemExit(content)
            if kind == "answer":
                answer = content
    return answer


def _answer(piece, device, send):
    question, arguments = piece
    send("answer", question(*arguments))


def slots(machine: Machine) -> Slots:
    """The places of this machine: one for each GPU, or on a CPU as many as its cores have threads for."""
    import torch

    if machine.device in ("auto", "cuda") and (gpus := torch.cuda.device_count()):
        places = machine.side_by_side or gpus
        return Slots(tuple(f"cuda:{place % gpus}" for place in range(places)))
    if machine.device.startswith("cuda"):
        return Slots((machine.device,) * (machine.side_by_side or 1))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Slots((machine.device,) * (machine.side_by_side or max(1, cores // machine.threads)))


def side_by_side(
    context: multiprocessing.context.BaseContext,
    work: Callable[[Any, str, Send], None],
    pieces: Iterable[Any],
    places: Slots,
    farewell: Callable[[Any, str], object] | None = None,
) -> Generator[tuple[Any, str, Any], None, None]:
    """Do `work(piece, device, send)` for every piece, as many at once as there are places.

    Yields (piece, kind, content) of every message that the work sends, and at last of each piece ("done", None), or
    ("failed", line), or ("killed", line) by a signal: others go on when one fails. Leaving the iteration early (an
    exception, Ctrl-C; close it) ends all processes: at once, or, where there is a `farewell`, by an interruption, after
    which each has `GRACE` seconds. The farewell is told (piece, line) of what each says about it.
    """
    waiting, free = list(pieces), list(places.devices)
    running: dict[Connection, Running] = {}
    try:
        while waiting or running:
            while waiting and free:
                piece, device = waiting.pop(0), free.pop(0)
                process, messages = _start(context, work, piece, device)
                running[messages] = Running(piece, device, process)
            ready = set(wait(list(running)))
            for messages, work_there in [pair for pair in running.items() if pair[0] in ready]:
                try:
                    kind, content = messages.recv()
                except EOFError:
                    del running[messages]
                    free.append(work_there.device)
                    kind, content = work_there.outcome()
                if kind == "line":
                    work_there.line = content
                else:
                    yield work_there.piece, kind, content
    finally:
        _end(running, farewell)


def _end(running: dict[Connection, Running], farewell: Callable[[Any, str], object] | None) -> None:
    try:
        if farewell:
            for work_there in running.values():
                work_there.process.terminate()
            deadline = time.monotonic() + GRACE
            for messages, work_there in running.items():
                line = None
                with contextlib.suppress(EOFError, OSError):
                    while messages.poll(max(0.0, deadline - time.monotonic())):
                        kind, content = messages.recv()
                        line = content if kind == "line" else line
                work_there.process.join(max(0.0, deadline - time.monotonic()))
                if line or work_there.process.exitcode != 0:  # else it had come to its end
                    farewell(work_there.piece, line or UNHEARD)
    finally:  # also where a second Ctrl-C ends the waiting
        for work_there in running.values():
            work_there.process.kill()
            work_there.process.join()


def _start(context, work, piece, device):
    messages, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(work, piece, device, theirs))
    process.start()
    theirs.close()  # so that its end is seen
    return process, messages


def _work(work: Callable, piece: Any, device: str, messages: Connection) -> None:
    """In the process: the work, with one message for what ends it early and is no fault of the program."""
    send = partial(_send, messages)
    try:
        ending.install()
        threading.Thread(target=_end_with_the_stage, daemon=True).start()
        work(piece, device, send)
    except SystemExit as end:
        _fail(send, str(end.code))
    except (Exception, KeyboardInterrupt) as error:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
        from stages.running.ending import in_one_line

        if (line := in_one_line(error)) is None:
            raise
        _fail(send, line)


def _fail(send, line):
    send("line", line)
    sys.exit(1)


def _send(messages, kind, content):
    with contextlib.suppress(BrokenPipeError):  # the stage is gone, and this process goes with it
        messages.send((kind, content))


def _end_with_the_stage():
    wait([multiprocessing.parent_process().sentinel])
    signal.pthread_kill(threading.main_thread().ident, signal.SIGTERM)
    time.sleep(GRACE)
    os._exit(1)
