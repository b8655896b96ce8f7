"""What decides a run's result: a checkpoint, or a finished run, of any other configuration is none of this one's."""

import hashlib
import json
from typing import Any

import torch
import torchvision

from stages.running.closure import digest
from stages.running.job import Job
from stages.training.loop import Run
from stages.variants import load, names


def code_of(variant: str) -> str:
    """A hash of the files that decide what a variant trains."""
    return digest(["stages/training", f"stages/variants/{load(variant).name.replace('-', '_')}.py"])


# Of the code that this process has imported, which is not what the files hold when somebody edits them as it works.
CODE = {name: code_of(name) for name in names()}


def configuration(job: Job, run: Run) -> dict[str, Any]:
    """The configuration of a run."""
    device = run.device
    return {
        "variant": job.variant,
        "seed": job.seed,
        "params": job.read(),
        "crops": run.crops.summary["digest"],
        "flip": run.crops.summary["flip"],
        "classes": run.classes,
        "code": CODE[job.variant],
        "torch": str(torch.__version__),
        "torchvision": str(torchvision.__version__),
        "device": device.device.type,
        "hardware": device.hardware,
        "threads": device.threads,
        "precision": str(device.precision).removeprefix("torch."),
        "compiled": run.compile,
        "processes": run.processes.world,
    }


def fingerprint(configuration: dict[str, Any]) -> str:
    """A hash of the configuration, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(configuration, sort_keys=True).encode()).hexdigest()[:32]
