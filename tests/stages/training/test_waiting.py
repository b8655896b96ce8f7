"""An epoch asks the device for nothing before it is over, and turning a sign compiles nothing anew."""

from typing import ClassVar

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from stages.params import Augment
from stages.training import network
from stages.training.loop import Training
from stages.variants import names
from tests.stages.training.small import make_run, params, trained

VARIANTS = names()
pytestmark = pytest.mark.usefixtures("small_network")


class Waits(TorchDispatchMode):
    """Counts the operations that on a GPU wait for the device: those whose result Python, or a shape, depends on."""

    WAITING: ClassVar = {
        "_local_scalar_dense",
        "nonzero",
        "equal",
        "is_nonzero",
        "masked_select",
        "_unique2",
        "unique_dim",
        "unique_consecutive",
    }

    def __init__(self, *on_the_host):
        """What is computed from the tensors `on_the_host` is not counted: they are on the CPU, wherever the run is."""
        super().__init__()
        self.count, self.on_the_host = 0, list(on_the_host)

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        name = operation.overloadpacket.__name__
        result = operation(*args, **(kwargs or {}))
        if any(argument is tensor for argument in args for tensor in self.on_the_host):
            self.on_the_host += [result] if isinstance(result, torch.Tensor) else []
            return result
        by_mask = name in ("index", "index_put_") and any(
            index is not None and index.dtype == torch.bool for index in args[1]
        )
        self.count += name in self.WAITING or by_mask
        return result


def test_what_waits_is_counted():
    counter = torch.tensor(3)
    with Waits(counter) as waits:
        x = torch.arange(3.0)
        x.sum().item(), x[x > 1], bool(x[0] == 0)
        bool(counter == 0)
    assert waits.count == 3


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_epoch_waits_for_the_device_when_it_is_over(crops_folder, variant):
    everything = {
        "ema": None if variant == "negate" else 0.5,
        "label_smoothing": 0.1,
        "class_balance": "weights",
        "schedule": "cosine",
    }
    augmented = Augment(flip=True, shift=2, rotate=5.0, scale=0.1, erase=0.3)
    run = Training(make_run(crops_folder, variant, options=params(epochs=2, augment=augmented, **everything)))
    run.model = run.network
    run._train(1)  # at whose first step the methods are looked at, once
    # AveragedModel counts its updates in a tensor on the CPU, and asks it at each whether it is the first.
    with Waits(run.average and run.average.n_averaged) as waits:
        row = run._train(2)
    assert row["step"] == 8
    assert waits.count == 2, "the loss and the update, when the epoch is over"


@pytest.mark.parametrize("variant", ["periodic", "dynamic", "dropout-periodic"])
def test_turning_compiles_once(crops_folder, monkeypatch, variant):
    compilations = []

    def count(graph, inputs):
        compilations.append(graph)
        return graph

    real = torch.compile
    torch._dynamo.reset()
    monkeypatch.setattr(network.torch, "compile", lambda module, mode: real(module, backend=count))
    run, _ = trained(crops_folder, variant, options=params(epochs=12), compile=True)
    assert run.in_force.turns > 0
    assert len(compilations) == 1
