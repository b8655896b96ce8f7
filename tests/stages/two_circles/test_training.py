import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.metrics import log_loss

from stages.two_circles import training
from stages.two_circles.network import Backward, glorot_uniform, with_ones
from stages.two_circles.randomness import HIDDEN, INPUT, WEIGHTS
from stages.two_circles.training import Noise, Schedule, train
from tests.stages.two_circles.conftest import VARIANTS
from tests.stages.two_circles.oracle import fit, sequential

UNITS, EPOCHS, RATE = 40, 20, 0.01
SCHEDULE = Schedule(EPOCHS, RATE)


@pytest.fixture(scope="module")
def trained(repetitions):
    return train(repetitions, VARIANTS, UNITS, SCHEDULE)


def stream(seed, purpose):
    """A repetition's random numbers for one purpose, as the module documents them."""
    return torch.Generator().manual_seed(int(np.random.SeedSequence((seed, purpose)).generate_state(1)[0]))


def of_model(models, variant, repetition, repetitions):
    """kernel, output and bias of one model."""
    index = variant * len(repetitions) + repetition
    return models.kernel[index], models.output[index], models.bias[index]


@pytest.mark.parametrize("variant", range(len(VARIANTS)), ids=["baseline", "input", "before", "after"])
@pytest.mark.parametrize("repetition", [0, 1, 4])
def test_each_model_becomes_what_it_becomes_alone(trained, repetitions, variant, repetition):
    seed, _, points, test = repetitions[repetition]
    site, stddev = VARIANTS[variant]
    noise = stream(seed, INPUT if site == "input" else HIDDEN)
    alone = sequential(*glorot_uniform(UNITS, stream(seed, WEIGHTS)), site, stddev, noise)
    x, y, test_x, test_y = map(torch.from_numpy, (*points, *test))
    logits, test_logits = fit(alone, x, y, test_x, EPOCHS, RATE)

    first, second = (layer for layer in alone if isinstance(layer, torch.nn.Linear))
    kernel, output, bias = of_model(trained.models, variant, repetition, repetitions)
    close = {"rtol": 1e-3, "atol": 2e-5}
    torch.testing.assert_close(kernel, torch.cat([first.weight.T, first.bias[None]]).detach(), **close)
    torch.testing.assert_close(output, second.weight.detach(), **close)
    torch.testing.assert_close(bias[0], second.bias.detach(), **close)
    for curve, answers, labels in ((trained.train_curve, logits, y), (trained.test_curve, test_logits, test_y)):
        expected = ((answers > 0) == (labels > 0)).float().mean(1)
        np.testing.assert_allclose(curve[variant, repetition], expected, atol=1e-6)
    alone.eval()
    assert trained.train_accuracy[variant, repetition] == pytest.approx(
        ((alone(x)[:, 0] > 0) == (y > 0)).float().mean().item()
    )
    assert trained.test_accuracy[variant, repetition] == trained.test_curve[variant, repetition, -1]


def test_the_company_changes_nothing_beyond_rounding(trained, repetitions):
    some = train(repetitions[3:4], VARIANTS[2:3], UNITS, SCHEDULE)
    together = of_model(trained.models, 2, 3, repetitions)
    for ours, theirs in zip(of_model(some.models, 0, 0, [None]), together):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-5)


def test_the_number_of_threads_changes_not_a_bit(trained, repetitions):
    again = train(repetitions, VARIANTS, UNITS, SCHEDULE, workers=3)
    assert torch.equal(again.models.flat, trained.models.flat)
    np.testing.assert_array_equal(again.train_curve, trained.train_curve)


def test_variants_of_a_repetition_start_alike_and_repetitions_do_not(repetitions):
    untrained = train(repetitions, VARIANTS, UNITS, Schedule(epochs=1, learning_rate=0.0)).models
    kernel = untrained.kernel.unflatten(0, (len(VARIANTS), -1))
    assert torch.equal(kernel, kernel[:1].expand_as(kernel))
    assert len(torch.unique(kernel[0], dim=0)) == len(repetitions)


def test_noise_of_no_size_is_none(repetitions):
    variants = [Noise(), Noise("input", 0.0), Noise("before", 0.0), Noise("after", 0.0)]
    found = train(repetitions[:1], variants, UNITS, SCHEDULE)
    for curve in found.train_curve[1:]:
        np.testing.assert_array_equal(curve, found.train_curve[0])


def test_test_points_are_looked_at_in_every_interval(trained, repetitions):
    seldom = train(repetitions, VARIANTS, UNITS, Schedule(EPOCHS, RATE, test_interval=6))
    np.testing.assert_array_equal(seldom.test_curve, trained.test_curve[..., 5::6])
    np.testing.assert_array_equal(seldom.test_accuracy, trained.test_accuracy)


def test_models_are_kept_as_training_that_ends_there_leaves_them(trained, repetitions):
    kept = train(repetitions, VARIANTS, UNITS, Schedule(EPOCHS, RATE, keep_interval=8)).kept
    assert len(kept) == 2 and not trained.kept
    ended = train(repetitions, VARIANTS, UNITS, Schedule(8, RATE))
    assert torch.equal(kept[0].flat, ended.models.flat) and not torch.equal(kept[1].flat, kept[0].flat)


def test_losses_are_those_of_the_logits(trained, repetitions):
    np.testing.assert_array_equal(trained.test_loss_curve[..., -1], trained.test_loss)
    x, y = map(torch.from_numpy, repetitions[2].train)
    kernel, output, bias = of_model(trained.models, 1, 2, repetitions)
    logits = (torch.relu(with_ones(x) @ kernel) @ output.T + bias)[:, 0]
    assert trained.train_loss[1, 2] == pytest.approx(log_loss(y, logits.double().sigmoid()), rel=1e-5)


def test_progress_adds_up_to_all_epochs(repetitions):
    told = []
    train(repetitions, VARIANTS[:1], 4, Schedule(230, RATE), progress=told.append)
    assert sum(told) == 230 * len(repetitions)


@pytest.fixture(scope="module")
def noise(repetitions):
    """What was added at the input and after the ReLU: (epochs, repetitions, points, 2), and units in the place of 2."""
    calls = []

    class Recording(Backward):
        def __call__(self, before, after, out=None):
            logits = super().__call__(before, after, out)
            calls.append((self.x[..., :2].clone(), self.hidden.clone()))
            return logits

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "Backward", Recording)
        patch.setattr(training, "GROUP", len(repetitions))
        train(repetitions, VARIANTS, UNITS, Schedule(EPOCHS, learning_rate=0.0))
    x, hidden = (torch.stack(part).unflatten(1, (len(VARIANTS), -1)) for part in zip(*calls))
    for clean in (x[:, 2], x[:, 3]):
        assert torch.equal(clean, x[:, 0])
    assert torch.equal(hidden[0, 0], hidden[-1, 0])
    return x[:, 1] - x[:, 0], hidden[:, 3] - hidden[:, 0]


@pytest.mark.parametrize(
    ("which", "stddev"), [(0, VARIANTS[1].stddev), (1, VARIANTS[3].stddev)], ids=["input", "hidden"]
)
def test_noise_is_gaussian_and_new_in_every_epoch_and_repetition(noise, which, stddev):
    values = noise[which].double()
    assert stats.kstest(values.flatten(), "norm", args=(0, stddev)).pvalue > 1e-3
    streams = values.flatten(2).flatten(0, 1)  # one row for each epoch of each repetition
    correlation = np.corrcoef(streams) - np.eye(len(streams))
    assert abs(correlation).max() < 6 / np.sqrt(streams.shape[1])
