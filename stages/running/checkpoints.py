"""Checkpoints of an unfinished run: written whole or not at all, found again by the same configuration and by no other.

They lie outside the outs, which DVC deletes before a stage starts: in .scratch/<hash of the configuration>/ of the
repository (DVC_ROOT names it also inside the temporary copy of an experiment), and go when the run is finished.
"""

import io
import json
import pickle
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from stages.files import write_bytes
from stages.running.configuration import fingerprint
from stages.running.kept import scratch


class Checkpoints:
    """The checkpoint of one configuration."""

    def __init__(self, configuration: dict[str, Any], root: str | Path | None = None):
        # As JSON has it: what is no plain type does not come back from a file that is loaded with weights_only.
        self.configuration, self.hash = json.loads(json.dumps(configuration)), fingerprint(configuration)
        self.folder = (Path(root) if root else scratch()) / self.hash
        self.file = self.folder / "checkpoint.pt"

    @contextmanager
    def locked(self, waiting: Callable[[str], object] = print, wait: bool = True) -> Iterator[bool]:
        """Hold the run: a second trainer of the same configuration waits here until the first has ended.

        Yields whether it had to wait, which `waiting` is told as a line. The operating system frees the lock of a
        process that was killed. Raises SystemExit in place of waiting where `wait` is False.
        """
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder.with_suffix(".lock"))
        try:
            lock.acquire(timeout=0)
            waited = False
        except Timeout:
            busy = f"another process is training this very run and holds {lock.lock_file}"
            if not wait:
                raise SystemExit(f"{busy}; start this one again when that has ended") from None
            waiting(f"{busy}; waiting for it to end")
            lock.acquire()
            waited = True
        try:
            yield waited
        finally:
            lock.release()

    def save(self, state: dict[str, Any]) -> None:
        """Replace the checkpoint in one step. Raises OSError (a full disk), with the previous checkpoint whole."""
        self.folder.mkdir(parents=True, exist_ok=True)
        save_atomically(self.file, {"configuration": self.configuration, **state})

    def load(self, log: Callable[[str], object] = print) -> dict[str, Any] | None:
        """The state to continue from, or None. A damaged or foreign checkpoint is named in the log and never used."""
        if not self.file.exists():
            return None
        try:
            with zipfile.ZipFile(self.file) as archive:  # torch.load ignores the checksums that torch.save writes
                if (part := archive.testzip()) is not None:
                    raise zipfile.BadZipFile(part)
            state = torch.load(self.file, map_location="cpu", weights_only=True)
        except (RuntimeError, OSError, EOFError, ValueError, zipfile.BadZipFile, pickle.UnpicklingError) as error:
            log(f"{self.file} is damaged ({type(error).__name__}): starting from the first epoch")
            return None
        if state.pop("configuration", None) != self.configuration:
            log(f"{self.file} is of another configuration: starting from the first epoch")
            return None
        return state

    def remove(self) -> None:
        """The run is finished: nothing is left to continue."""
        shutil.rmtree(self.folder, ignore_errors=True)


def save_atomically(path: Path, state: dict[str, Any]) -> None:
    """`torch.save` into `path`, whole or not at all. Raises OSError where it cannot be written."""
    content = io.BytesIO()  # given the file itself, torch.save makes a RuntimeError of its own of a full disk
    torch.save(state, content)
    write_bytes(path, content.getbuffer())
