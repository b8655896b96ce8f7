"""Two processes train what one does; and both see the same world."""

import importlib.util
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from ruamel.yaml import YAML

from stages import train
from stages.crops.store import open_crops
from stages.params import read
from stages.running.checkpoints import Checkpoints
from stages.training import network
from stages.training.batches import Batches
from stages.training.device import choose
from stages.training.loop import Diverged, Training
from stages.training.normalisation import synchronise_batch_norm
from stages.training.processes import Processes, join, launch, leave
from tests.stages.training.small import SmallResidual

ROOT = Path(__file__).parents[3]


def training(crops_folder, scratch, processes, variant="dynamic", **train):
    params = read(ROOT / "params.yaml")
    train = {"epochs": 6, "batch_size": 16, "precision": "float32", "learning_rate": 1e-3} | train
    train["augment"] = params.train.augment.model_copy(update={"flip": False})
    sections = {name: getattr(params, name).model_copy(update={"sites": "all"}) for name in ("dynamic", "dropout")}
    params = params.model_copy(update={"train": params.train.model_copy(update=train), **sections})
    crops, device = open_crops(crops_folder), choose("cpu", "float32")
    network.build = lambda name, classes, stem: SmallResidual(classes)
    built, _ = network.prepare(variant, 0, params, 3, device, processes)
    splits = (Batches(crops[name], crops.summary, device.device) for name in ("train", "val"))
    return Training(
        built,
        *splits,
        params,
        0,
        device,
        crops.summary["classes"],
        Checkpoints({}, scratch),
        processes,
        lambda line: None,
    )


@pytest.fixture(autouse=True)
def whole_network(monkeypatch):
    monkeypatch.setattr(network, "build", network.build)  # put back what `training` replaces in this process


def as_rank(rank, port, results, work, arguments):
    """One of two processes, as torchrun starts them; puts what `work` returns into `results`."""
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    torch.set_num_threads(1)
    processes = join("cpu")
    results.put((rank, work(processes, *arguments)))
    leave(processes)


def on_two(work, *arguments):
    """What `work(processes, *arguments)` returns on each of two processes."""
    fresh = multiprocessing.get_context("forkserver")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    results = fresh.Queue()
    children = [fresh.Process(target=as_rank, args=(rank, port, results, work, arguments)) for rank in range(2)]
    for child in children:
        child.start()
    ended = dict(results.get(timeout=120) for _ in children)
    for child in children:
        child.join()
    return ended[0], ended[1]


def whole_run(processes, crops_folder, scratch):
    run = training(crops_folder, scratch, processes)
    seen = []
    run.network.register_forward_pre_hook(
        lambda module, inputs: seen.append(inputs[0].flatten(1).sum(1)) if module.training else None
    )
    rows = list(run.epochs())
    return (
        rows,
        run.signs.rows,
        {name: tensor.numpy() for name, tensor in run.network.state_dict().items()},
        torch.cat(seen).numpy(),
    )


def test_all_ranks_end_with_the_same_network_signs_and_metrics(crops_folder, tmp_path):
    (rows, signs, state, seen), (other_rows, other_signs, other_state, other_seen) = on_two(
        whole_run, crops_folder, tmp_path
    )
    assert rows == other_rows
    alone, _, _, _ = whole_run(Processes(), crops_folder, tmp_path / "alone")
    for row, other in zip(rows, alone, strict=True):
        assert row["train_loss"] == pytest.approx(other["train_loss"], rel=0.02)
        assert row["flipped"] == other["flipped"]
    assert signs == other_signs and any(sign < 0 for *_, sign in signs), "AutoReLU turned, everywhere at once"
    assert state.keys() == other_state.keys()
    for name in state:  # BatchNorm's statistics and AutoReLU's means among them
        assert (state[name] == other_state[name]).all(), name
    # Four batches of 16 of the 70 images in each of 6 epochs, half of each batch to each rank, and no image to both.
    assert len(seen) == len(other_seen) == 6 * 4 * 8
    for epoch in range(6):
        part = slice(epoch * 32, epoch * 32 + 32)
        assert len({*seen[part].tolist(), *other_seen[part].tolist()}) == 64


