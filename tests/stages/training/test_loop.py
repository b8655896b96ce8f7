"""The loop: the same bits from the same seed, the signs of Algorithm 1, an interruption that changes nothing."""

import io
import math
from dataclasses import replace

import pytest
import torch

import noise
from stages.training import loop
from stages.training.batches import Batches
from stages.training.loop import Diverged, Training
from stages.variants import names
from tests.stages.training.small import copied, make_run, params, trained

VARIANTS = names()
pytestmark = pytest.mark.usefixtures("small_network")


def equal(one, other):
    """Whether two states are the same to the bit."""
    if one.keys() != other.keys():
        return False
    pairs = ((one[name], other[name]) for name in one)
    return all(torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b for a, b in pairs)


@pytest.mark.parametrize("variant", VARIANTS)
def test_same_seed_same_bits_other_seed_other_bits(crops_folder, variant):
    options = params(epochs=3)  # in the second the sign turns
    one, curves = trained(crops_folder, variant, options=options)
    same, same_curves = trained(crops_folder, variant, options=options)
    other, _ = trained(crops_folder, variant, seed=1, options=options)
    assert curves == same_curves and equal(copied(one.network), copied(same.network))
    assert not equal(copied(one.network), copied(other.network))


def test_all_variants_of_a_seed_start_from_the_same_weights_and_see_the_same_batches(crops_folder, monkeypatch):
    seen, starts = {}, {}
    real = Batches.train

    def watched(self, *arguments):
        for images, targets in real(self, *arguments):
            seen.setdefault(variant, []).append((images.clone(), targets.clone()))
            yield images, targets

    monkeypatch.setattr(Batches, "train", watched)
    for variant in VARIANTS:
        run = Training(make_run(crops_folder, variant, options=params(epochs=1)))
        starts[variant] = [
            value.clone() for name, value in run.network.named_parameters() if value.numel() > 1 and "conv" in name
        ]
        list(run.epochs())
    for variant in VARIANTS:
        assert all(torch.equal(a, b) for a, b in zip(starts[variant], starts["baseline"], strict=True))
        pairs = zip(seen[variant], seen["baseline"], strict=True)
        same = [torch.equal(a, b) and torch.equal(x, y) for (a, x), (b, y) in pairs]
        assert not any(same) if variant in ("augmented", "reordered") else all(same)


@pytest.mark.parametrize("unit", ["epoch", "step"])
def test_the_recorded_signs_are_those_of_algorithm_1(crops_folder, unit):
    options = params(interval=3, epochs=8, unit=unit, sites="first")
    run, curves = trained(crops_folder, "periodic", options=options)
    steps_per_epoch = 70 // 16
    flags, flag = [], False  # Algorithm 1, word for word
    for step in range(1, 1 + (8 if unit == "epoch" else 8 * steps_per_epoch)):
        flags.append(flag)
        if step % 3 == 3 - 1:
            flag = not flag
    if unit == "epoch":
        flags = [flag for flag in flags for _ in range(steps_per_epoch)]
    expected = [
        (index + 1, -1 if flag else 1) for index, flag in enumerate(flags) if index == 0 or flag != flags[index - 1]
    ]
    for site in run.in_force.signed:
        assert [(step, sign) for name, _, step, _, sign in run.in_force.rows if name == site] == expected
    assert {quantity for _, quantity, *_ in run.in_force.rows} == {"sign"}
    assert [row["flipped"] for row in curves] == [
        sum(flags[at : at + steps_per_epoch]) / steps_per_epoch for at in range(0, len(flags), steps_per_epoch)
    ]
    assert run.in_force.first_turn == 1 + flags.index(True)
    assert run.in_force.turns == len(run.in_force.signed) * (len(expected) - 1)


@pytest.mark.parametrize(
    ("variant", "quantity", "value"),
    [("gaussian", "stddev", 0.3), ("dropout", "p", 0.2), ("dropout-periodic", "p", 0.2)],
)
def test_strengths_are_recorded_as_signs_are(crops_folder, variant, quantity, value):
    options = params(interval=2, epochs=3)
    options = options.model_copy(
        update={
            "gaussian": options.gaussian.model_copy(update={"stddev": 0.3}),
            "dropout": options.dropout.model_copy(update={"p": 0.2}),
        }
    )
    run, _ = trained(crops_folder, variant, options=options)
    recorded = [row for row in run.in_force.rows if row[1] == quantity]
    assert recorded == [(site, quantity, 1, 1, value) for site in dict.fromkeys(run.sites)]
    assert run.in_force.turns == (len(run.in_force.signed) if variant == "dropout-periodic" else 0)


