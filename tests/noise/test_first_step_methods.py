"""The warning at the first optimiser step, over a method that is told no step, never called, or asleep."""

import gc

import pytest
import torch
from torch import nn

import noise
from noise.attaching.first_step import unwatch, watch
from tests.noise.stepping import adam, dynamic, network, step, watched

pytestmark = pytest.mark.usefixtures("no_hook_stays")


def test_periodic_that_is_told_no_step():
    for told in (False, True):
        model = network()
        noise.attach_periodic(model, 3, "all")
        watched(model)
        if told:
            noise.set_step(model, 1)
        said = step(model, adam(model.parameters()))
        assert len(said) == (not told)
        assert told or "call noise.set_step(model, step)" in said[0]


class Told(nn.Module):
    told = False

    def set_step(self, step):
        self.told = True

    def forward(self, x):
        return x


class Holder(nn.BatchNorm2d):
    """A BatchNorm that calls its children."""

    def forward(self, x):
        x = super().forward(x)
        for child in self.children():
            x = child(x)
        return x


def held(*methods):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), Holder(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    for index, method in enumerate(methods):
        model[1].add_module(str(index), method)
    watch(model, [("1", method) for method in methods], lambda parent: isinstance(parent, Holder))
    return model


def test_a_users_own_method_is_judged_by_what_it_offers():
    silent = nn.Identity()
    (said,) = step(held(Told(), silent), adam([nn.Parameter(torch.ones(1))])) or ["nothing"]
    assert said == "nothing"  # another network's optimiser
    unwatch_all()
    model = held(Told(), silent)
    (said,) = step(model, adam(model.parameters()))
    assert said == "1: Told was told no step and never changes: call noise.set_step(model, step) before each step"
    model = held(Told(), silent)
    noise.set_step(model, 1)
    assert step(model, adam(model.parameters())) == []


def unwatch_all():
    gc.collect()
    unwatch(nn.Identity())


@pytest.mark.parametrize("exchange", [nn.SyncBatchNorm.convert_sync_batchnorm, "plain"])
def test_exchanged_batchnorm(exchange):
    model = held(noise.AutoReLU(4, 0.003))
    if exchange == "plain":
        model[1] = nn.BatchNorm2d(4)
        gc.collect()
    else:
        model = exchange(model)
        model[1].eval()  # SyncBatchNorm trains on a GPU alone
    (said,) = step(model, adam(model.parameters()))
    assert said.startswith("1: the method is never called, since the module that called it was exchanged")


def test_data_parallel_made_before_attaching(tmp_path):
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        for late in (True, False):
            model = network() if late else dynamic()
            wrapped = nn.parallel.DistributedDataParallel(model)
            if late:
                noise.attach_dynamic(model, 0.003, "all")
                watched(model)
            said = step(wrapped, adam(wrapped.parameters()))
            assert len(said) == late
            assert not late or "unknown to DistributedDataParallel" in said[0]
            del wrapped
    finally:
        torch.distributed.destroy_process_group()


ASLEEP = {
    "frozen BatchNorms": (lambda model: [m.eval() for m in model.modules() if isinstance(m, nn.BatchNorm2d)], True),
    "a network in evaluation": (lambda model: model.eval(), True),
    "frozen BatchNorms, methods training": (
        lambda model: [m.train(not isinstance(m, nn.BatchNorm2d)) for m in model.modules()],
        False,
    ),
    "a backbone in evaluation": (lambda model: model[0].eval(), False),
    "training": (lambda model: model.train(), False),
}


@pytest.mark.parametrize("attach", [noise.attach_gaussian, noise.attach_dropout])
def test_what_acts_in_training_alone_is_in_training(attach):
    for case, (arrange, warned) in ASLEEP.items():
        model = nn.Sequential(network()[:7], *network()[7:])
        attach(model, 0.1, "all")
        arrange(model)
        said = step(model, torch.optim.SGD(model.parameters(), 0.1))
        assert ["is in evaluation mode" in line for line in said] == [True] * warned, case


def test_signs_turn_behind_frozen_batchnorms():
    model = network()
    noise.attach_periodic(model, 1, "all")
    noise.set_step(model, 2)
    assert step(model.eval(), torch.optim.SGD(model.parameters(), 0.1)) == []
