"""What ends a run early, in one line that says what to do; a fault of the program keeps its traceback."""

import torch

from stages import ending
from stages.ending import AGAIN
from stages.training.loop import Diverged


def in_one_line(error: BaseException) -> str | None:
    """The line for what a user can mend or repeat; None for what is our own fault.

    A note on the error (`BaseException.add_note`) that begins with "the same command" says what that would do.
    """
    if isinstance(error, Diverged):
        return str(error)
    if isinstance(error, RuntimeError) and (line := _of_pytorch(error)):
        return line
    notes = [note for note in getattr(error, "__notes__", []) if note.startswith(AGAIN)]
    if isinstance(error, KeyboardInterrupt) and notes:
        return f"interrupted; {notes[0]}"
    line = ending.in_one_line(error)
    # What is not there will not be there the next time either.
    again = notes and isinstance(error, OSError) and not isinstance(error, FileNotFoundError)
    return f"{line}; {notes[0]}" if line and again else line


def _of_pytorch(error):
    """What to change where PyTorch stops a run that could go on otherwise."""
    line = (str(error).splitlines() or [""])[0]
    if isinstance(error, torch.OutOfMemoryError):
        return f"{line.split('. ')[0]}: lower train.batch_size or data.side"
    if "does not have a deterministic implementation" in line:
        return f"{line.split(', ')[0]}: set train.deterministic to false, or choose another train.network"
    if isinstance(error, torch._dynamo.exc.TorchDynamoException):
        return f"compilation failed ({line}): set machine.compile to off"
    return None


def said_once(job_title: str, rank: int, error: BaseException) -> SystemExit | None:
    """How one of several processes of a run ends: what befalls all at once is said by the first of them alone."""
    if isinstance(error, SystemExit):
        return error if rank == 0 else SystemExit(1)
    if (line := in_one_line(error)) is None:
        return None
    alone = isinstance(error, OSError | RuntimeError)  # a disk, or a device, that one of them has
    if rank and not alone:
        return SystemExit(1)
    return SystemExit(f"{job_title}{f', process {rank}' if rank else ''}: {line}")