def test_a_strength_that_changes_is_recorded_where_it_changes(crops_folder):
    class Fading(torch.nn.Module):
        quantity = "share"

        def __init__(self):
            super().__init__()
            self.share = 1.0

        def set_step(self, step):
            self.share = 1.0 / step

        def in_force(self):
            return torch.tensor(self.share)

        def forward(self, x):
            return x

    made = make_run(crops_folder, "baseline", options=params(epochs=3))
    run = Training(replace(made, attach=lambda network: noise.attach(network, lambda site: Fading(), "stem")))
    list(run.epochs())
    (site,) = run.sites
    assert run.in_force.rows == [
        (site, "share", 1, 1, 1.0), (site, "share", 5, 2, 0.5), (site, "share", 9, 3, 0.3333333),
    ]  # fmt: skip


def test_dynamic_turns_and_before_that_is_the_baseline_to_the_bit(crops_folder):
    run, curves = trained(crops_folder, "dynamic", options=params(epochs=12))
    _, plain = trained(crops_folder, "baseline", options=params(epochs=12))
    assert run.in_force.first_turn and run.in_force.turns >= 1
    clean = (run.in_force.first_turn - 1) // run.steps_per_epoch
    assert clean >= 1
    for row, twin in list(zip(curves, plain))[:clean]:
        assert row["train_loss"] == twin["train_loss"] and row["flipped"] == 0
    assert curves[-1]["train_loss"] != plain[-1]["train_loss"]


def saved(training):
    """The checkpoint, as it comes back from a file."""
    file = io.BytesIO()
    torch.save(training.state_dict(), file)
    file.seek(0)
    return torch.load(file, weights_only=True)


@pytest.mark.parametrize("variant", ["dropout-periodic", "dynamic", "gaussian"])
def test_a_run_stopped_in_any_epoch_continues_to_the_same_bits(crops_folder, variant):
    run = make_run(crops_folder, variant, options=params(epochs=5, ema=0.9))
    straight, states = Training(run), []
    for _ in straight.epochs():
        states.append(saved(straight))
    for state in states[:-1]:
        resumed = Training(run)
        resumed.load_state_dict(state)
        list(resumed.epochs())
        assert resumed.progress.curves == straight.progress.curves
        assert equal(copied(resumed.network), copied(straight.network))
        assert equal(copied(resumed.evaluated), copied(straight.evaluated))
        assert equal(resumed.progress.best, straight.progress.best)
        assert resumed.progress.best_epoch == straight.progress.best_epoch
        assert resumed.in_force.rows == straight.in_force.rows


def test_a_loss_that_is_no_number_stops_the_run(crops_folder):
    with pytest.raises(Diverged, match="training loss is nan in epoch 1: lower train.learning_rate"):
        trained(crops_folder, options=params(learning_rate=1e30))


def crashing(value):
    """A method after BatchNorm that makes every activation this number."""

    class Crash(torch.nn.Module):
        def forward(self, x):
            return x * 0 + value

    return lambda network: noise.attach(network, lambda site: Crash(), "all")


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e30])
def test_what_is_no_number_before_any_weight_has_moved_is_not_blamed_on_the_learning_rate(crops_folder, value):
    run = replace(make_run(crops_folder, "baseline", options=params(epochs=3)), attach=crashing(value))
    with pytest.raises(Diverged, match="in epoch 1: so it is before any weight has moved: look at the variant") as end:
        list(Training(run).epochs())
    assert "learning_rate" not in str(end.value)


@pytest.mark.parametrize("epoch", [1, 2])
@pytest.mark.parametrize(("loss", "stops"), [(9e3, False), (3e4, True), (1e14, True)])
def test_a_loss_that_no_learning_comes_back_from_stops_the_run(crops_folder, monkeypatch, epoch, loss, stops):
    training = Training(make_run(crops_folder, "baseline", options=params(epochs=2)))
    real, calls = training.task.loss, []

    def absurd(*given):
        calls.append(1)
        return real(*given) + (loss if len(calls) > (epoch - 1) * training.steps_per_epoch + 1 else 0)

    monkeypatch.setattr(training.task, "loss", absurd)
    if stops:
        with pytest.raises(Diverged, match=rf"training loss is .* in epoch {epoch}: lower train.learning_rate"):
            list(training.epochs())
    else:
        list(training.epochs())


def test_it_learns(crops_folder):
    _, curves = trained(crops_folder, options=params(epochs=15, learning_rate=0.01))
    assert curves[0]["train_loss"] == pytest.approx(math.log(3), abs=0.5)
    assert curves[-1]["train_loss"] < 0.5 and curves[-1]["val_macro_f1"] > 0.8


def test_early_stopping_stops(crops_folder):
    run, curves = trained(crops_folder, options=params(epochs=60, early_stopping=3, learning_rate=0.01))
    assert len(curves) < 60
    assert len(curves) - run.progress.best_epoch == 3


def test_a_validation_loss_that_is_no_number_stops_the_run_too(crops_folder, monkeypatch):
    real = loop.predict
    monkeypatch.setattr(loop, "predict", lambda *arguments: real(*arguments)._replace(loss=math.inf))
    with pytest.raises(Diverged, match="validation loss is inf in epoch 1: lower train.learning_rate"):
        trained(crops_folder)
