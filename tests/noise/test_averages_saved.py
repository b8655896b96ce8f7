"""What is in force in an average is so again after a checkpoint, a pickle, and a state that was made by hand."""

import copy
import io
import pickle

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_avg_fn

import noise
from tests.noise.averaged_network import INTERVAL, in_force, network, train


class Loaded(nn.Module):
    """Averages a dictionary, and loads it at each update."""

    def __init__(self, model, decay):
        super().__init__()
        self.module, self.decay = copy.deepcopy(model), decay
        self.state = {key: value.clone().double() for key, value in model.state_dict().items()}

    def update_parameters(self, model):
        for key, value in model.state_dict().items():
            self.state[key] = self.decay * self.state[key] + (1 - self.decay) * value
        self.module.load_state_dict(self.state)


def test_a_dictionary_that_is_averaged_and_loaded_keeps_the_flag():
    net = network()
    average = Loaded(net, 0.99)
    for step in range(1, 20):
        train(net, step)
        average.update_parameters(net)
        assert in_force(average)[0] == in_force(net)[0], step


def test_a_training_of_an_average_goes_on_from_checkpoints():
    """The origin is the new network, to which both states were loaded."""
    net = network()
    average = AveragedModel(net, avg_fn=get_ema_avg_fn(0.999), use_buffers=True)
    for step in range(1, INTERVAL + 2):
        train(net, step)
        average.update_parameters(net)
    states = copy.deepcopy([net.state_dict(), average.state_dict()])
    net = network()
    average = AveragedModel(net, avg_fn=get_ema_avg_fn(0.999), use_buffers=True)
    net.load_state_dict(states[0])
    average.load_state_dict(states[1])
    assert in_force(average) == in_force(net)
    for step in range(INTERVAL + 2, 30):
        train(net, step)
        average.update_parameters(net)
        assert in_force(average) == in_force(net), step


def test_pickled_and_saved_whole_an_average_forgets_its_origin_and_keeps_its_sign():
    net = network()
    average = AveragedModel(net, avg_fn=get_ema_avg_fn(0.999), use_buffers=True)
    for step in range(1, INTERVAL + 1):
        train(net, step)
        average.update_parameters(net)
    file = io.BytesIO()
    torch.save(average.module, file)
    file.seek(0)
    whole = torch.load(file, weights_only=False)
    pickled = pickle.loads(pickle.dumps(average.module))
    kept = in_force(net)
    train(net, 2 * INTERVAL)
    assert in_force(whole) == in_force(pickled) == kept
    assert len(file.getvalue()) < 20_000


def test_the_origin_may_move_and_be_replaced():
    net = network()
    average = AveragedModel(net, avg_fn=get_ema_avg_fn(0.99), use_buffers=True)
    net.load_state_dict(copy.deepcopy(net.state_dict()), assign=True)
    net.double().float()
    for step in range(1, 20):
        train(net, step)
        average.update_parameters(net)
        assert in_force(average) == in_force(net), step


def test_load_state_dict_refuses_a_fraction_and_takes_a_bool():
    flip = nn.Sequential(noise.SignFlip(INTERVAL))
    with pytest.raises(RuntimeError, match=r"0\.flag is 0\.25, an average over networks with and without the flag"):
        flip.load_state_dict({"0.flag": torch.tensor(0.25)})
    with pytest.raises(RuntimeError, match=r"0\.flag is nan"):
        flip.load_state_dict({"0.flag": torch.tensor(torch.nan)}, strict=False)
    assert flip[0].flag.item() == 0
    for assign in False, True:
        for value in torch.tensor(True), torch.tensor(1), torch.tensor(0.9999999):
            flip = nn.Sequential(noise.SignFlip(INTERVAL))
            flip.load_state_dict({"0.flag": value}, assign=assign)
            assert flip[0].flag.dtype == torch.float32
            assert flip[0].flag.item() == 1


def test_the_average_of_a_built_network_takes_the_nearer_flag():
    """No copy, so nobody to ask: an average over weights of one sign has that sign, but for rounding."""
    flip, x = noise.SignFlip(INTERVAL), torch.ones(3)
    for value, sign in ((0.999, -1), (0.001, 1)):
        flip.flag.fill_(value)
        assert torch.equal(flip(x), sign * x)
