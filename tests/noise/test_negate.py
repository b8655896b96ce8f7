"""The theorem: Algorithm 1's flag in the forward equals one rewriting of weights and moments at each turn, to the bit.

`SignFlip` and `Negate` share no code but the flag's closed form: each is the other's oracle.
"""

import copy
import io

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import noise

OPTIMIZERS = {
    "adam": (torch.optim.Adam, {"lr": 1e-2}),
    "adam-amsgrad-foreach": (torch.optim.Adam, {"lr": 1e-2, "amsgrad": True, "foreach": True}),
    "adam-fused": (torch.optim.Adam, {"lr": 1e-2, "fused": True}),
    "adamw": (torch.optim.AdamW, {"lr": 1e-2}),
    "adamw-foreach": (torch.optim.AdamW, {"lr": 1e-2, "foreach": True}),
    "sgd": (torch.optim.SGD, {"lr": 1e-1}),
    "sgd-momentum": (torch.optim.SGD, {"lr": 1e-1, "momentum": 0.9}),
    "sgd-nesterov-fused": (torch.optim.SGD, {"lr": 1e-1, "momentum": 0.9, "nesterov": True, "fused": True}),
    "sgd-dampening-foreach": (torch.optim.SGD, {"lr": 1e-1, "momentum": 0.9, "dampening": 0.5, "foreach": True}),
    "rmsprop": (torch.optim.RMSprop, {"lr": 1e-3, "momentum": 0.9, "centered": True}),
    "nadam": (torch.optim.NAdam, {"lr": 1e-2}),
    "radam": (torch.optim.RAdam, {"lr": 1e-2}),
    "adamax": (torch.optim.Adamax, {"lr": 1e-2}),
    "adagrad": (torch.optim.Adagrad, {"lr": 1e-2}),
    "adadelta": (torch.optim.Adadelta, {"lr": 1e-1}),
    "adafactor": (torch.optim.Adafactor, {"lr": 1e-2}),
    "asgd": (torch.optim.ASGD, {"lr": 1e-2}),
    "rprop": (torch.optim.Rprop, {"lr": 1e-2}),
}
STEPS_AN_EPOCH = 2


