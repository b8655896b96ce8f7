"""New weights in an optimiser that was made, and has stepped, before them."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import noise
from noise.attaching.placing import group_for
from noise.first_turn import first_turn


def network():
    torch.manual_seed(0)
    stem = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()
    return nn.Sequential(*stem, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))


def groups(model):
    return [
        {"params": [p for p in model.parameters() if p.ndim > 1]},
        {"params": [p for p in model.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]


def step(model, optimizer):
    optimizer.zero_grad()
    F.cross_entropy(model(torch.ones(4, 3, 8, 8)), torch.tensor([0, 1, 2, 0])).backward()
    optimizer.step()


def weights(model):
    return [module.weight for module in model.modules() if isinstance(module, noise.AutoReLU)]


@pytest.mark.parametrize(
    "numbers", [{}, {"foreach": True}, {"fused": True}, {"capturable": False, "foreach": False}, {"amsgrad": True}]
)
@pytest.mark.parametrize("stepped", [False, True])
@pytest.mark.parametrize("weight", ["channel", "network"])
def test_weight_turns_when_predicted_beside_parameters_with_state(numbers, stepped, weight):
    model = network()
    optimizer = torch.optim.Adam(groups(model), lr=1e-4, weight_decay=1e-4, **numbers)
    if stepped:
        step(model, optimizer)
        optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 10.0)
    noise.attach_dynamic(model, 0.001, "all", gradient="exact", optimizer=optimizer, weight=weight)
    assert optimizer.param_groups[0]["params"][-1] is weights(model)[0]
    assert [len(group["params"]) for group in optimizer.param_groups] == [3, 4]
    predicted = first_turn(0.001, lr=1e-3)  # the scheduler's
    for number in range(1, predicted + 1):
        step(model, optimizer)
        scheduler.step()
        assert (weights(model)[0].max() < 0) == (number == predicted)


def test_state_is_saved_and_loaded_with_the_new_weight():
    def made():
        model = network()
        optimizer = torch.optim.Adam(model.named_parameters(), lr=1e-3, weight_decay=1e-4)
        step(model, optimizer)
        noise.attach_dynamic(model, 0.01, "all", optimizer=optimizer)
        return model, optimizer

    model, optimizer = made()
    assert optimizer.param_groups[0]["param_names"][-1].endswith("autorelu.weight")
    other, resumed = made()
    for _ in range(3):
        step(model, optimizer)
    other.load_state_dict(model.state_dict())
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for pair in ((model, optimizer), (other, resumed)):
        step(*pair)
    assert all(map(torch.equal, model.state_dict().values(), other.state_dict().values()))


def test_the_group_that_decays_most_of_the_network():
    model, foreign = network(), nn.Linear(1000, 1000)
    decaying = torch.optim.Adam(
        [{"params": model[0].parameters()}, {"params": model[5].parameters()}], weight_decay=1e-4
    )
    decaying.add_param_group({"params": foreign.parameters()})
    decoupled = torch.optim.AdamW(model[1].parameters())
    assert group_for(model, decaying) is decaying.param_groups[0]
    assert group_for(model, [decoupled, decaying]) is decaying.param_groups[0]
    assert group_for(model, iter([decoupled])) is decoupled.param_groups[0]


def test_without_decay_beside_the_other_vectors():
    model = network()
    optimizer = torch.optim.AdamW(groups(model))
    assert group_for(model, optimizer) is optimizer.param_groups[1]
    plain = torch.optim.Adam([model[0].weight])
    assert group_for(model, plain) is plain.param_groups[0]


def test_another_networks_optimiser_is_refused_and_nothing_attached():
    model = network()
    before = [type(module) for module in model.modules()]
    with pytest.raises(ValueError, match="holds no parameter of the network"):
        noise.attach_dynamic(model, 0.01, optimizer=torch.optim.Adam(network().parameters()))
    assert [type(module) for module in model.modules()] == before


@pytest.mark.parametrize("others", [lambda model: model, lambda model: model.parameters(), lambda model: "Adam"])
def test_what_is_no_optimiser_is_refused(others):
    model = network()
    with pytest.raises(ValueError, match="optimizer must be one of torch.optim"):
        noise.attach_dynamic(model, 0.01, "stem", optimizer=others(model))


def test_an_optimiser_of_matrices_gets_no_vector():
    model = network()
    matrices = torch.optim.Muon([model[-1].weight], weight_decay=0.1)
    vectors = torch.optim.Adam([p for p in model.parameters() if p.ndim != 2], 1e-3)
    with pytest.raises(ValueError, match="Muon cannot take the method's parameters"):
        noise.attach_dynamic(model, 0.01, "stem", optimizer=matrices)
    noise.attach_dynamic(model, 0.01, "stem", optimizer=[matrices, vectors])
    assert weights(model)[0] in set(vectors.param_groups[0]["params"])


def test_lbfgs_takes_new_weights_until_it_steps():
    model = network()
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=2)
    noise.attach_dynamic(model, 0.01, "stem", optimizer=optimizer)

    def closure():
        optimizer.zero_grad()
        loss = F.cross_entropy(model(torch.ones(4, 3, 8, 8)), torch.tensor([0, 1, 2, 0]))
        loss.backward()
        return loss

    with pytest.warns(noise.NoiseWarning, match="without weight decay"):
        optimizer.step(closure)
    noise.detach(model)
    with pytest.raises(ValueError, match="LBFGS cannot take"):
        noise.attach_dynamic(model, 0.01, "stem", optimizer=optimizer)


class Wrapper:
    """What shows an optimiser's groups and is none of torch's classes."""

    def __init__(self, optimizer):
        self.param_groups = optimizer.param_groups


@pytest.mark.parametrize("several", [False, True])
def test_a_wrapper_of_an_optimiser_is_one(several):
    model = network()
    optimizer = torch.optim.Adam([model[0].weight], weight_decay=1e-4)
    noise.attach_dynamic(model, 0.01, "stem", optimizer=[Wrapper(optimizer)] if several else Wrapper(optimizer))
    assert optimizer.param_groups[0]["params"][1:] == weights(model)
