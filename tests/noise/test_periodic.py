"""The closed form against Algorithm 1 word for word, and the sign flip against a network that negates by hand."""

import copy
import io

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import noise


def algorithm_1(interval, steps):
    """The paper's Algorithm 1, line by line: the flag as each step finds it."""
    flags = []
    step = 0
    flag = False
    while step < steps:
        step += 1
        flags.append(flag)
        if step % interval == interval - 1:
            flag = not flag
    return flags


@pytest.mark.parametrize("interval", range(1, 51))
def test_flag_is_algorithm_1_word_for_word(interval):
    expected = algorithm_1(interval, 500)
    assert [noise.flag_at(step, interval) for step in range(1, 501)] == expected
    assert noise.flag_at(torch.arange(1, 501), interval).tolist() == expected

    stretches = noise.flipped_stretches(interval, 500)
    flipped = {step for first, last in stretches for step in range(first, last + 1)}
    assert flipped == {step for step, flag in enumerate(expected, start=1) if flag}


@pytest.mark.parametrize("interval", [1, 2, 3, 7, 60])
def test_turns_are_the_steps_at_which_the_flag_differs_from_the_one_before(interval):
    flags = algorithm_1(interval, 50)
    turns = noise.turns(interval, 50)
    assert turns == [step for step in range(2, 51) if flags[step - 1] != flags[step - 2]]
    assert [noise.flag_at(step, turns) for step in range(1, 51)] == flags
    assert noise.flag_at(torch.arange(1, 51), turns).tolist() == flags
    assert noise.flipped_stretches(turns, 50) == noise.flipped_stretches(interval, 50)


@pytest.mark.parametrize("kind", [list, iter, set, np.array, torch.tensor])
def test_the_flag_turns_at_chosen_steps(kind):
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4))
    noise.attach_periodic(net, kind([9, 4, 5]), ["stem", "other"])
    seen = []
    for step in range(1, 12):
        noise.set_step(net, step if step % 2 else torch.tensor(step, dtype=torch.uint8))
        seen.append(noise.signs(net).tolist())
    assert seen == [[-1 if step in (4, 9, 10, 11) else 1] * 2 for step in range(1, 12)]
    assert noise.flipped_stretches([9, 4, 5], 11) == [(4, 4), (9, 11)]
    assert noise.turns([9, 4, 5], 8) == [4, 5] and noise.flag_at(3, []) is False
    assert repr(net[1].signflip) == "SignFlip(interval=(4, 5, 9))"


@pytest.mark.parametrize("turns", [[3, 3], [0], [2, 2.5], [True], "5"])
def test_turns_are_steps_each_once(turns):
    with pytest.raises(ValueError, match="or steps >= 1 at which to turn, each once; got "):
        noise.SignFlip(turns)


@pytest.mark.parametrize(("channels", "share", "turned"), [(8, 0.5, 4), (8, 0.3, 2), (7, 0.5, 4), (4, 0.2, 1)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_share_of_the_channels_turns_and_the_others_keep_every_bit(channels, share, turned, dtype):
    flip = noise.SignFlip(5, channels, share)
    for shape in (2, channels), (2, channels, 3), (2, channels, 3, 2):
        x = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(dtype)
        flip.set_step(1)
        assert torch.equal(flip(x), x)
        flip.set_step(5)
        assert flip(x).dtype == dtype
        assert torch.equal(flip(x), torch.cat([-x[:, :turned], x[:, turned:]], 1))
    assert flip.sign().tolist() == [-1] * turned + [1] * (channels - turned)
    assert flip.in_force().item() == pytest.approx(1 - 2 * turned / channels, abs=1e-6)
    assert list(flip.state_dict()) == ["flag"]
    assert repr(flip) == f"SignFlip(interval=5, {turned} of {channels} channels)"


def test_a_share_of_all_channels_is_all():
    flip = noise.SignFlip(1, 8, 0.99)
    flip.set_step(2)
    assert flip.sign().tolist() == -1 and repr(flip) == "SignFlip(interval=1)"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((5, 8, 0.0), "share must lie in 0 < share <= 1, got 0.0"),
        ((5, 8, 1.5), "share must lie in 0 < share <= 1, got 1.5"),
        ((5, None, 0.5), "a share of 0.5 needs the number of channels"),
        ((5, 8, 0.05), "a share of 0.05 of 8 channels is none of them"),
    ],
)
def test_a_share_that_is_none_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        noise.SignFlip(*arguments)


def test_interval_of_five_flips_epochs_5_to_9():
    assert noise.flipped_stretches(5, 17) == [(5, 9), (15, 17)]
    assert noise.flipped_stretches(5, 4) == []


@pytest.mark.parametrize(
    "interval", [0, -1, 2.0, True, np.bool_(True), np.float64(5), np.int64(0), torch.tensor(5.0), "5", None]
)
def test_interval_must_be_a_positive_int(interval):
    with pytest.raises(ValueError, match="interval must be an int >= 1"):
        noise.SignFlip(interval)
    with pytest.raises(ValueError, match="interval must be an int >= 1"):
        noise.flipped_stretches(interval, 10)


@pytest.mark.parametrize("interval", [np.int64(5), np.uint8(5), np.array(5), torch.tensor(5)])
def test_interval_may_be_an_integer_of_another_library(interval):
    flip = noise.SignFlip(interval)
    assert type(flip.interval) is int
    assert repr(flip) == "SignFlip(interval=5)"
    assert noise.flipped_stretches(interval, 17) == [(5, 9), (15, 17)]


@pytest.mark.parametrize("step", [0, -3, np.int64(0)])
def test_steps_count_from_one(step):
    with pytest.raises(ValueError, match="steps count from 1"):
        noise.SignFlip(5).set_step(step)


