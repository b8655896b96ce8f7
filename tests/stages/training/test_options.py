"""Each option of `train` against a training written out by hand: the same batches, torch's own optimisers, formulas."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from stages.training import network
from stages.training.loop import Training
from tests.stages.conftest import relabel
from tests.stages.training.small import SmallResidual, copied, make_run, params, trained

pytestmark = pytest.mark.usefixtures("small_network")
STEPS_PER_EPOCH = 70 // 16
EPOCHS = 3


@pytest.fixture
def ours(crops_folder, watched):
    """Trains by us: the training, the network as it started, and the batches that it saw."""

    def train(**options):
        watched.clear()
        training = Training(make_run(crops_folder, options=params(epochs=EPOCHS, **options)))
        start = SmallResidual(3)
        start.load_state_dict(training.network.state_dict())
        list(training.epochs())
        assert len(watched) == EPOCHS * STEPS_PER_EPOCH
        return training, start, list(watched)

    return train


def cross_entropy(logits, targets):
    return -torch.log_softmax(logits, 1).gather(1, targets[:, None]).mean()


def by_hand(start, batches, make_optimiser, loss=cross_entropy, rate=None, after_step=lambda network: None):
    """The network trained on the batches in turn, and its mean loss in each epoch.

    `rate` gives the learning rate of step 1, 2, ... of all.
    """
    start.train()
    optimiser, losses = make_optimiser(start.parameters()), []
    for step, (images, targets) in enumerate(batches, start=1):
        if rate:
            optimiser.param_groups[0]["lr"] = rate(step)
        optimiser.zero_grad()
        batch_loss = loss(start(images), targets)
        batch_loss.backward()
        optimiser.step()
        after_step(start)
        losses.append(batch_loss.item())
    return start, np.reshape(losses, (EPOCHS, -1)).mean(1)


def assert_same_training(training, network, losses, tolerance=2e-5):
    """Weights and losses agree to within the rounding of another order of the same sums."""
    assert [row["train_loss"] for row in training.progress.curves] == pytest.approx(losses, rel=1e-4)
    expected = network.state_dict()
    for name, value in training.network.state_dict().items():
        torch.testing.assert_close(
            value, expected[name], rtol=0, atol=tolerance, msg=lambda text, name=name: name + text
        )


def adam(parameters):
    return torch.optim.Adam(parameters, lr=1e-3, weight_decay=1e-4, foreach=False)


# A weight decay this strong keeps coupled and decoupled decay apart.
OPTIMISERS = {
    "adam": ({}, lambda weights: torch.optim.Adam(weights, lr=3e-3, weight_decay=0.1, foreach=False)),
    "adamw": ({}, lambda weights: torch.optim.AdamW(weights, lr=3e-3, weight_decay=0.1, foreach=False)),
    "sgd": (
        {"momentum": 0.7},
        lambda weights: torch.optim.SGD(weights, lr=3e-3, momentum=0.7, weight_decay=0.1, foreach=False),
    ),
}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_the_optimiser_is_torchs_of_that_name(ours, name):
    options, make = OPTIMISERS[name]
    training, start, batches = ours(optimizer=name, learning_rate=3e-3, weight_decay=0.1, **options)
    before = copied(start)
    assert_same_training(training, *by_hand(start, batches, make))
    others = [OPTIMISERS[other][1] for other in OPTIMISERS if other != name]
    for other in others:  # the tolerance tells them apart
        start.load_state_dict(before)
        with pytest.raises(AssertionError):
            assert_same_training(training, *by_hand(start, batches, other))


def test_label_smoothing_is_the_formula(ours):
    training, start, batches = ours(label_smoothing=0.3)

    def smoothed(logits, targets):
        wanted = torch.full((len(targets), 3), 0.1).scatter(1, targets[:, None], 0.8)  # 1 - 0.3 + 0.3 / 3
        return -(wanted * torch.log_softmax(logits, 1)).sum(1).mean()

    assert_same_training(training, *by_hand(start, batches, adam, smoothed))


@pytest.fixture
def unbalanced(crops_folder):
    """The labels of the crops, made 50 of class 0, 15 of class 1 and 5 of class 2."""
    labels = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [50, 15, 5]))
    relabel(crops_folder, labels)
    return labels


def test_class_weights_are_inverse_to_the_counts(unbalanced, ours):
    training, start, batches = ours(class_balance="weights")
    weights = torch.tensor([70 / 50, 70 / 15, 70 / 5]) / 3

    def weighted(logits, targets):
        each = F.nll_loss(torch.log_softmax(logits, 1), targets, reduction="none")
        return (weights[targets] * each).sum() / weights[targets].sum()

    assert_same_training(training, *by_hand(start, batches, adam, weighted))


def test_sampling_shows_every_class_as_often(unbalanced, ours, watched):
    def seen():
        return torch.bincount(torch.cat([targets for _, targets in watched]), minlength=3) / (EPOCHS * 64)

    ours(class_balance="none")
    assert seen()[0] > 0.65
    training, start, batches = ours(class_balance="sampling")
    assert (seen() - 1 / 3).abs().max() < 4 * math.sqrt(2 / 9 / (EPOCHS * 64))  # standard deviations of a share
    assert_same_training(training, *by_hand(start, batches, adam))  # each counts once in the loss


def test_soft_labels_are_learned_where_the_crops_have_them_and_validation_stays_hard(crops_folder, ours):
    soft = np.random.default_rng(1).dirichlet([1, 1, 1], 70).astype(np.float32)
    np.save(crops_folder / "train" / "soft.npy", soft)
    np.save(crops_folder / "val" / "soft.npy", np.full((30, 3), 1 / 3, np.float32))
    training, start, batches = ours()
    assert all(targets.shape == (16, 3) for _, targets in batches)
    shown = torch.cat([targets for _, targets in batches[:STEPS_PER_EPOCH]])
    assert {tuple(row) for row in shown.tolist()} <= {tuple(row) for row in soft.tolist()}

    def distribution(logits, targets):
        return -(targets * torch.log_softmax(logits, 1)).sum(1).mean()

    network, losses = by_hand(start, batches, adam, distribution)
    assert_same_training(training, network, losses)
    assert training.progress.curves[-1]["val_loss"] == pytest.approx(hard_loss(network, crops_folder), rel=1e-3)


def hard_loss(network, crops_folder):
    """The mean cross-entropy of the validation split, in evaluation mode, from its files."""
    images = np.load(crops_folder / "val" / "images.npy").astype(np.float32)
    inputs = torch.from_numpy(((images / 255 - 0.4) / 0.2).transpose(0, 3, 1, 2)).expand(-1, 3, -1, -1)
    with torch.no_grad():
        return F.cross_entropy(
            network.eval()(inputs), torch.from_numpy(np.load(crops_folder / "val" / "labels.npy"))
        ).item()


def test_the_learning_rate_of_every_step_is_the_schedules(ours):
    steps, rise = EPOCHS * STEPS_PER_EPOCH, STEPS_PER_EPOCH

    def rate(step):
        if step <= rise:
            return 0.05 * step / (rise + 1)
        return 0.05 * (1 + math.cos(math.pi * (step - 1 - rise) / (steps - rise))) / 2

    training, start, batches = ours(
        optimizer="sgd", momentum=0.0, weight_decay=0.0, learning_rate=0.05, schedule="cosine", warmup=1
    )
    last_steps = range(STEPS_PER_EPOCH, steps + 1, STEPS_PER_EPOCH)
    assert [row["lr"] for row in training.progress.curves] == pytest.approx([rate(step) for step in last_steps])
    assert [row["step"] for row in training.progress.curves] == list(last_steps)
    assert_same_training(
        training, *by_hand(start, batches, lambda weights: torch.optim.SGD(weights, lr=1.0, foreach=False), rate=rate)
    )


def test_the_running_average_is_evaluated_and_its_buffers_are_the_networks(crops_folder, ours):
    training, start, batches = ours(ema=0.8, learning_rate=0.01)
    average = {}

    def average_weights(network):
        for name, weight in network.named_parameters():
            weight = weight.detach().clone()
            average[name] = 0.8 * average[name] + 0.2 * weight if name in average else weight

    network, losses = by_hand(
        start,
        batches,
        lambda weights: torch.optim.Adam(weights, lr=0.01, weight_decay=1e-4, foreach=False),
        after_step=average_weights,
    )
    assert_same_training(training, network, losses, tolerance=1e-3)
    for name, weight in training.evaluated.named_parameters():
        torch.testing.assert_close(weight.detach(), average[name], rtol=0, atol=1e-3)
    apart = (network.get_parameter(name) - weight for name, weight in training.evaluated.named_parameters())
    assert max(difference.abs().max() for difference in apart) > 1e-2, "the tolerance tells it from the last weights"
    for name, buffer in training.evaluated.named_buffers():
        assert torch.equal(buffer, training.network.get_buffer(name)), name
    network.load_state_dict(average, strict=False)  # the buffers stay
    assert training.progress.curves[-1]["val_loss"] == pytest.approx(hard_loss(network, crops_folder), rel=1e-2)


def test_a_flag_has_no_average_at_any_update(crops_folder, monkeypatch):
    """The average of a sign that turns would be no sign."""
    training = Training(make_run(crops_folder, "periodic", options=params(epochs=4, ema=0.9, unit="step")))
    update, flags = training.average.update_parameters, []

    def checked(network):
        update(network)
        for name, buffer in network.named_buffers():
            assert torch.equal(buffer, training.evaluated.get_buffer(name)), name
        flags.append([bool(value) for name, value in network.named_buffers() if name.endswith("flag")])

    training.average.update_parameters = checked
    list(training.epochs())
    assert len(flags) == 4 * STEPS_PER_EPOCH
    assert {True, False} == {flag for step in flags for flag in step}


def test_bfloat16_is_near_to_float32_and_not_the_same(crops_folder):
    (_, exact), (_, rounded) = (
        trained(crops_folder, options=params(epochs=EPOCHS, precision=precision))
        for precision in ("float32", "bfloat16")
    )
    ours, theirs = ([row["train_loss"] for row in rows] for rows in (rounded, exact))
    assert ours == pytest.approx(theirs, rel=0.03)
    assert ours != pytest.approx(theirs, rel=1e-5)


@pytest.mark.parametrize(("precision", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_the_precision_is_that_of_the_products_and_the_weights_stay_float32(crops_folder, precision, dtype):
    training = Training(make_run(crops_folder, options=params(epochs=1, precision=precision)))
    outputs = []
    training.network.conv1.register_forward_hook(lambda module, inputs, output: outputs.append(output.dtype))
    list(training.epochs())
    assert set(outputs) == {dtype}
    assert {weight.dtype for weight in training.network.parameters()} == {torch.float32}


def test_batch_size_network_and_stem_are_those_asked_for(crops_folder, watched, monkeypatch):
    asked = []
    monkeypatch.setattr(network, "build", lambda *given: asked.append(given) or SmallResidual(3))
    options = params(epochs=1, batch_size=20, network="resnet34", stem="small")
    trained(crops_folder, options=options)
    assert asked == [("resnet34", 3, "small")]
    assert [len(images) for images, _ in watched] == [20] * 3
