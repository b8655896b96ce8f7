"""What ends a stage, in one line: a mistake of the user, the machine's refusal, being stopped.

`stages/__init__.py` installs it when a stage is run (`python -m stages.<name>`), before anything else is imported:
being stopped while torch is imported is one line too. So a stage lets `Mistake`, OSError and KeyboardInterrupt pass.
What is none of these is a fault of the program, and keeps its traceback.
"""

import atexit
import contextlib
import os
import select
import signal
import sys
import threading
from types import FrameType, TracebackType

AGAIN = "the same command "  # begins what is said of it, behind what has ended a stage
LAST_WORD = "STAGES_LAST_WORD"  # names a file, for processes that were started by one which speaks for them
OURS = ("stages", "noise")  # a module of ours that is not there is a fault; another one was not installed
_said: dict[str, str] = {}  # what `this_stage` has said
_stopped: list[int] = []  # the signals that have arrived
_became: list[BaseException] = []  # what being stopped has become inside of a library


class Mistake(Exception):
    """A mistake of the user, or an input that cannot be used; the message is one line (or one per mistake)."""


def this_stage(name: str | None = None, again: str | None = None) -> None:
    """What the last line calls this stage (as its module without this), and what the same command does when it was
    stopped: "continues", "begins anew" (without this: "starts it again")."""
    _said.update({key: value for key, value in (("name", name), ("again", again)) if value})


def in_one_line(error: BaseException) -> str | None:
    """What is said of what ends a stage, a line for each mistake; None for a fault of the program."""
    if isinstance(error, Mistake):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return f"interrupted; {AGAIN}{_said.get('again', 'starts it again')}"
    if isinstance(error, MemoryError):
        need = f" ({error})" if str(error) else ""
        return f"not enough memory{need}; lower machine.workers, train.batch_size, data.side or data.limit"
    if type(error).__name__ == "BrokenProcessPool":  # of `concurrent.futures`, which few stages import
        return "a worker process was killed, mostly for want of memory; a lower machine.workers needs less"
    if isinstance(error, ModuleNotFoundError) and error.name and error.name.partition(".")[0] not in OURS:
        return f"{error}: `make setup` installs what is needed, into .venv ({sys.executable} runs this)"
    if isinstance(error, OSError) and not isinstance(error, ConnectionError | ChildProcessError):
        return reason(error)
    return None


def reason(error: OSError) -> str:
    """What went wrong with which file, as it stands in a line for a user; not every error names a file."""
    if error.args and isinstance(error.args[0], list) and error.args[0]:  # of shutil.copytree: one for each file
        name, _, why = error.args[0][0]
        return f"{name}: {why}"
    named = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes | os.PathLike) else ""
    return (named + (error.strerror or str(error))).replace("\n", "\\n")


def install() -> None:
    """Let this process end in one line, and SIGTERM end it as Ctrl-C does."""
    sys.excepthook, sys.unraisablehook = _end, _not_lost
    atexit.register(_die_of_it)  # the first registered is the last called
    atexit.register(_flush)
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:  # of a job in the background
            signal.signal(number, _stop)


def _stop(number: int, frame: FrameType | None) -> None:
    _stopped.append(number)
    raise KeyboardInterrupt


def _end(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if _stopped and not isinstance(error, KeyboardInterrupt):  # what fails now fails of that
        _became.append(error)
        error = KeyboardInterrupt()
    if isinstance(error, BrokenPipeError) and _reader_is_gone():
        _print_no_more()
        return
    if isinstance(error, KeyboardInterrupt) and (file := os.environ.get(LAST_WORD)):
        _leave_word(file)
        return
    line = in_one_line(error)
    if line is None:
        sys.__excepthook__(kind, error, traceback)
        return
    with contextlib.suppress(OSError):
        print(*(f"{_name()}: {part}" for part in line.splitlines()), sep="\n", file=sys.stderr, flush=True)


def _leave_word(file: str) -> None:
    """What the same command does, where this process knows it; who has started it was stopped too, and says it."""
    if again := _said.get("again"):
        with contextlib.suppress(OSError), open(file, "w", encoding="utf-8") as opened:
            opened.write(again)


def _not_lost(unraisable: "sys.UnraisableHookArgs") -> None:
    """Being stopped in a callback whose exceptions Python only shows (imports have such) stops a moment later."""
    if not (_stopped and unraisable.exc_type is KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)
        return
    with contextlib.suppress(RuntimeError):  # no new threads: the program is at its end anyway
        # Sent to the main thread, which may be waiting for something.
        again = (signal.pthread_kill, [threading.main_thread().ident, _stopped[-1]])
        if not hasattr(signal, "pthread_kill"):
            again = (signal.raise_signal, [_stopped[-1]])
        later = threading.Timer(0.05, *again)
        later.daemon = True
        later.start()


def _die_of_it() -> None:
    """As Python does of a KeyboardInterrupt: who has started this process sees that it was stopped."""
    if _became:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)


def _name() -> str:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return _said.get("name") or (spec.name.rpartition(".")[2] if spec else "stages")


def _reader_is_gone() -> bool:
    """Whether nobody reads what is printed any longer (`| head`); a pipe to one of our processes is another matter."""
    if not hasattr(select, "poll"):  # Windows has other errors for it
        return False
    pipe = select.poll()
    pipe.register(1, 0)
    return any(event & select.POLLERR for _, event in pipe.poll(0))


def _flush() -> None:
    """Print what is left, and say it in a line where that cannot be: Python would say it at length."""
    if sys.stdout is None:  # closed from the start
        return
    try:
        sys.stdout.flush()
        return
    except BrokenPipeError:
        pass
    except OSError as error:
        print(f"{_name()}: standard output: {error.strerror}", file=sys.stderr, flush=True)
    _print_no_more()
    os._exit(1)


def _print_no_more() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
