"""What a finished run leaves behind in runs/<variant>-<seed>/; the files are described in `stages.train`."""

import csv
import io
import json
from functools import partial
from pathlib import Path

import torch

from stages.files import write_atomically
from stages.running.checkpoints import save_atomically


def record(variant: str, seed: int, data: dict, sites: list[str], training, warnings: list[str]) -> dict:
    """What was run, on what, how fast, and what came of it; `data` is the summary of the crops."""
    progress, signs, device = training.progress, training.signs, training.device
    return {
        "variant": variant,
        "seed": seed,
        "dataset": data["dataset"],
        "title": data["title"],
        "epochs": progress.epoch,
        "steps": progress.epoch * training.steps_per_epoch,
        "steps_per_epoch": training.steps_per_epoch,
        "sites": sites,
        "injected": signs.first_turn is not None,
        "first_turn": signs.first_turn,
        "turns": signs.turns,
        "best_epoch": progress.best_epoch,
        "warnings": warnings,
        "device": device.name,
        "precision": str(device.precision).removeprefix("torch."),
        "processes": training.processes.world,
        "torch": torch.__version__,
        "seconds": round(progress.seconds, 1),
        "configuration": training.checkpoints.hash,
    }


def write(out: Path, training, record: dict):
    """Write a run's files, each whole or not at all, record.json last: where it stands, the run is whole."""
    out.mkdir(parents=True, exist_ok=True)
    progress = training.progress
    save_atomically(out / "best.pt", progress.best)
    write_atomically(out / "curves.csv", partial(_table, progress.curves[0], (row.values() for row in progress.curves)))
    write_atomically(out / "signs.csv", partial(_table, ("site", "step", "epoch", "sign"), training.signs.rows))
    write_atomically(out / "record.json", lambda file: file.write(json.dumps(record, indent=1).encode() + b"\n"))


def is_of(out: Path, configuration: str) -> bool:
    """Whether the folder holds the whole result of the configuration with this hash."""
    record = out / "record.json"
    return record.exists() and json.loads(record.read_text())["configuration"] == configuration


def _table(header, rows, file):
    """Rows as CSV, floats with the nine digits that give a float32 back. (pandas would take 0.4 s to import, in every run.)"""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    table = csv.writer(text, lineterminator="\n")
    table.writerow(header)
    table.writerows([f"{value:.9g}" if isinstance(value, float) else value for value in row] for row in rows)
    text.detach()