def first_gradients(processes, crops_folder, scratch, train):
    """The gradients of the first step, the loss of its epoch, and the first mask of dropout."""
    run = training(crops_folder, scratch, processes, epochs=1, **train)
    gradients, masks = [], []
    step = run.optimiser.step

    def note():
        gradients.append([parameter.grad.clone().numpy() for parameter in run.network.parameters()])
        step()

    run.optimiser.step = note
    for module in run.network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.register_forward_hook(lambda module, inputs, output: masks.append((output == 0).numpy()))
    (row,) = run.epochs()
    return gradients[0], row["train_loss"], masks[:1]


@pytest.mark.parametrize("balance", ["none", "weights"])
def test_two_processes_have_the_gradient_of_one(crops_folder, tmp_path, balance):
    images = crops_folder / "train" / "labels.npy"
    labels = np.load(images)
    np.save(images, np.where(np.arange(len(labels)) % 5, 0, labels))  # mostly one class: the weights matter
    train = {"variant": "baseline", "class_balance": balance}
    alone, loss, _ = first_gradients(Processes(), crops_folder, tmp_path / "one", train)
    for gradients, shared_loss, _ in on_two(first_gradients, crops_folder, tmp_path / "two", train):
        # BatchNorm over 16 values makes much of rounding; a loss that is weighted wrongly is off by a sixth, in the last layer as in all.
        for part, tolerance in ((slice(-2, None), 0.01), (slice(None), 0.05)):
            ours, expected = (np.concatenate([tensor.ravel() for tensor in each[part]]) for each in (gradients, alone))
            assert np.linalg.norm(ours - expected) < tolerance * np.linalg.norm(expected)
        assert shared_loss == pytest.approx(loss, rel=0.02)


def test_each_process_drops_out_for_itself(crops_folder, tmp_path):
    (_, _, (mask,)), (_, _, (other,)) = on_two(first_gradients, crops_folder, tmp_path, {"variant": "dropout"})
    assert mask.shape == other.shape and 0.3 < (mask != other).mean()


def interrupted_run(processes, crops_folder, scratch):
    """Stopped after the second epoch and begun again, by processes with a disk each."""
    own = scratch / str(processes.rank)
    rows = training(crops_folder, own, processes, checkpoint_seconds=0.0).epochs()
    next(rows), next(rows)
    rows.close()
    run = training(crops_folder, own, processes, checkpoint_seconds=0.0)
    return list(run.epochs()), {name: tensor.numpy() for name, tensor in run.network.state_dict().items()}


def test_a_run_on_machines_with_a_disk_each_continues_as_one(crops_folder, tmp_path):
    (rows, state), (other_rows, other_state) = on_two(interrupted_run, crops_folder, tmp_path / "stopped")
    (straight, _, expected, _), _ = on_two(whole_run, crops_folder, tmp_path / "straight")
    assert rows == other_rows == straight
    for name in state:
        assert (state[name] == expected[name]).all() and (other_state[name] == expected[name]).all()


@pytest.fixture
def workspace(tmp_path, crops_folder):
    def write(**train):
        yaml = YAML()
        params = yaml.load(ROOT / "params.yaml")
        params["train"] |= {
            "network": "shufflenet_v2_x0_5",
            "batch_size": 16,
            "device": "cpu",
            "processes": 2,
            "precision": "float32",
        } | train
        yaml.dump(params, tmp_path / "params.yaml")
        environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        environment.pop("DVC_ROOT", None)
        command = [sys.executable, "-m", "stages.train", "--variant", "baseline", "--seed", "0"]
        return subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    return write


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "kill -9"])
def test_being_stopped_stops_all_processes(workspace, ending):
    process = workspace(epochs=500)
    while "epoch 1/" not in process.stderr.readline():
        pass
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 2
    process.send_signal(ending)
    _, errors = process.communicate(timeout=60)
    _, left = psutil.wait_procs(children, timeout=30)
    assert not left
    assert process.returncode == (1 if ending == signal.SIGTERM else -signal.SIGKILL)
    assert "Traceback" not in errors
    assert (
        errors.splitlines()[-1] == "baseline seed 0: interrupted; the same command continues from the last checkpoint"
    )


