"""Checkpoints of an unfinished run: written whole or not at all, found again by the same configuration and by no other.

They lie outside the outs, which DVC deletes before a stage starts: in .scratch/<hash of the configuration>/ of the
repository (DVC_ROOT names it also inside the temporary copy of an experiment), and go when the run is finished, or
when nobody has continued it for long (`stages.running.sweep`).
"""

import io
import json
import pickle
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch

from stages.evaluation.weights import unsound
from stages.files import write_bytes
from stages.locks import Held
from stages.results.record import RECORD
from stages.running.configuration import fingerprint
from stages.running.kept import CHECKPOINT, folder_of, scratch
from stages.running.sweep import held
from stages.training.loop import Progress, Training


class Checkpoints:
    """The checkpoint of one configuration."""

    def __init__(self, configuration: dict[str, Any], root: str | Path | None = None):
        # As JSON has it: what is no plain type does not come back from a file that is loaded with weights_only.
        self.configuration, self.hash = json.loads(json.dumps(configuration)), fingerprint(configuration)
        self.folder = (Path(root) if root else scratch()) / self.hash
        self.file = self.folder / CHECKPOINT

    @contextmanager
    def locked(self, waiting: Callable[[str], object] = print, wait: bool = True) -> Iterator[bool]:
        """Hold the run: a second trainer of the same configuration waits here until the first has ended.

        Yields whether it had to wait, which `waiting` is told as a line; so it is where the disk has no locks, and
        nothing is held. The operating system frees the lock of a process that was killed. Raises SystemExit in place of
        waiting where `wait` is False.
        """
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        busy = f"another process is training this very run and holds {self.folder.with_suffix('.lock')}"
        try:
            with held(
                self.folder, waiting, partial(waiting, f"{busy}; waiting for it to end") if wait else None
            ) as waited:
                yield waited
        except Held:
            raise SystemExit(f"{busy}; start this one again when that has ended") from None

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

    def outlook(self) -> str:
        """What the next run of this configuration does, after "the same command"."""
        if self.file.exists():
            return "continues from the last checkpoint"
        return (
            "takes the finished run" if (folder_of(self.hash, self.folder.parent) / RECORD).exists() else "begins anew"
        )


def unusable(state: dict[str, Any], training: Training) -> str | None:
    """Why a fresh training cannot continue from this state; None where it does: it has then taken it up."""
    fresh = training.state_dict()
    if state.keys() != fresh.keys():
        return f"it holds {', '.join(state)}"
    try:
        progress = Progress(**state["progress"])
        if not 1 <= progress.epoch <= training.options.epochs or len(progress.curves) != progress.epoch:
            return f"it is of epoch {progress.epoch}, with {len(progress.curves)} rows of curves"
        networks = {"network": state["network"], "best": progress.best}
        for name, found in networks.items():
            if reason := unsound(found, training.network.state_dict()):
                return f"{name}: {reason}"
        shapes = [parameter.shape for parameter in training.network.parameters()]
        moments = [(place, value) for place, each in state["optimiser"]["state"].items() for value in each.values()]
        if any(value.ndim and value.shape != shapes[place] for place, value in moments):
            return "the optimiser's moments are of another shape than the weights"
        numbers = [*(value for _, value in moments), *state.get("average", {}).values()]
        if not all(torch.isfinite(value).all() for value in numbers):
            return "the optimiser, or the average, holds what is no number"
        training.load_state_dict(state)
    except Exception as error:  # what the parts of a state make of another's
        return (str(error).splitlines() or [type(error).__name__])[0]
    return None


def snapshot(state: dict[str, Any]) -> dict[str, Any]:
    """A copy of `Training.state_dict()` in main memory, which the training that goes on does not change."""
    parts = {name: _copied(part) for name, part in state.items() if name != "progress"}
    progress = state["progress"]  # whose best weights are replaced, and never written to
    return parts | {"progress": progress | {"curves": list(progress["curves"])}}


def _copied(part: Any) -> Any:
    if isinstance(part, torch.Tensor):
        return part.detach().to("cpu", copy=True)
    if isinstance(part, dict):
        return {name: _copied(value) for name, value in part.items()}
    return list(part) if isinstance(part, list) else part  # rows, which nobody changes


def save_atomically(path: Path, state: dict[str, Any]) -> None:
    """`torch.save` into `path`, whole or not at all. Raises OSError where it cannot be written."""
    content = io.BytesIO()  # given the file itself, torch.save makes a RuntimeError of its own of a full disk
    torch.save(state, content)
    write_bytes(path, content.getbuffer())
