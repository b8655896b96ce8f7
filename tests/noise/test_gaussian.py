"""Gaussian noise against Keras' documented behaviour and the theory of its sample moments."""

import copy
import io
import math

import pytest
import torch
from scipy import stats
from torch import nn

import noise


@pytest.mark.parametrize("stddev", [0.01, 0.1, 3.0])
def test_noise_is_normal_with_the_stated_deviation(stddev):
    n = 200_000
    sample = noise.gaussian_noise(torch.zeros(n), stddev, torch.Generator().manual_seed(0)).double() / stddev
    # Standard errors of the mean and of the variance of n standard normal numbers: 1 / sqrt(n), sqrt(2 / n).
    assert abs(sample.mean().item()) < 4 / math.sqrt(n)
    assert abs(sample.var().item() - 1) < 4 * math.sqrt(2 / n)
    assert stats.kstest(sample[:20_000].numpy(), "norm").pvalue > 1e-3


def test_noise_is_added_to_the_input():
    x = torch.linspace(-5, 5, 1000, dtype=torch.float64)
    generators = torch.Generator().manual_seed(1), torch.Generator().manual_seed(1)
    alone = noise.gaussian_noise(torch.zeros_like(x), 0.5, generators[0])
    torch.testing.assert_close(noise.gaussian_noise(x, 0.5, generators[1]), x + alone)


def test_gradient_passes_unchanged():
    x = torch.randn(7, requires_grad=True)
    noise.gaussian_noise(x, 1.0).backward(torch.arange(7.0))
    assert torch.equal(x.grad, torch.arange(7.0))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_dtype_shape_and_memory_format_are_kept(dtype):
    x = torch.zeros(2, 3, 4, 5, dtype=dtype).to(memory_format=torch.channels_last)
    y = noise.GaussianNoise(1.0, seed=0)(x)
    assert (y.dtype, y.shape) == (dtype, x.shape)
    assert y.is_contiguous(memory_format=torch.channels_last)
    assert y.unique().numel() > 50


def test_evaluation_and_zero_deviation_are_the_identity():
    x = torch.randn(10)
    assert noise.GaussianNoise(1.0, seed=0).eval()(x) is x
    assert noise.GaussianNoise(0.0)(x) is x
    assert torch.equal(noise.gaussian_noise(x, 0.0), x)


@pytest.mark.parametrize("stddev", [-0.1, math.nan, math.inf])
def test_deviation_must_be_finite_and_not_negative(stddev):
    with pytest.raises(ValueError, match="stddev must be finite and >= 0"):
        noise.GaussianNoise(stddev)
    with pytest.raises(ValueError, match="stddev must be finite and >= 0"):
        noise.gaussian_noise(torch.zeros(1), stddev)


def test_seed_gives_a_stream_apart_from_the_global_one():
    x = torch.zeros(50)
    state = torch.random.get_rng_state()
    first, same, other = (noise.GaussianNoise(1.0, seed) for seed in (3, 3, 4))
    draws = [first(x), first(x)]
    assert not torch.equal(*draws)
    assert torch.equal(draws[0], same(x))
    assert torch.equal(draws[1], same(x))
    assert not torch.equal(draws[0], other(x))
    assert torch.equal(state, torch.random.get_rng_state())


def test_without_seed_the_global_generator_draws():
    layer, x = noise.GaussianNoise(1.0), torch.zeros(50)
    torch.manual_seed(5)
    drawn = layer(x)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.randn(50))


def test_checkpoint_and_copy_continue_the_stream():
    x = torch.zeros(20)
    layer = noise.GaussianNoise(1.0, seed=7)
    layer(x)
    file = io.BytesIO()
    torch.save(layer.state_dict(), file)
    copied = copy.deepcopy(layer)
    expected = [layer(x), layer(x)]

    file.seek(0)
    resumed = noise.GaussianNoise(1.0, seed=7)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(torch.cat([resumed(x), resumed(x)]), torch.cat(expected))
    assert torch.equal(torch.cat([copied(x), copied(x)]), torch.cat(expected))


def trained(model, optimizer, steps):
    """Each step on a batch of its own; the losses."""
    losses = []
    for step in steps:
        x = torch.randn(16, 4, generator=torch.Generator().manual_seed(step))
        loss = model(x).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_a_resumed_training_draws_what_the_uninterrupted_one_would_at_every_site():
    def make():
        torch.manual_seed(0)
        unit = nn.Linear(4, 4), nn.BatchNorm1d(4), nn.ReLU()
        model = nn.Sequential(*unit, *copy.deepcopy(unit))
        assert len(noise.attach_gaussian(model, 0.5, "all", seed=3)) == 2
        return model, torch.optim.SGD(model.parameters(), lr=0.1)

    model, optimizer = make()
    straight = trained(model, optimizer, range(8))
    model, optimizer = make()
    first = trained(model, optimizer, range(4))
    file = io.BytesIO()
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, file)
    trained(model, optimizer, range(2))  # what goes on after the checkpoint is lost
    file.seek(0)
    state = torch.load(file, weights_only=True)
    model, optimizer = make()
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    assert first + trained(model, optimizer, range(4, 8)) == straight


def test_the_state_of_the_stream_is_its_own_copy():
    layer, x = noise.GaussianNoise(1.0, seed=7), torch.zeros(20)
    before = layer.get_extra_state()
    drawn = layer(x)
    assert not torch.equal(layer.get_extra_state()["state"], before["state"]), "drawing moves the stream"
    layer.set_extra_state(before)
    assert torch.equal(layer(x), drawn)
    without = noise.GaussianNoise(1.0)
    assert without.get_extra_state() is None
    without.set_extra_state(before)
    assert without.generator is None, "a layer without a stream takes none"


def test_checkpoint_of_a_missing_device_starts_from_the_seed():
    device = "xpu" if torch.cuda.is_available() else "cuda"
    layer = noise.GaussianNoise(1.0, seed=7)
    layer.load_state_dict({"_extra_state": {"device": device, "state": torch.zeros(16, dtype=torch.uint8)}})
    x = torch.zeros(20)
    assert torch.equal(layer(x), noise.GaussianNoise(1.0, seed=7)(x))


def test_attached_layers_have_streams_of_their_own_that_follow_from_the_seed():
    def draws(seed):
        unit = nn.Linear(4, 4), nn.BatchNorm1d(4), nn.ReLU()
        model = nn.Sequential(*unit, *copy.deepcopy(unit), *copy.deepcopy(unit))
        assert noise.attach_gaussian(model, 1.0, ["stem", "first"], seed=seed) == ["1", "4", "7"]
        x = torch.zeros(30)
        return [module(x) for module in model.modules() if isinstance(module, noise.GaussianNoise)]

    first, again, other = draws(0), draws(0), draws(1)
    assert all(map(torch.equal, first, again))
    assert len({tuple(draw.tolist()) for draw in first + other}) == 6