@pytest.mark.parametrize(
    ("error", "first", "second"),
    [
        (Diverged("the loss is nan"), "baseline seed 0: the loss is nan", 1),
        (SystemExit("params.yaml: wrong"), "params.yaml: wrong", 1),
        (KeyboardInterrupt(), "baseline seed 0: interrupted; the same command continues from the last checkpoint", 1),
        (
            OSError(28, "No space left on device", "file"),
            "baseline seed 0: file: No space left on device; the same command continues from the last checkpoint",
            "baseline seed 0, process 1: file: No space left on device; the same command continues from the last checkpoint",
        ),
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried ..."),
            "baseline seed 0: CUDA out of memory: lower train.batch_size or data.size",
            "baseline seed 0, process 1: CUDA out of memory: lower train.batch_size or data.size",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_what_befalls_all_processes_is_said_once_and_what_befalls_one_by_it(monkeypatch, error, first, second):
    def main(*arguments):
        raise error

    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(train, "launch", lambda *arguments: False)
    monkeypatch.setattr(train, "join", lambda device: Processes())
    monkeypatch.setattr(train, "main", main)
    for rank, code in (("0", first), ("1", second)):
        monkeypatch.setenv("RANK", rank)
        with pytest.raises(SystemExit) as end:
            train.run("baseline", 0)
        assert end.value.code == code


def test_a_run_on_two_processes_by_the_stages_own_command(workspace, tmp_path):
    process = workspace(epochs=2)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    record = json.loads((tmp_path / "runs/baseline-0/record.json").read_text())
    assert (record["processes"], record["epochs"], record["steps"]) == (2, 2, 8)
    assert not list((tmp_path / ".scratch").glob("*/")), "a finished run leaves no checkpoint"


def launch_compiling(file):
    """The launcher, in a process of its own, for a program that is quicker to start than a training."""
    sys.modules["__main__"].__spec__ = importlib.util.find_spec("py_compile")
    sys.argv[1:] = [str(file)]
    raise SystemExit(0 if launch(2, "cpu") else 3)


@pytest.mark.parametrize(("source", "status"), [("x = 1", 0), ("x =", 1)], ids=["ends well", "fails"])
def test_the_launcher_ends_as_its_processes_do_and_adds_no_word(tmp_path, capfd, source, status):
    (tmp_path / "program.py").write_text(source)
    child = multiprocessing.get_context("forkserver").Process(target=launch_compiling, args=(tmp_path / "program.py",))
    child.start()
    child.join(60)
    assert child.exitcode == status
    errors = capfd.readouterr().err
    assert "ChildFailedError" not in errors and "Traceback" not in errors


def test_what_cannot_be_launched_is_one_line(monkeypatch):
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    with pytest.raises(
        SystemExit,
        match="^params.yaml: train.device: 'cuda:1' is one device, for 2 processes; choose auto, cuda or cpu$",
    ):
        launch(2, "cuda:1")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(SystemExit, match="^params.yaml: train.processes: 2 are more than the 1 GPUs of this machine$"):
        launch(2, "auto")
    assert not launch(1, "auto")


def test_a_batch_normalisation_with_an_activation_of_its_own_is_refused():
    class BatchNormAct2d(torch.nn.BatchNorm2d):
        """timm's, in short: nn.SyncBatchNorm's conversion would drop what it does beside."""

    network = torch.nn.Sequential(torch.nn.BatchNorm2d(3), BatchNormAct2d(3))
    with pytest.raises(
        SystemExit, match="^params.yaml: train.processes: BatchNormAct2d cannot be shared by processes; choose 1, or"
    ):
        synchronise_batch_norm(network, torch.device("cpu"))
