"""Over many steps: what turns the weight's sign, what stays the baseline, and that resuming changes nothing."""

import copy
import io

import numpy as np
import pytest
import torch

import noise


def adam(w, steps, learning_rate=1e-4, decay=1e-4, betas=(0.9, 0.999), eps=1e-8):
    """Adam with coupled weight decay (Kingma & Ba 2015, Algorithm 1) on weights whose loss has no gradient."""
    w = np.array(w, dtype=np.float64)
    m, v = np.zeros_like(w), np.zeros_like(w)
    for step in range(1, steps + 1):
        gradient = decay * w
        m = betas[0] * m + (1 - betas[0]) * gradient
        v = betas[1] * v + (1 - betas[1]) * gradient**2
        w = w - learning_rate * (m / (1 - betas[0] ** step)) / (np.sqrt(v / (1 - betas[1] ** step)) + eps)
        yield w


def test_coupled_decay_takes_adam_through_zero_when_the_docstring_says():
    first_turn = [None, None, None]
    for step, w in enumerate(adam([0.5, 0.1, 0.01], 14_000), start=1):
        for place in range(3):
            if first_turn[place] is None and w[place] < 0:
                first_turn[place] = step
    assert first_turn == pytest.approx([13_300, 6_300, 370], rel=0.01)


def step_alone(layer, optimizer):
    """A step in which the layer's loss has no gradient of its own: what is left is the optimiser's decay."""
    layer(torch.ones(2, layer.channels)).sum().backward()
    optimizer.step()
    optimizer.zero_grad()


def test_layer_under_adam_turns_as_the_reference_does():
    layer = noise.AutoReLU(3, 0.003, gradient="exact")
    optimizer = torch.optim.Adam(layer.parameters(), lr=1e-4, weight_decay=1e-4)
    reference = list(adam([0.003], 60))
    for step in range(60):
        step_alone(layer, optimizer)
        assert layer.weight.detach().numpy() == pytest.approx(reference[step].repeat(3), abs=1e-8)
    assert layer.in_force() < 0


def test_exact_gradient_lets_the_weight_die_out():
    weight = torch.nn.Parameter(torch.tensor([0.003]))
    weight.grad = torch.zeros(1)
    optimizer = torch.optim.Adam([weight], lr=1e-4, weight_decay=1e-4, foreach=False)
    negative = []
    for _ in range(2000):
        optimizer.step()
        negative.append(weight.item() < 0)
    turns = [step for step in range(1, 2000) if negative[step] != negative[step - 1]]
    assert len(turns) > 50
    assert turns[-1] < 1800
    assert abs(weight.item()) < 1e-30


@pytest.mark.parametrize(
    "make",
    [
        lambda parameters: torch.optim.AdamW(parameters, lr=1e-4, weight_decay=1e-2),
        lambda parameters: torch.optim.Adam(parameters, lr=1e-4, weight_decay=0.0),
    ],
    ids=["decoupled decay", "no decay"],
)
def test_without_coupled_decay_the_weight_does_not_move(make):
    layer = noise.AutoReLU(3, 0.003, gradient="exact")
    optimizer = make(layer.parameters())
    for _ in range(300):  # with coupled decay it turns after 43
        step_alone(layer, optimizer)
    assert layer.weight.detach().numpy() == pytest.approx(0.003, rel=1e-3)


@pytest.mark.parametrize("gradient", ["autograd", "exact"])
@pytest.mark.parametrize("sites", ["first", ["stem", "first", "second", "block"]])
@pytest.mark.parametrize("weight", ["channel", "network"])
def test_training_is_the_baseline_to_the_bit_until_the_first_turn(small_network, train_step, gradient, sites, weight):
    baseline, dynamic = small_network(), small_network()
    noise.attach_dynamic(dynamic, 0.1, sites, weight=weight, gradient=gradient)
    optimizers = [torch.optim.Adam(net.parameters(), lr=1e-2, weight_decay=1e-4) for net in (baseline, dynamic)]

    def parameters():
        own = [value for name, value in dynamic.named_parameters() if "autorelu" not in name]
        return zip(baseline.parameters(), own, strict=True)

    first_turn = None
    for step in range(1, 31):
        if first_turn is None and noise.signs(dynamic).min() < 0:
            first_turn = step
        losses = [
            train_step(net, optimizer, step) for net, optimizer in zip((baseline, dynamic), optimizers, strict=True)
        ]
        same = all(torch.equal(*pair) for pair in parameters())
        assert same == (first_turn is None)
        assert (losses[0] == losses[1]) == (first_turn is None)
    assert 5 < first_turn < 30


@pytest.mark.parametrize(
    "inject",
    [
        lambda network: noise.attach_periodic(network, 3, ["first", "block"]),
        lambda network: noise.attach_dynamic(network, 0.03),
        lambda network: noise.attach_dynamic(network, 0.03, weight="network"),
        lambda network: noise.attach_gaussian(network, 0.3, seed=1),
    ],
    ids=["periodic", "dynamic", "dynamic, one weight", "gaussian"],
)
def test_resuming_from_a_checkpoint_equals_the_straight_run(small_network, train_step, inject):
    def network():
        made = small_network()
        inject(made)
        return made, torch.optim.Adam(made.parameters(), lr=1e-2, weight_decay=1e-4)

    def run(model, optimizer, first, last):
        for step in range(first, last + 1):
            noise.set_step(model, step)
            train_step(model, optimizer, step)
        return model.state_dict()

    straight, interrupted, resumed = network(), network(), network()
    expected = run(*straight, 1, 14)

    run(*interrupted, 1, 8)
    file = io.BytesIO()
    torch.save([part.state_dict() for part in interrupted], file)
    file.seek(0)
    for part, state in zip(resumed, torch.load(file, weights_only=True), strict=True):
        part.load_state_dict(state)
    assert noise.signs(resumed[0]).tolist() == noise.signs(interrupted[0]).tolist()

    continued = run(*resumed, 9, 14)
    assert continued.keys() == expected.keys()
    for key, value in expected.items():
        value, other = (v["state"] if isinstance(v, dict) else v for v in (value, continued[key]))
        assert torch.equal(value, other), key


def test_copied_network_trains_on_its_own(small_network, train_step):
    network = small_network()
    noise.attach_dynamic(network, 0.03, ["first", "block"], weight="network")
    before = copy.deepcopy(network)
    copied = copy.deepcopy(network)
    weights = {id(module.weight) for module in copied.modules() if isinstance(module, noise.AutoReLU)}
    assert len(weights) == 1
    optimizer = torch.optim.Adam(copied.parameters(), lr=1e-2, weight_decay=1e-4)
    for step in range(1, 11):
        train_step(copied, optimizer, step)
    assert noise.signs(copied).unique().tolist() == [-1]
    assert all(map(torch.equal, network.state_dict().values(), before.state_dict().values()))
