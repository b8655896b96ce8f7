"""What a finished run leaves behind, described in `stages.train`: weights, curves, what was in force, the record."""

import csv
import hashlib
import io
import json
import platform
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
import torchvision

from stages.evaluation.weights import unsound
from stages.files import write_bytes, write_text
from stages.results.record import RECORD, is_whole, sealed
from stages.running.checkpoints import save_atomically
from stages.running.closure import ROOT
from stages.running.job import Job
from stages.training.loop import Training, weights

FILES = ("best.pt", "last.pt", "curves.csv", "in_force.csv")


def names(job: Job) -> dict[str, Any]:
    """What a run is called, which decides none of its bits."""
    return {"run": job.name, "varied": job.varied}


def named(summary: dict[str, Any]) -> dict[str, Any]:
    """What the data set of a run is called and looks like, of the summary of the crops."""
    return {name: summary[name] for name in ("dataset", "title", "size", "channels", "flip", "classes")}


def _images(training: Training) -> dict[str, dict[str, int]]:
    """How many images of each class there are in a split: of train those that the run's seed drew."""
    classes = training.run.classes
    train = torch.bincount(training.train.labels[training.train.chosen], minlength=len(classes)).tolist()
    return training.run.crops.summary["counts"] | {"train": dict(zip(classes, train))}


def record(job: Job, training: Training, configuration: dict[str, Any], warnings: list[str]) -> dict[str, Any]:
    """What was run, by what, on what, and what came of it."""
    progress, in_force = training.progress, training.in_force
    machine = ("hardware", "threads", "precision", "compiled", "processes")
    decided = {name: configuration[name] for name in ("params", "crops", *machine)}
    return {
        **names(job),
        "variant": job.variant,
        "seed": job.seed,
        **decided,
        **named(training.run.crops.summary),
        "images": _images(training),
        "epochs": progress.epoch,
        "steps": progress.epoch * training.steps_per_epoch,
        "steps_per_epoch": training.steps_per_epoch,
        "sites": training.sites,
        "signed": len(in_force.signed),
        "first_turn": in_force.first_turn,
        "turns": in_force.turns,
        "best_epoch": progress.best_epoch,
        "warnings": warnings,
        "torch": str(torch.__version__),
        "torchvision": str(torchvision.__version__),
        "python": platform.python_version(),
        "commit": _commit(),
        "seconds": round(progress.seconds, 1),
    }


def write(folder: Path, training: Training, record: dict[str, Any], configuration: str) -> None:
    """Write a run's files, each whole or not at all, record.json last: where it stands, the run is whole."""
    progress = training.progress
    save_atomically(folder / "best.pt", progress.best or {})
    save_atomically(folder / "last.pt", weights(training.evaluated))
    write_bytes(folder / "curves.csv", _table(list(progress.curves[0]), (row.values() for row in progress.curves)))
    columns = ("site", "quantity", "step", "epoch", "value")
    write_bytes(folder / "in_force.csv", _table(columns, training.in_force.rows))
    checksums = {name: _checksum(folder / name) for name in sorted(FILES)}
    whole = record | {"configuration": configuration, "files": checksums}
    write_text(folder / RECORD, json.dumps(sealed(whole), indent=1) + "\n")


def is_of(folder: Path, configuration: str) -> bool:
    """Whether the folder holds the whole result of the configuration with this hash, no byte of it has changed, and its
    weights are some."""
    try:
        found = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        if found["configuration"] != configuration or not is_whole(found):
            return False
        return (
            set(found["files"]) == set(FILES)
            and all(_checksum(folder / name) == checksum for name, checksum in found["files"].items())
            and all(_is_sound(folder / name) for name in FILES if name.endswith(".pt"))
        )
    except Exception:  # what is damaged raises what its bytes happen to look like
        return False


def _is_sound(file: Path) -> bool:
    state = torch.load(file, map_location="cpu", weights_only=True)
    return unsound(state, state) is None


def _checksum(file: Path) -> str:
    with open(file, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _commit() -> str | None:
    """The commit of this code, None outside of a repository."""
    try:
        said = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return said.stdout.strip() or None


def _table(header: Sequence[str], rows: Iterable[Iterable[Any]]) -> bytes:
    """Rows as CSV, floats with the nine digits that give a float32 back. (pandas would cost 0.4 s, in every run.)"""
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(header)
    table.writerows([f"{value:.9g}" if isinstance(value, float) else value for value in row] for row in rows)
    return text.getvalue().encode()
