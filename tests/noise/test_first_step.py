"""The one warning at the first optimiser step, over what keeps a method from acting, and what does not."""

import copy
import gc
import re
import warnings
import weakref

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.optimizer import _global_optimizer_post_hooks, register_optimizer_step_post_hook

import noise
from noise.attaching import first_step
from noise.attaching.first_step import NoiseWarning, unwatch, watch


def network():
    torch.manual_seed(0)
    stem = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()
    body = nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4), nn.ReLU()
    return nn.Sequential(*stem, *body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))


def watched(model):
    """Watches the methods of the model, as attaching does."""
    parents = {child: name for name, module in model.named_modules() for child in module.children()}
    methods = [module for module in model.modules() if isinstance(module, (noise.AutoReLU, noise.SignFlip))]
    watch(
        model,
        [(parents[method], method) for method in methods],
        lambda parent: not isinstance(parent, nn.SyncBatchNorm),
    )
    return model


def dynamic(start=0.003, **arguments):
    model = network()
    noise.attach_dynamic(model, start, "all", gradient="exact", **arguments)
    return watched(model)


def step(model, *optimizers):
    """What two training steps of the optimisers say, as one text for each warning."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            for optimizer in optimizers:
                optimizer.zero_grad()
            F.cross_entropy(model(torch.randn(4, 3, 8, 8)), torch.tensor([0, 1, 2, 0])).backward()
            for optimizer in optimizers:
                optimizer.step()
    return [str(warning.message) for warning in caught if issubclass(warning.category, NoiseWarning)]


@pytest.fixture(autouse=True)
def _nothing_is_left_behind():
    first_step._watched.clear()  # networks of other tests, which were attached to and never stepped
    unwatch(nn.Module())
    before = dict(_global_optimizer_post_hooks)
    yield
    assert dict(_global_optimizer_post_hooks) == before


def adam(parameters, **numbers):
    return torch.optim.Adam(parameters, **{"lr": 1e-4, "weight_decay": 1e-4} | numbers)


def test_ordinary_script_is_silent_and_the_hook_goes():
    model = dynamic()
    assert len(_global_optimizer_post_hooks) == 1
    assert step(model, adam(model.parameters())) == []
    assert len(_global_optimizer_post_hooks) == 0


TURN = {
    "Adam": dict(lr=1e-4, weight_decay=1e-4),
    "Adam foreach": dict(lr=1e-4, weight_decay=1e-4, foreach=True),
    "Adam fused": dict(lr=1e-4, weight_decay=1e-4, fused=True),
    "Adam capturable": dict(lr=torch.tensor(1e-4), weight_decay=1e-4),
    "NAdam": dict(lr=1e-3, weight_decay=1e-4),
    "RAdam": dict(lr=1e-3, weight_decay=1e-4),
    "Adamax": dict(lr=1e-3, weight_decay=1e-4),
    "Adagrad": dict(lr=1e-2, weight_decay=1e-4),
}


@pytest.mark.parametrize("kind", TURN)
def test_optimisers_that_turn_the_sign(kind):
    model = dynamic()
    assert step(model, getattr(torch.optim, kind.split()[0])(model.parameters(), **TURN[kind])) == []


REST = {
    "Adam": (dict(lr=1e-4), "without weight decay and never turns"),
    "AdamW": (dict(lr=1e-4), r"under decoupled weight decay \(AdamW\) and never turns"),
    "Adam ": (dict(lr=1e-4, weight_decay=1e-2, decoupled_weight_decay=True), "under decoupled weight decay"),
    "NAdam": (dict(lr=1e-4, weight_decay=1e-2, decoupled_weight_decay=True), "under decoupled weight decay"),
    "RAdam": (dict(lr=1e-4, weight_decay=1e-2, decoupled_weight_decay=True), "under decoupled weight decay"),
    "SGD": (dict(lr=0.1, weight_decay=1e-4), "does not turn within 20,000 steps under SGD"),
    "SGD ": (
        dict(lr=0.1, weight_decay=1e-4, momentum=0.9),
        "does not turn within 20,000 steps under SGD",
    ),
    "Rprop": (dict(lr=0.1), "without weight decay"),
    "Adagrad": (
        dict(lr=1e-5, weight_decay=1e-4),
        "does not turn within 20,000 steps under Adagrad",
    ),
    "Adam  ": (
        dict(lr=1e-9, weight_decay=1e-4),
        "does not turn within 500,000 steps under Adam at learning rate 1e-09",
    ),
    "Adam   ": (dict(lr=3e-8, weight_decay=0.1), "first turns after [0-9]{3},[0-9]{3} steps at learning rate 3e-08"),
}


@pytest.mark.parametrize("kind", REST)
def test_optimisers_that_do_not(kind):
    numbers, message = REST[kind]
    model = dynamic()
    (said,) = step(model, getattr(torch.optim, kind.strip())(model.parameters(), **numbers))
    assert "\n" not in said
    assert re.search(f"AutoReLU.weight .*{message}", said), said


def test_no_decay_on_vectors():
    """As timm and many others group them."""
    model = dynamic()
    groups = [
        {"params": [p for p in model.parameters() if p.ndim > 1]},
        {"params": [p for p in model.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    (said,) = step(model, adam(groups))
    assert "without weight decay" in said


def test_made_before_attaching():
    model = network()
    optimizer = adam(model.parameters())
    names = noise.attach_dynamic(model, 0.003, "all")
    watched(model)
    (said,) = step(model, optimizer)
    assert "is in no optimiser" in said
    assert len(names) == 2


def test_many_sites_are_counted():
    model = nn.Sequential(
        *(network()[:3] for _ in range(1)), *(nn.Sequential(nn.BatchNorm2d(4), nn.ReLU()) for _ in range(6))
    )
    optimizer = adam(model.parameters())
    noise.attach_dynamic(model, 0.003, "all")
    watched(model)
    with pytest.warns(NoiseWarning, match="and 4 more: AutoReLU.weight is in no optimiser") as caught:
        model(torch.randn(2, 3, 8, 8)).sum().backward()
        optimizer.step()
    assert caught[0].filename == __file__


def test_two_optimisers_hold_it_between_them():
    model = dynamic()
    first = adam(model[:3].parameters())
    second = adam(model[3:].parameters())
    assert step(model, first, second) == []


def test_one_of_two_optimisers_lacks_it():
    model = network()
    first = adam(model[:3].parameters())
    noise.attach_dynamic(model, 0.003, "all")
    watched(model)
    second = adam(model[3:].parameters())
    (said,) = step(model, first, second)
    assert "is in no optimiser" in said
    assert "more" not in said
    assert said.count("AutoReLU") == 1


def test_two_networks_each_at_its_own_first_step():
    good, bad = dynamic(), dynamic()
    optimizers = adam(good.parameters()), torch.optim.SGD(bad.parameters(), 0.1, weight_decay=1e-4)
    assert step(good, optimizers[0]) == []
    assert len(_global_optimizer_post_hooks) == 1
    (said,) = step(bad, optimizers[1])
    assert "SGD" in said


def test_frozen_weight():
    model = dynamic()
    model[:3].requires_grad_(False)
    (said,) = step(model, adam(p for p in model.parameters() if p.requires_grad))
    assert "requires no gradient" in said
    assert said.count(",") == 0


def test_accumulation_scaler_and_schedulers_are_no_matter():
    model = dynamic()
    optimizer = adam(model.parameters())
    # A warm-up: the first learning rate is tiny, and the group knows of the highest.
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=50, div_factor=1e9)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for micro in range(4):
            F.cross_entropy(model(torch.randn(4, 3, 8, 8)), torch.tensor([0, 1, 2, 0])).backward()
            if micro % 2:
                optimizer.step()
                scheduler.step()
                optimizer.zero_grad()


def test_a_run_that_goes_on_is_not_asked_for_its_first_turn():
    model = dynamic(0.5)
    optimizer = adam(model.parameters(), lr=1e-7)
    first = step(model, optimizer)
    assert "first turns after" in first[0] or "does not turn" in first[0]
    resumed = dynamic(0.5)
    again = adam(resumed.parameters(), lr=1e-7)
    again.load_state_dict(optimizer.state_dict())
    assert step(resumed, again) == []


def test_periodic_that_is_told_no_step():
    for told in (False, True):
        model = network()
        noise.attach_periodic(model, 3, "all")
        flip = next(module for module in model.modules() if isinstance(module, noise.SignFlip))
        if not hasattr(flip, "told"):
            pytest.skip("SignFlip does not say yet whether it was told")
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


@pytest.mark.parametrize(("dtype", "start", "lost"), [(torch.bfloat16, 0.5, True), (torch.bfloat16, 0.003, False)])
def test_a_dtype_that_loses_the_steps(dtype, start, lost):
    model = dynamic(start).to(dtype)
    optimizer = adam(model.parameters())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model(torch.randn(4, 3, 8, 8, dtype=dtype)).float().square().sum().backward()
        optimizer.step()
    assert ["loses steps" in str(warning.message) for warning in caught] == [True] * lost


def test_the_warning_names_the_script_under_a_scheduler_too():
    model = network()
    noise.attach_periodic(model, 5, "all")
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    torch.optim.lr_scheduler.StepLR(optimizer, 1)
    with pytest.warns(noise.NoiseWarning) as caught:
        optimizer.step()
    assert [warning.filename for warning in caught] == [__file__]
