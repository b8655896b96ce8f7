"""Two processes train what one does; and both see the same world."""

import json
import multiprocessing
import os
import socket
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
from ruamel.yaml import YAML

from stages.crops.store import open_crops
from stages.params import read
from stages.training.batches import Batches
from stages.training.checkpoint import Checkpoints
from stages.training.device import choose
from stages.training.loop import Training
from stages.training.network import prepare
from stages.training.processes import join, leave

ROOT = Path(__file__).parents[3]


@pytest.fixture
def trained(tmp_path, make_crops):
    def run(processes):
        folder = tmp_path / str(processes)
        make_crops(folder / "data/crops", {"train": 70, "val": 30, "test": 30})
        yaml = YAML()
        params = yaml.load(ROOT / "params.yaml")
        params["interval"] = 2
        params["train"] |= {"network": "resnet18", "epochs": 3, "batch_size": 16, "device": "cpu", "precision": "float32"}
        params["train"] |= {"processes": processes, "learning_rate": 1e-4}
        yaml.dump(params, folder / "params.yaml")
        environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        environment.pop("DVC_ROOT", None)
        command = [sys.executable, "-m", "stages.train", "--variant", "periodic", "--seed", "0"]
        subprocess.run(command, cwd=folder, env=environment, check=True, timeout=200, capture_output=True)
        out = folder / "runs/periodic-0"
        return pd.read_csv(out / "curves.csv"), torch.load(out / "best.pt", weights_only=True), json.loads((out / "record.json").read_text())

    return run


def test_two_processes_train_what_one_does(trained):
    curves, weights, record = trained(1)
    curves2, weights2, record2 = trained(2)
    assert (record["processes"], record2["processes"]) == (1, 2)
    assert record2["steps"] == record["steps"]
    assert record2["turns"] == record["turns"] > 0
    # The sums run in another order, and Adam divides small gradients by their own size: equal to about 1 % of the loss.
    pd.testing.assert_series_equal(curves.train_loss, curves2.train_loss, rtol=0.02)
    assert weights.keys() == weights2.keys()
    for name in weights:
        if "flag" in name or "num_batches" in name:
            assert torch.equal(weights[name], weights2[name])
        elif "running_mean" in name and "layer1" in name:
            torch.testing.assert_close(weights[name], weights2[name], rtol=0.05, atol=0.01)


def as_rank(rank, port, crops_folder, scratch, results):
    """One of two processes, as torchrun starts them; puts what it ended with into `results`."""
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    processes = join()
    params = read(ROOT / "params.yaml")
    options = {"network": "shufflenet_v2_x0_5", "epochs": 6, "batch_size": 16, "precision": "float32", "learning_rate": 1e-3}
    options["augment"] = params.train.augment.model_copy(update={"flip": False})
    params = params.model_copy(update={"train": params.train.model_copy(update=options)})
    crops, device = open_crops(crops_folder), choose("cpu", "float32")
    network, _ = prepare("dynamic", 0, params, 3, device, processes)
    train, val = (Batches(crops[name], crops.summary, device.device) for name in ("train", "val"))
    seen = []
    network.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].flatten(1).sum(1)) if module.training else None)
    training = Training(network, train, val, params, 0, device, crops.summary["classes"], Checkpoints({}, scratch), processes)
    rows = list(training.epochs())
    state = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    results.put((rank, rows, training.signs.rows, state, torch.cat(seen).numpy()))
    leave(processes)


def test_all_ranks_end_with_the_same_network_signs_and_metrics(crops_folder, tmp_path):
    fresh = multiprocessing.get_context("forkserver")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    results = fresh.Queue()
    children = [fresh.Process(target=as_rank, args=(rank, port, crops_folder, tmp_path / "scratch", results)) for rank in range(2)]
    for child in children:
        child.start()
    ended = sorted((results.get(timeout=120) for _ in children), key=lambda result: result[0])
    for child in children:
        child.join()
    (_, rows, signs, state, seen), (_, other_rows, other_signs, other_state, other_seen) = ended
    assert rows == other_rows
    assert signs == other_signs and any(sign < 0 for *_, sign in signs), "AutoReLU turned, everywhere at once"
    assert state.keys() == other_state.keys()
    for name in state:  # BatchNorm's statistics and AutoReLU's means among them
        assert (state[name] == other_state[name]).all(), name
    # Four batches of 16 of the 70 images in each of 6 epochs, half of each batch to each rank, and no image to both.
    assert len(seen) == len(other_seen) == 6 * 4 * 8
    for epoch in range(6):
        part = slice(epoch * 32, epoch * 32 + 32)
        assert len({*seen[part].tolist(), *other_seen[part].tolist()}) == 64
