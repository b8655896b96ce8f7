"""Two processes train what one does; and both see the same world."""

import io
import multiprocessing
import os
import socket

import numpy as np
import pytest
import torch

from stages.running.launch import join, leave
from stages.training import network
from stages.training.loop import Training
from stages.training.normalisation import synchronise_batch_norm
from stages.training.processes import Processes
from tests.stages.conftest import relabel
from tests.stages.training import small
from tests.stages.training.small import PARAMS, make_run, params

BALANCES = ("none", "weights")
# Every process is forked from one that has imported torch, once for all.
fresh = multiprocessing.get_context("forkserver")


def training(crops_folder, processes, variant="dynamic", **train):
    still = PARAMS.train.augment.model_copy(update={"flip": False})
    network.build = small.build
    options = params(start=0.002, **{"epochs": 6, "augment": still} | train)
    return Training(make_run(crops_folder, variant, options=options, processes=processes))


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


@pytest.fixture(scope="module")
def folders(tmp_path_factory, make_crops):
    """The crops, and the same with other labels: mostly one class, so that weights matter."""
    root = tmp_path_factory.mktemp("crops")
    for name in ("even", "uneven"):
        make_crops(root / name, {"train": 70, "val": 30, "test": 30})
    labels = np.load(root / "uneven/train/labels.npy")
    relabel(root / "uneven", np.where(np.arange(len(labels)) % 5, 0, labels))
    return root


def everything(processes, folders):
    """All that the tests ask of two processes, which take seconds to start."""
    return {
        "whole": whole_run(processes, folders / "even"),
        "dropout": first_gradients(processes, folders / "even", {"variant": "dropout"}),
        "interrupted": interrupted_run(processes, folders / "even"),
    } | {balance: first_gradients(processes, folders / "uneven", weighted(balance)) for balance in BALANCES}


@pytest.fixture(scope="module")
def asked(folders):
    """What `everything` gives on each of two processes."""
    return on_two(everything, folders)


def whole_run(processes, crops_folder):
    run = training(crops_folder, processes)
    seen = []
    run.network.register_forward_pre_hook(
        lambda module, inputs: seen.append(inputs[0].flatten(1).sum(1)) if module.training else None
    )
    rows = list(run.epochs())
    return (
        rows,
        run.in_force.rows,
        {name: tensor.numpy() for name, tensor in run.network.state_dict().items()},
        torch.cat(seen).numpy(),
    )


def test_all_ranks_end_with_the_same_network_signs_and_metrics(asked, folders):
    (rows, signs, state, seen), (other_rows, other_signs, other_state, other_seen) = (each["whole"] for each in asked)
    assert rows == other_rows
    alone, _, _, _ = whole_run(Processes(), folders / "even")
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


def first_gradients(processes, crops_folder, train):
    """The gradients of the first step, the loss of its epoch, and the first mask of dropout."""
    run = training(crops_folder, processes, epochs=1, **train)
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


def weighted(balance):
    return {"variant": "baseline", "class_balance": balance}


@pytest.mark.parametrize("balance", BALANCES)
def test_two_processes_have_the_gradient_of_one(asked, folders, balance):
    alone, loss, _ = first_gradients(Processes(), folders / "uneven", weighted(balance))
    for gradients, shared_loss, _ in (each[balance] for each in asked):
        # BatchNorm over 16 values makes much of rounding; a loss that is weighted wrongly is off by a sixth, in the
        # last layer as in all.
        for part, tolerance in ((slice(-2, None), 0.01), (slice(None), 0.05)):
            ours, expected = (np.concatenate([tensor.ravel() for tensor in each[part]]) for each in (gradients, alone))
            assert np.linalg.norm(ours - expected) < tolerance * np.linalg.norm(expected)
        assert shared_loss == pytest.approx(loss, rel=0.02)


def test_each_process_drops_out_for_itself(asked):
    (_, _, (mask,)), (_, _, (other,)) = (each["dropout"] for each in asked)
    assert mask.shape == other.shape and (mask != other).mean() > 0.05


def interrupted_run(processes, crops_folder):
    """Stopped after the second epoch and begun again, from the first process's checkpoint alone."""
    run = training(crops_folder, processes)
    rows = run.epochs()
    next(rows), next(rows)
    rows.close()
    file = io.BytesIO()
    torch.save(run.state_dict(), file)
    file.seek(0)
    state = torch.load(file, weights_only=True) if processes.first else None
    again = training(crops_folder, processes)
    again.load_state_dict(processes.agree(state))
    list(again.epochs())
    return again.progress.curves, {name: tensor.numpy() for name, tensor in again.network.state_dict().items()}


def test_a_run_continues_as_one_from_the_first_processs_checkpoint(asked):
    (rows, state), (other_rows, other_state) = (each["interrupted"] for each in asked)
    straight, _, expected, _ = asked[0]["whole"]
    assert rows == other_rows == straight
    for name in state:
        assert (state[name] == expected[name]).all() and (other_state[name] == expected[name]).all()


def test_a_batch_normalisation_with_an_activation_of_its_own_is_refused():
    class BatchNormAct2d(torch.nn.BatchNorm2d):
        """timm's, in short: nn.SyncBatchNorm's conversion would drop what it does beside."""

    network = torch.nn.Sequential(torch.nn.BatchNorm2d(3), BatchNormAct2d(3))
    with pytest.raises(
        SystemExit, match="^params.yaml: train.processes: BatchNormAct2d cannot be shared by processes; choose 1, or"
    ):
        synchronise_batch_norm(network, torch.device("cpu"))