@pytest.mark.parametrize(
    "step", [2.0, True, np.float32(3), torch.tensor(2.0), torch.tensor(True), torch.tensor([2]), None]
)
def test_a_step_is_an_integer(step):
    flip = noise.SignFlip(5)
    with pytest.raises(ValueError, match="a step is an integer, got"):
        flip.set_step(step)
    assert not flip.told


@pytest.mark.parametrize("kind", [int, np.int64, np.uint8, np.array, torch.tensor])
def test_steps_of_every_integer_type_set_the_flag(kind):
    flip = noise.SignFlip(4)
    assert not flip.told and not noise.SignFlip.told
    for step, flag in enumerate(algorithm_1(4, 20), start=1):
        flip.set_step(kind(step))
        assert flip.flag.item() == flag
        assert flip.in_force().item() == flip.sign().item() == (-1 if flag else 1)
    assert flip.told and not noise.SignFlip.told
    assert flip.in_force().shape == () and flip.in_force().dtype == torch.float32
    flip.reset_parameters()
    assert flip.flag.item() == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("training", [True, False])
def test_flip_negates_in_training_and_evaluation(dtype, training):
    flip = noise.SignFlip(5).train(training)
    x = torch.tensor([-2.0, -0.0, 0.0, 1.5, torch.inf, torch.nan], dtype=dtype)

    clean = flip(x)
    flip.set_step(5)
    flipped = flip(x)

    assert clean.dtype == flipped.dtype == dtype
    torch.testing.assert_close(clean, x, rtol=0, atol=0, equal_nan=True)
    assert torch.equal(clean.signbit(), x.signbit())
    torch.testing.assert_close(flipped, -x, rtol=0, atol=0, equal_nan=True)


def test_flag_is_a_buffer_written_in_place():
    flip = noise.SignFlip(interval=3)
    flag = flip.flag
    for step in range(1, 13):
        flip.set_step(step if step % 2 else torch.tensor(step))
        assert flip.flag is flag
        assert flag.dtype == torch.float32
        assert flag.item() == noise.flag_at(step, 3)
    assert list(flip.state_dict()) == ["flag"]
    assert not list(flip.parameters())


def test_checkpoint_and_copy_keep_the_flag():
    flip = noise.SignFlip(interval=3)
    flip.set_step(4)
    file = io.BytesIO()
    torch.save(flip.state_dict(), file)
    file.seek(0)
    resumed = noise.SignFlip(interval=3)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    assert resumed.flag.item() == 1
    assert copy.deepcopy(flip).flag.item() == 1


def test_jumping_to_a_step_equals_walking_to_it():
    walked, jumped = noise.SignFlip(4), noise.SignFlip(4)
    for step in range(1, 31):
        walked.set_step(step)
        jumped.set_step(30 - step + 1)
    jumped.set_step(30)
    assert walked.flag.item() == jumped.flag.item() == algorithm_1(4, 30)[-1]


def test_set_step_reaches_every_flip_and_no_other_module():
    model = nn.Sequential(noise.SignFlip(2), nn.Sequential(noise.SignFlip(3)), nn.Linear(2, 2))
    noise.set_step(model, 3)
    assert [model[0].flag.item(), model[1][0].flag.item()] == [algorithm_1(2, 3)[-1], algorithm_1(3, 3)[-1]]
    plain = nn.Linear(2, 2)
    before = copy.deepcopy(plain.state_dict())
    noise.set_step(plain, 3)
    assert all(torch.equal(before[key], value) for key, value in plain.state_dict().items())


class Ramp(nn.Module):
    """A user's own scheduled module: no module of `noise`, and no relative of one."""

    def __init__(self):
        super().__init__()
        self.register_buffer("strength", torch.zeros(()))

    def set_step(self, step):
        self.strength.fill_(0.1 * step)


class Numbered(nn.Module):
    set_step = "a name that is no method"


def test_set_step_reaches_every_module_that_has_one_a_users_own_included():
    model = nn.Sequential(Ramp(), nn.Sequential(noise.SignFlip(2), Ramp()), Numbered(), nn.Linear(2, 2))
    noise.set_step(model, 7)
    assert [model[0].strength.item(), model[1][1].strength.item()] == pytest.approx([0.7, 0.7])
    assert model[1][0].flag.item() == algorithm_1(2, 7)[-1]
    own = Ramp()
    noise.set_step(own, torch.tensor(3))
    assert own.strength.item() == pytest.approx(0.3), "the model itself, and a step that is a tensor"
    with pytest.raises(ValueError, match="steps count from 1"):
        noise.set_step(model, 0)


def test_flipped_network_has_the_gradients_of_one_that_negates_by_hand():
    torch.manual_seed(0)
    unit = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True)
    network = nn.Sequential(*unit, nn.Flatten(), nn.Linear(64, 2))
    x, y = torch.randn(5, 3, 6, 6), torch.randint(2, (5,))
    conv, norm, _, _, linear = copy.deepcopy(network)
    F.cross_entropy(linear(F.relu(-norm(conv(x))).flatten(1)), y).backward()

    names = noise.attach_periodic(network, interval=1, sites="stem")
    noise.set_step(network, 2)
    F.cross_entropy(network(x), y).backward()

    assert names == ["1"]
    expected = [*conv.parameters(), *norm.parameters(), *linear.parameters()]
    for parameter, by_hand in zip(network.parameters(), expected, strict=True):
        assert torch.equal(parameter.grad, by_hand.grad)
    assert torch.equal(network[1].running_mean, norm.running_mean)
