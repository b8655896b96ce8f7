"""The one warning at the first optimiser step: the hook that looks is there until then, and disturbs nothing else."""

import copy
import gc
import warnings
import weakref

import pytest
import torch
from torch.optim.optimizer import _global_optimizer_post_hooks, register_optimizer_step_post_hook

import noise
from noise.attaching.first_step import NoiseWarning, unwatch
from tests.noise.stepping import adam, dynamic, network, step

pytestmark = pytest.mark.usefixtures("no_hook_stays")


def test_ordinary_script_is_silent_and_the_hook_goes():
    model = dynamic()
    assert len(_global_optimizer_post_hooks) == 1
    assert step(model, adam(model.parameters())) == []
    assert len(_global_optimizer_post_hooks) == 0


def test_two_networks_each_at_its_own_first_step():
    good, bad = dynamic(), dynamic()
    optimizers = adam(good.parameters()), torch.optim.SGD(bad.parameters(), 0.1, weight_decay=1e-4)
    assert step(good, optimizers[0]) == []
    assert len(_global_optimizer_post_hooks) == 1
    (said,) = step(bad, optimizers[1])
    assert "SGD" in said


def test_nothing_is_kept_alive_and_copies_are_not_watched():
    model = dynamic()
    copied = copy.deepcopy(model)
    assert step(copied, torch.optim.SGD(copied.parameters(), 0.1, weight_decay=1e-4)) == []
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None
    assert step(copied, adam(copied.parameters())) == []  # and the hook goes with the next step


def test_unwatched():
    model = dynamic()
    unwatch(model)
    assert len(_global_optimizer_post_hooks) == 0
    assert step(model, torch.optim.SGD(model.parameters(), 0.1)) == []


def test_other_hooks_run_on():
    calls = []
    before = register_optimizer_step_post_hook(lambda *_: calls.append("before"))
    model = dynamic()
    after = register_optimizer_step_post_hook(lambda *_: calls.append("after"))
    optimizer = adam(model.parameters())
    assert step(model, optimizer) == []
    assert calls == ["before", "after"] * 2
    after.remove()
    assert step(model, optimizer) == []
    assert len(_global_optimizer_post_hooks) == 1
    before.remove()


def test_warning_as_an_error_leaves_no_hook():
    model = dynamic()
    with warnings.catch_warnings(), pytest.raises(NoiseWarning):
        warnings.simplefilter("error")
        model(torch.randn(4, 3, 8, 8)).sum().backward()
        torch.optim.SGD(model.parameters(), 0.1, weight_decay=1e-4).step()


def test_compiled_optimiser():
    torch._dynamo.reset()
    model = dynamic()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    compiled = torch.compile(lambda: optimizer.step(), backend="eager")
    with pytest.warns(NoiseWarning, match="decoupled weight decay"):
        model(torch.randn(4, 3, 8, 8)).sum().backward()
        compiled()
    compiled()


def test_the_warning_names_the_script_under_a_scheduler_too():
    model = network()
    noise.attach_periodic(model, 5, "all")
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    torch.optim.lr_scheduler.StepLR(optimizer, 1)
    with pytest.warns(noise.NoiseWarning) as caught:
        optimizer.step()
    assert [warning.filename for warning in caught] == [__file__]
