"""What a finished run says of every image of validation and test."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from noise.folding import fold
from stages.crops.store import Crops, open_crops
from stages.evaluation.weights import unsound
from stages.params import recorded
from stages.results.inputs import BadInput
from stages.results.predictions import SPLITS, WEIGHTS, identity
from stages.results.record import RECORD, anew, must_be_its_own, read_record
from stages.training.batches import Batches
from stages.training.device import Device, choose
from stages.training.evaluation import ALONE, Predictions, predict
from stages.training.loop import weights
from stages.training.network import prepare
from stages.variants import load


class Opened(NamedTuple):
    """A finished run, its crops, and its network, untrained, with the device that it is on."""

    record: dict[str, Any]
    crops: Crops
    network: nn.Module
    device: Device


def opened(run: Path, runs: Path, crops: Path, weights: Iterable[str], device: str) -> Opened:
    """A run below a folder, of which those weights (best, last) are wanted.

    Raises BadInput where it is damaged, or was trained on other crops than those in the folder.
    """
    record = read_record(run, runs)
    must_be_its_own(run, record, [f"{chosen}.pt" for chosen in weights])
    store = open_crops(crops)
    if record["crops"] != store.summary["digest"]:
        raise BadInput(f"{run}: trained on other crops than those in {crops}; `dvc repro` trains on these")
    return Opened(record, store, *network_of(run, record, len(store.summary["classes"]), device))


def network_of(run: Path, record: dict[str, Any], classes: int, device_name: str) -> tuple[nn.Module, Device]:
    """The network that a run's record describes, untrained, and the device that it is on, in the record's precision."""
    params, variant = recorded(record["params"], str(run / RECORD)), load(record["variant"])
    device = choose(device_name, record["precision"], params.train.deterministic)
    network, _ = prepare(
        lambda network: variant.attach(network, params), record["seed"], params.train, classes, device, ALONE
    )
    return network, device


def load_weights(network: nn.Module, file: Path, device: Device) -> None:
    """Give the network the weights of a file. Raises BadInput where they are not its own, or damaged."""
    try:
        state = torch.load(file, map_location=device.device, weights_only=True)
        reason = unsound(state, network.state_dict())
    except Exception as error:  # a damaged file raises what its bytes happen to look like
        reason = (str(error).splitlines() or [type(error).__name__])[0]
    if reason:
        raise BadInput(f"{file}: not the weights of this run ({reason}); {anew(file.parent)}")
    network.load_state_dict(state)


def evaluate(
    network: nn.Module, run: Path, record: dict[str, Any], crops: Crops, device: Device
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (name, array) of what the stage `evaluate` writes of a run, with the weights of its folder.

    Raises BadInput where the weights are not its own, or make of a picture what is no number.
    """
    yield "of", identity(record)
    label = np.min_scalar_type(len(crops.summary["classes"]) - 1)
    splits = {name: Batches(crops[name], crops.summary, device.device) for name in SPLITS}
    for chosen in WEIGHTS:
        load_weights(network, run / f"{chosen}.pt", device)
        for name, split in splits.items():
            said = predict(network, split, device)
            if not (np.isfinite(said.loss) and np.isfinite(said.probabilities).all()):
                raise BadInput(f"{run / chosen}.pt: the network says of {name} what is no number; {anew(run)}")
            yield f"{name}_actual", said.actual.astype(label)
            yield from _named(f"{name}_{chosen}", said, label)


def folded(network: nn.Module, run: Path, crops: Crops, device: Device) -> dict[str, torch.Tensor]:
    """The best weights of a run for the plain architecture, with the signs in force folded into BatchNorm.

    Afterwards `network` is the plain network. Raises ValueError where no plain network computes what it did on val.
    """
    load_weights(network, run / "best.pt", device)
    predict(network, Batches(crops["val"], crops.summary, device.device), device)  # in which AutoReLU counts its clips
    return weights(fold(network))


def _named(prefix: str, said: Predictions, label: np.dtype) -> Iterator[tuple[str, np.ndarray]]:
    yield f"{prefix}_predicted", said.predicted.astype(label)
    yield f"{prefix}_probability", said.probabilities.astype(np.float16)
    yield f"{prefix}_loss", np.array(said.loss)
