"""Looking for sites, by an example or by tracing, leaves the network, its input and the random numbers as they were."""

import random

import numpy
import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

import noise
from tests.noise.untraceable import Net, X

MAIN = [("bn1", "first"), ("bn2", "second")]


def test_a_block_that_is_skipped_at_random_has_its_sites():
    class Skipped(torchvision.models.resnet.BasicBlock):
        def forward(self, x):
            return x if self.training and draw() < 0.5 else super().forward(x)

    def observed_in_evaluation(net, x):
        return net.bn3(net.unit(x)) if net.training else net.bn4(net.unit(x))

    def kinds(model, example_input):
        return [(site.name, site.kind) for site in noise.find_sites(model, "all", example_input=example_input)]

    draws = {"torch": lambda: torch.rand(()), "python": random.random, "numpy": numpy.random.rand}
    for draw in draws.values():  # noqa: B007 - the block's
        model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.ReLU(), *(Skipped(4, 4) for _ in range(4)))
        every = [("1", "stem"), *((f"{i}.{name}", kind) for i in range(3, 7) for name, kind in MAIN)]
        for example_input in (None, X):
            before = torch.random.get_rng_state(), random.getstate()
            assert kinds(model, example_input) == every
            assert torch.equal(before[0], torch.random.get_rng_state())
            assert before[1] == random.getstate()
    model = Net(observed_in_evaluation, bn3=nn.BatchNorm2d(4), bn4=nn.BatchNorm2d(4))
    for example_input in (None, X):
        assert [name for name, _ in kinds(model, example_input)] == ["bn1", "bn2", "bn3"]


def test_what_a_forward_stores_in_the_network_is_gone():
    class Storing(Net):
        """As transformers' models do, it puts hooks on its modules in its first forward."""

        def __init__(self):
            super().__init__(lambda net, x: net.unit(x))
            self.features, self.by_name, self.seen = [], {}, set()

        def forward(self, x):
            self.bn2.register_forward_hook(lambda *_: None)
            x = super().forward(x)
            self.features.append(x)
            self.by_name["x"] = x
            self.seen.add(1)
            return x

    model = Storing()
    for example_input in (None, X):
        noise.find_sites(model, "all", example_input=example_input)
        assert not (model.features or model.by_name or model.seen or model.bn2._forward_hooks)


class Restless(nn.Module):
    """Its forward draws, counts, stores, and writes into its buffers; its `train` returns nothing and freezes."""

    def __init__(self, fails=False):
        super().__init__()
        self.conv, self.bn, self.dropout = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5)
        self.frozen = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))
        self.register_buffer("queue", torch.zeros(2, 4))
        self.register_buffer("replaced", torch.zeros(()))
        self.calls, self.features, self.fails = 0, None, fails

    def train(self, mode=True):
        super().train(mode)
        self.frozen.eval()

    def forward(self, x):
        x.add_(random.random() + numpy.random.rand())
        self.calls += 1
        self.replaced = self.replaced + 1
        self.features = self.dropout(F.relu(self.bn(self.conv(x))) + torch.rand(1))
        self.queue.copy_(self.features.mean((0, 2, 3)))
        if self.fails:
            raise RuntimeError("it fails\nat length")
        return F.relu(self.frozen(self.features))


@pytest.mark.parametrize("fails", [False, True])
def test_a_run_changes_nothing(fails):
    model, x = Restless(fails), torch.randn(1, 3, 8, 8)
    model.train()
    replaced = model.replaced
    modes = [module.training for module in model.modules()]
    state, given = {key: value.clone() for key, value in model.state_dict().items()}, x.clone()

    def draws():
        return torch.random.get_rng_state().tolist(), random.getstate(), numpy.random.get_state()[1].tolist()

    before = draws()
    for _ in range(2):
        if fails:
            line = Restless.forward.__code__.co_firstlineno + 7
            message = f"Restless does not run on the example_input .*test_observing_leaves_nothing.py:{line}: it fails"
            with pytest.raises(ValueError, match=message) as error:
                noise.find_sites(model, "all", example_input=x)
            assert "\n" not in str(error.value)
        else:
            assert [site.name for site in noise.find_sites(model, "all", example_input=x)] == ["bn", "frozen.1"]
    assert before == draws()
    assert torch.equal(x, given)
    assert model.state_dict().keys() == state.keys()
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
    assert model.replaced is replaced
    assert (model.calls, model.features) == (0, None)
    assert [module.training for module in model.modules()] == modes
    assert nn.Module.__call__ is nn.Module._wrapped_call_impl
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_tracing_changes_nothing_and_draws_nothing():
    class Drawing(Net):
        def forward(self, x):
            self.features = super().forward(x) * (1 + 0 * torch.rand(1))
            return self.features

    model = Drawing(lambda net, x: net.unit(x)).eval()
    state, random_state = {k: v.clone() for k, v in model.state_dict().items()}, torch.random.get_rng_state()
    noise.find_sites(model, "stem")
    assert torch.equal(random_state, torch.random.get_rng_state())
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
    assert not any(module.training for module in model.modules())
    assert not hasattr(model, "features")