class Net(nn.Module):
    """Two BatchNorms before a ReLU, one of them in front of an addition."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.conv2, self.bn2 = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        return self.fc((x + self.bn2(self.conv2(x))).mean(dim=(2, 3)))


class Run:
    """A training that is told epochs or optimiser steps, and can be saved and resumed."""

    def __init__(self, method, kind, interval, unit="epoch", decay=0.0, dtype=torch.float32):
        torch.manual_seed(0)
        self.net, self.unit, self.dtype = Net().to(dtype), unit, dtype
        with torch.no_grad():
            for norm in self.net.bn1, self.net.bn2:  # both as after some training
                norm.weight.add_(torch.randn(4, dtype=dtype), alpha=0.1)
                norm.bias.copy_(torch.randn(4, dtype=dtype))
        if method == "flip":
            noise.attach_periodic(self.net, interval, "all")
        make, options = OPTIMIZERS[kind]
        if kind != "rprop":  # it has no decay
            options = options | {"weight_decay": decay}
        self.optimizer = make(self.net.parameters(), **options)
        if method != "flip":
            options = {"moments": False} if method == "weights" else {"optimizer": self.optimizer}
            noise.attach_negate(self.net, interval, "all", **options)
        self.losses = []

    def train(self, epochs):
        for epoch in epochs:
            for index in range(STEPS_AN_EPOCH):
                step = (epoch - 1) * STEPS_AN_EPOCH + index + 1
                if self.unit == "step" or index == 0:
                    noise.set_step(self.net, epoch if self.unit == "epoch" else torch.tensor(step))
                generator = torch.Generator().manual_seed(step)
                x = torch.randn(6, 3, 5, 5, generator=generator).to(self.dtype)
                loss = F.cross_entropy(self.net.train()(x), torch.randint(3, (6,), generator=generator))
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                self.losses.append(loss.item())
        return self

    def logits(self):
        with torch.no_grad():
            return self.net.eval()(torch.randn(4, 3, 5, 5, generator=torch.Generator().manual_seed(99)).to(self.dtype))

    def load(self, other):
        file = io.BytesIO()
        torch.save([other.net.state_dict(), other.optimizer.state_dict()], file)
        file.seek(0)
        states = torch.load(file, weights_only=True)
        self.net.load_state_dict(states[0])
        self.optimizer.load_state_dict(states[1])
        return self


def assert_equal(flip, negate, interval, steps):
    assert negate.losses == flip.losses
    assert all(map(torch.isfinite, map(torch.tensor, flip.losses)))
    assert torch.equal(flip.logits(), negate.logits())
    sign = -1 if noise.flag_at(steps, interval) else 1
    for parameter, other in zip(flip.net.parameters(), negate.net.parameters(), strict=True):
        of_norm = any(other is q for norm in (negate.net.bn1, negate.net.bn2) for q in norm.parameters())
        assert torch.equal(parameter * (sign if of_norm else 1), other)


# So many epochs that the sign turns twice or more, and a step follows: RAdam's first five differ from all others.
@pytest.mark.parametrize(
    ("unit", "interval", "epochs"), [("epoch", 1, 4), ("epoch", 3, 7), ("step", 4, 5), ("step", 1, 4)]
)
@pytest.mark.parametrize(
    ("kind", "decay"),
    [*[(kind, 1e-2) for kind in OPTIMIZERS], *[(kind, 0.0) for kind in ("adam", "adamw", "sgd-momentum")]],
)
def test_flag_in_the_forward_equals_rewriting_at_the_turns(kind, decay, unit, interval, epochs):
    runs = [Run(method, kind, interval, unit, decay).train(range(1, epochs + 1)) for method in ("flip", "negate")]
    assert_equal(*runs, interval, epochs * (STEPS_AN_EPOCH if unit == "step" else 1))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
@pytest.mark.parametrize("kind", ["adam", "adamw-foreach", "sgd-momentum"])
def test_in_every_dtype(kind, dtype):
    runs = [Run(method, kind, 2, decay=1e-2, dtype=dtype).train(range(1, 9)) for method in ("flip", "negate")]
    assert_equal(*runs, 2, 8)


@pytest.mark.parametrize("until", [2, 3, 4])
@pytest.mark.parametrize("kind", ["adam", "sgd-momentum", "rmsprop"])
def test_a_resumed_run_does_not_negate_twice(kind, until):
    """T = 3: the flag turns at epoch 3; `until` ends before, in and after the epoch of the turn."""
    straight = Run("flip", kind, 3).train(range(1, 8))
    first = Run("negate", kind, 3).train(range(1, until + 1))
    resumed = Run("negate", kind, 3).load(first).train(range(until + 1, 8))
    assert first.losses + resumed.losses == straight.losses
    assert torch.equal(resumed.logits(), straight.logits())


def test_gradients_that_are_gathered_over_a_turn():
    runs = []
    for method in "flip", "negate":
        run = Run(method, "adam", 2)
        for step in range(1, 9):
            noise.set_step(run.net, step)
            run.net(torch.randn(6, 3, 5, 5, generator=torch.Generator().manual_seed(step))).square().mean().backward()
            if step % 3 == 0:
                run.optimizer.step()
                run.optimizer.zero_grad(set_to_none=False)
        runs.append(run)
    assert_equal(*runs, 2, 8)


def test_without_the_moments_it_parts_one_step_after_the_first_turn():
    flip, weights = (Run(method, "adam", 3, "step").train(range(1, 4)) for method in ("flip", "weights"))
    assert weights.losses[:3] == flip.losses[:3], "the turn is at step 3: its forward sees the same weights"
    assert weights.losses[3:] != flip.losses[3:]


def test_the_forward_is_the_identity_and_the_flag_is_reported():
    run = Run("negate", "adam", 2)
    methods = [module for module in run.net.modules() if isinstance(module, noise.Negate)]
    x = torch.randn(2, 4)
    assert len(methods) == 2
    assert all(method(x) is x and method.identity_in_evaluation for method in methods)
    weight = next(run.net.bn1.parameters())
    before = weight.clone()
    for step, sign in ((1, 1), (2, -1), (2, -1), (3, -1), (4, 1), (7, -1), (10, -1), (12, 1)):
        noise.set_step(run.net, step)
        assert torch.equal(weight, sign * before), step
        assert noise.signs(run.net).tolist() == [sign, sign]
    assert "optimizer" not in str(list(run.net.state_dict()))


def test_bad_arguments_are_refused_in_one_line():
    net = Net()
    cases = [
        ({}, "needs optimizer="),
        ({"optimizer": torch.optim.SGD(net.fc.parameters(), lr=1)}, "bn1: the optimizer does not hold"),
        ({"optimizer": torch.optim.SGD([net.bn1.weight], lr=1)}, "bn1: the optimizer does not hold"),
        ({"optimizer": torch.optim.LBFGS(net.parameters())}, "bn1: LBFGS keeps one state for all parameters"),
    ]
    for options, message in cases:
        with pytest.raises(ValueError, match=message) as error:
            noise.attach_negate(net, 3, "all", **options)
        assert "\n" not in str(error.value)
    plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, affine=False), nn.ReLU())
    with pytest.raises(ValueError, match=r"1: negate needs a BatchNorm with weight and bias \(affine=True\)"):
        noise.attach_negate(plain, 3, "stem", optimizer=torch.optim.SGD(plain.parameters(), lr=1))
    assert noise.site_names(plain) == noise.site_names(net) == []


def test_a_sum_has_no_weights_to_negate(small_network):
    net = small_network()
    with pytest.raises(ValueError, match="lies behind an addition and is no BatchNorm"):
        noise.attach_negate(net, 3, "block", moments=False)


def test_the_optimizer_may_be_given_later():
    net = Net()
    noise.attach_negate(net, 2, "all", optimizer="later")
    with pytest.raises(ValueError, match=r"call noise\.negate\.bind\(model, optimizer\)"):
        noise.set_step(net, 1)
    with pytest.raises(ValueError, match="no Negate of Net has its BatchNorm's weight and bias in this optimizer"):
        noise.negate.bind(net, torch.optim.SGD(net.fc.parameters(), lr=1))
    first = torch.optim.Adam([*net.conv1.parameters(), *net.bn1.parameters()])
    second = torch.optim.SGD([*net.conv2.parameters(), *net.bn2.parameters()], lr=1, momentum=0.9)
    noise.negate.bind(net, first)
    noise.negate.bind(net, second)
    noise.set_step(net, 2)
    assert noise.signs(net).tolist() == [-1, -1]


def test_frozen_weights_need_no_optimizer():
    net = Net()
    for norm in net.bn1, net.bn2:
        norm.requires_grad_(False)
    optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=1, momentum=0.9)
    noise.attach_negate(net, 2, "all", optimizer=optimizer)
    noise.set_step(net, 2)
    assert noise.signs(net).tolist() == [-1, -1]


class Unknown(torch.optim.SGD):
    def step(self):
        for group in self.param_groups:
            for parameter in group["params"]:
                self.state[parameter]["whatever"] = torch.zeros_like(parameter)


def test_an_optimizers_unknown_state_is_refused_before_anything_is_written():
    net = Net()
    optimizer = Unknown(net.parameters(), lr=1)
    noise.attach_negate(net, 2, "all", optimizer=optimizer)
    optimizer.step()
    before = copy.deepcopy(net.state_dict())
    with pytest.raises(ValueError, match="Unknown keeps 'whatever' for BatchNorm's weights"):
        noise.set_step(net, 2)
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


def test_a_copy_has_its_own_weights_and_no_optimizer():
    run = Run("negate", "adam", 2).train(range(1, 2))
    other = copy.deepcopy(run.net)
    file = io.BytesIO()
    torch.save(run.net, file)
    with pytest.raises(ValueError, match="knows no optimizer"):
        noise.set_step(other, 2)
    noise.negate.bind(other, torch.optim.SGD(other.parameters(), lr=1))
    kept = copy.deepcopy(run.net.state_dict())
    noise.set_step(other, 2)
    assert all(torch.equal(value, kept[key]) for key, value in run.net.state_dict().items())
    weights = [key for key in kept if "bn" in key and key.endswith("weight")]
    assert weights and all(torch.equal(other.state_dict()[key], -kept[key]) for key in weights)
