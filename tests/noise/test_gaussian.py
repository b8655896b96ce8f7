"""Gaussian noise against Keras' documented behaviour and the theory of its sample moments."""

import copy
import io
import math

import pytest
import torch
from scipy import stats
from torch import nn
from torch.utils.checkpoint import checkpoint, checkpoint_sequential

import noise
from tests.noise.averaging import KINDS


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


def test_the_state_of_the_stream_is_its_own_copy_of_one_size():
    layer, x = noise.GaussianNoise(1.0, seed=7), torch.zeros(20)
    before = layer.state_dict()
    drawn = layer(x)
    assert before["stream"].dtype == torch.uint8
    assert before["stream"].shape == (5072,)
    assert not torch.equal(layer.state_dict()["stream"], before["stream"]), "drawing moves the stream"
    layer.load_state_dict(before)
    assert torch.equal(layer(x), drawn)
    layer.load_state_dict(before, assign=True)
    assert torch.equal(layer(x), drawn)
    layer.reset_parameters()
    assert torch.equal(layer(x), drawn), "it had not drawn before"


def test_state_dict_holds_tensors_alone_and_nothing_without_a_seed():
    assert noise.GaussianNoise(1.0).state_dict() == {}
    assert list(noise.GaussianNoise(1.0, seed=1).state_dict()) == ["stream"]
    with pytest.raises(RuntimeError, match="Unexpected key.*stream"):
        noise.GaussianNoise(1.0).load_state_dict(noise.GaussianNoise(1.0, seed=1).state_dict())
    with pytest.raises(RuntimeError, match="Missing key.*stream"):
        noise.GaussianNoise(1.0, seed=1).load_state_dict({})
    noise.GaussianNoise(1.0, seed=1).load_state_dict({}, strict=False)


def test_safetensors_keep_the_stream(tmp_path):
    files = pytest.importorskip("safetensors.torch")
    layer, x = nn.Sequential(noise.GaussianNoise(1.0, seed=7)), torch.zeros(20)
    layer(x)
    files.save_file(layer.state_dict(), tmp_path / "state.safetensors")
    files.save_model(layer, tmp_path / "model.safetensors")
    expected = layer(x)
    for load in (
        lambda fresh: fresh.load_state_dict(files.load_file(tmp_path / "state.safetensors")),
        lambda fresh: files.load_model(fresh, tmp_path / "model.safetensors"),
    ):
        fresh = nn.Sequential(noise.GaussianNoise(1.0, seed=7))
        load(fresh)
        assert torch.equal(fresh(x), expected)


def test_checkpoint_of_a_missing_device_starts_from_the_seed():
    device = "xpu" if torch.cuda.is_available() else "cuda"
    layer = noise.GaussianNoise(1.0, seed=7)
    written = layer.state_dict()["stream"]
    written[:8] = torch.tensor(list(device.encode().ljust(8, b"\0")), dtype=torch.uint8)
    x = torch.zeros(20)
    layer(x)
    layer.load_state_dict({"stream": written})
    assert torch.equal(layer(x), noise.GaussianNoise(1.0, seed=7)(x))


@pytest.mark.parametrize("spoil", [lambda s: s // 2, lambda s: s.double(), lambda s: s[:9], lambda s: 0 * s])
def test_what_is_no_state_is_told_and_starts_from_the_seed(spoil):
    layer, x = noise.GaussianNoise(1.0, seed=7), torch.zeros(20)
    layer(x)
    with pytest.warns(UserWarning, match="0.stream is no state of a random stream"):
        nn.Sequential(layer).load_state_dict({"0.stream": spoil(layer.state_dict()["stream"])})
    assert torch.equal(layer(x), noise.GaussianNoise(1.0, seed=7)(x))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", KINDS)
def test_averaging_tools_take_a_network_with_streams(kind):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), noise.GaussianNoise(0.1, seed=1))
    average, x = KINDS[kind](net), torch.randn(8, 4)
    for _ in range(3):
        net(x)
        average.update_parameters(net)
    fresh = copy.deepcopy(net)
    fresh.load_state_dict(average.module.state_dict())
    assert torch.isfinite(fresh(x)).all()


@pytest.mark.parametrize("reentrant", [False, True])
@pytest.mark.parametrize("seed", [None, 3])
def test_activation_checkpointing_repeats_the_noise(reentrant, seed):
    """Against the gradients without it, over steps of several calls whose passes backward come in another order."""

    def gradients(run):
        torch.manual_seed(0)
        unit = nn.Linear(4, 4), noise.GaussianNoise(1.0, seed=seed), nn.Tanh()
        net = nn.Sequential(*unit, nn.Linear(4, 4), noise.GaussianNoise(1.0, seed and seed + 1), nn.Tanh())
        found = []
        for step in range(3):
            xs = [torch.randn(5, 4, generator=torch.Generator().manual_seed(10 * step + i)) for i in range(3)]
            losses = [run(net, x.requires_grad_()).square().sum() for x in xs]
            for i in 1, 2, 0:
                losses[i].backward()
            run(net, xs[0])  # of a pass without backward, as in an update of BatchNorm's statistics
            found += [p.grad.clone() for p in net.parameters()]
        found.append(net(xs[0]).detach())
        return found

    plain = gradients(lambda net, x: net(x))
    repeated = gradients(lambda net, x: checkpoint(net, x, use_reentrant=reentrant))
    segments = gradients(lambda net, x: checkpoint_sequential(net, 2, x, use_reentrant=reentrant))
    assert all(map(torch.equal, plain, repeated))
    assert all(map(torch.equal, plain, segments))


def test_a_repetition_that_is_ambiguous_is_an_error_of_one_line():
    layer = nn.Sequential(noise.GaussianNoise(1.0, seed=1), nn.Tanh())
    x = torch.ones(3, requires_grad=True)
    total = sum(checkpoint(layer, x, use_reentrant=False).sum() for _ in range(2))
    with pytest.raises(RuntimeError, match="cannot draw the same noise again: 2 of its calls had the input") as error:
        total.backward()
    assert "\n" not in str(error.value)


def test_a_compiled_layer_with_a_stream_draws_what_it_would():
    torch._dynamo.reset()
    layers = [noise.GaussianNoise(1.0, seed=1) for _ in range(2)]
    compiled, x = torch.compile(layers[0], backend="aot_eager"), torch.zeros(5)
    assert torch.equal(torch.cat([compiled(x), compiled(x)]), torch.cat([layers[1](x), layers[1](x)]))
    torch._dynamo.reset()


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
