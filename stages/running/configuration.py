"""What decides a run's result: a checkpoint, or a finished run, of any other configuration is none of this one's."""

import hashlib
import json
from pathlib import Path

import torch

from stages.params import Params
from stages.training.device import Device
from stages.variants import VARIANTS

ROOT = Path(__file__).parents[2]
CODE = [ROOT / part for part in ("noise", "stages/training", "stages/train.py")]


def configuration(variant: str, seed: int, params: Params, crops: str, device: Device, processes: int) -> dict:
    """The configuration of a run on the crops with this digest."""
    return {
        "variant": variant,
        "seed": seed,
        "params": {part: params.model_dump()[part] for part in ("train", *VARIANTS[variant].reads)},
        "crops": crops,
        "code": of_sources(*CODE),
        "torch": torch.__version__,
        "device": [device.name, str(device.precision), processes],
    }


def fingerprint(configuration: dict) -> str:
    """A hash of the configuration, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(configuration, sort_keys=True).encode()).hexdigest()[:32]


def of_sources(*folders: str | Path) -> str:
    """A hash of the Python files in the folders (or of single files): another version of the code is another configuration."""
    digest = hashlib.sha256()
    for folder in map(Path, folders):
        for file in sorted(folder.rglob("*.py")) if folder.is_dir() else [folder]:
            digest.update(str(file.name).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
