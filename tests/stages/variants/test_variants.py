"""One file a variant: what it attaches, and that it reads just the parameters that it says."""

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

import noise
from stages import variants
from stages.ending import Mistake
from stages.params import read
from stages.training.schedule import factor, rates
from stages.variants import load, names
from tests.stages.training.small import SmallResidual

ROOT = Path(__file__).parents[3]
PARAMS = read(ROOT / "params.yaml")
VARIANTS = names()

# What each attaches at a site, in the order of the units that come after BatchNorm.
ATTACHED = {
    "augmented": [],
    "baseline": [],
    "bursts": [noise.GaussianBursts],
    "dropout": [noise.dropout.Dropout],
    "dropout-periodic": [noise.SignFlip, noise.dropout.Dropout],
    "dynamic": [noise.AutoReLU],
    "gaussian": [noise.GaussianNoise],
    "half": [noise.SignFlip],
    "negate": [noise.Negate],
    "once": [noise.SignFlip],
    "periodic": [noise.SignFlip],
    "random-turns": [noise.SignFlip],
    "reordered": [],
    "restart": [],
    "smoothed": [],
}


RATES = [1e-3] * 100  # of the steps of a run


def attached(name, params=PARAMS):
    """The network with the variant's modules, and the names of the sites."""
    torch.manual_seed(0)
    network = SmallResidual(3)
    variant = load(name)
    return network, variant.attach(network, variant.settle(params, RATES, 0))


def kinds(network):
    return [type(method) for _, _, method in noise.methods(network)]


def changed(section, **values):
    return PARAMS.model_copy(update={section: getattr(PARAMS, section).model_copy(update=values)})


def test_a_variant_is_a_file_and_its_name_the_files():
    files = {path.stem for path in (ROOT / "stages" / "variants").glob("*.py")} - {"__init__"}
    assert sorted(name.replace("_", "-") for name in files) == VARIANTS
    assert set(VARIANTS) == set(ATTACHED), "say here what the new variant attaches"


@pytest.mark.parametrize("name", VARIANTS)
def test_what_a_variant_attaches_and_where(name):
    network, sites = attached(name)
    assert kinds(network) == ATTACHED[name]
    assert len(sites) == len(ATTACHED[name])
    for site in sites:
        network.get_submodule(site)


@pytest.mark.parametrize("name", VARIANTS)
def test_attaching_draws_nothing_and_leaves_the_weights(name):
    """So that all variants of a seed start from the same ones."""
    torch.manual_seed(0)
    plain = SmallResidual(3).state_dict()
    expected = torch.rand(1)
    network, _ = attached(name)
    assert torch.equal(torch.rand(1), expected)
    kept = [value for value in network.state_dict().values() if isinstance(value, torch.Tensor)]
    for value in plain.values():
        assert any(value.shape == other.shape and torch.equal(value, other) for other in kept)


class Reads:
    """Parameters that note which parts are asked for."""

    def __init__(self, params):
        self.params, self.names = params, set()

    def __getattr__(self, name):
        self.names.add(name)
        return getattr(self.params, name)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_reads_just_what_it_says(name):
    """READS decides what its stage depends on, and under which hash its runs are kept."""
    noting = Reads(PARAMS)
    variant = load(name)
    settled = variant.settle(noting, RATES, 0)
    attaching = Reads(PARAMS if settled is noting else settled)
    variant.attach(SmallResidual(3), attaching)
    assert variant.unit(noting) in ("epoch", "step")
    assert (noting.names | attaching.names) - {"train", "model_copy"} == set(variant.reads)


@pytest.mark.parametrize("name", ["dropout", "periodic", "dynamic", "gaussian", "bursts"])
def test_the_sites_are_those_of_its_own_section(name):
    _, sites = attached(name, changed(name, sites="all"))
    assert len(sites) > 1
    _, sites = attached(name, changed(name, sites=["stem"]))
    assert len(sites) == 1 and sites[0].startswith("stem")


def test_the_values_are_those_of_its_own_section():
    (flip,) = (
        m
        for m in attached("periodic", PARAMS.model_copy(update={"interval": 11}))[0].modules()
        if isinstance(m, noise.SignFlip)
    )
    assert flip.interval == 11
    network, _ = attached("dropout", changed("dropout", p=0.35))
    assert [m.p for m in network.modules() if isinstance(m, nn.Dropout)] == [0.35]
    network, _ = attached("gaussian", changed("gaussian", stddev=0.75))
    assert [m.stddev for m in network.modules() if isinstance(m, noise.GaussianNoise)] == [0.75]
    network, _ = attached("bursts", changed("bursts", stddev=1.5))
    assert [m.noise.stddev for m in network.modules() if isinstance(m, noise.GaussianBursts)] == [1.5]
    network, _ = attached(
        "dynamic", changed("dynamic", start=0.125, constant=3.5, gradient="autograd", reinitialise=False)
    )
    (layer,) = (m for m in network.modules() if isinstance(m, noise.AutoReLU))
    assert (layer.weight == 0.125).all() and layer.constant == 3.5
    assert layer.gradient == "autograd" and not layer.reinitialise


@pytest.mark.parametrize("name", VARIANTS)
def test_a_step_is_an_epoch_unless_the_periodic_flip_says_otherwise(name):
    assert load(name).unit(changed("periodic", unit="epoch")) == "epoch"
    by_step = {noise.SignFlip, noise.Negate, noise.GaussianBursts} & set(ATTACHED[name])
    assert load(name).unit(changed("periodic", unit="step")) == ("step" if by_step else "epoch")


def test_an_unknown_name_is_one_line():
    with pytest.raises(SystemExit, match="^no variant 'perodic' in stages/variants; did you mean periodic[?]$"):
        load("perodic")
    with pytest.raises(
        SystemExit, match="^no variant 'x' in stages/variants; there are augmented, baseline, .*smoothed$"
    ):
        load("x")


def test_another_file_is_another_variant(tmp_path, monkeypatch):
    (tmp_path / "sign_noise.py").write_text(
        "READS = ('interval',)\n\ndef attach(network, params):\n    return [str(params.interval)]\n"
    )
    monkeypatch.setattr(variants, "__path__", [*variants.__path__, str(tmp_path)])
    assert names() == sorted([*VARIANTS, "sign-noise"])
    variant = load("sign-noise")
    assert (variant.name, variant.reads, variant.unit(PARAMS)) == ("sign-noise", ("interval",), "epoch")
    assert variant.settle(PARAMS, RATES, 0) is PARAMS
    assert variant.attach(None, PARAMS) == [str(PARAMS.interval)]


def test_both_of_dropout_periodic_act_the_flip_before_dropout():
    """The flip right after BatchNorm, as in Algorithm 1; what dropout zeroes stays zero."""
    network, _ = attached("dropout-periodic", PARAMS.model_copy(update={"interval": 1}))
    plain = copy.deepcopy(network)
    seen = []
    for module in network.modules():
        if isinstance(module, noise.SignFlip | noise.dropout.Dropout | nn.ReLU):
            module.register_forward_hook(lambda module, inputs, output: seen.append(type(module)))
    network.train()(torch.randn(4, 3, 8, 8))
    assert seen.index(noise.SignFlip) < seen.index(noise.dropout.Dropout)
    x = torch.randn(4, 3, 8, 8)
    noise.set_step(plain, 2)
    flipped = plain.eval()(x)
    noise.set_step(plain, 1)
    assert not torch.equal(flipped, plain(x))


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize("share", [0.1, 0.3, 0.7])
def test_the_automatic_start_turns_after_its_share_of_the_run(schedule, share):
    train = {"learning_rate": 1e-3, "weight_decay": 1e-4, "schedule": schedule, "epochs": 20, "batch_size": 10}
    options = changed("dynamic", start="auto", first_turn=share).model_copy(
        update={"train": PARAMS.train.model_copy(update=train)}
    )
    steps = rates(options.train, images=104)
    assert len(steps) == 20 * 10
    settled = load("dynamic").settle(options, steps, 0)
    weight = torch.tensor([settled.dynamic.start], requires_grad=True)
    optimizer = torch.optim.Adam([weight], weight_decay=1e-4)
    for step in range(1, 201):
        optimizer.param_groups[0]["lr"] = 1e-3 * factor(step, 200, 10, schedule)
        weight.grad = torch.zeros(1)
        optimizer.step()
        if weight.item() < 0:
            break
    assert step == pytest.approx(share * 200, abs=1)


def test_a_start_that_is_a_number_is_taken_as_it_is():
    options = changed("dynamic", start=0.25)
    assert load("dynamic").settle(options, RATES, 0) is options


@pytest.mark.parametrize("train", [{"optimizer": "adamw"}, {"optimizer": "sgd"}, {"weight_decay": 0.0}], ids=str)
def test_where_no_start_turns_the_automatic_one_is_any(train):
    options = PARAMS.model_copy(update={"train": PARAMS.train.model_copy(update=train)})
    assert 0 < load("dynamic").settle(options, RATES, 0).dynamic.start < 1


def of_train(**values):
    return PARAMS.model_copy(update={"train": PARAMS.train.model_copy(update=values)})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("half", changed("periodic", share=0.5)),
        ("restart", of_train(schedule="restarts", period=PARAMS.interval)),
        ("reordered", of_train(order=1)),
        ("smoothed", of_train(label_smoothing=0.1)),
        ("augmented", of_train(augment=PARAMS.train.augment.model_copy(update={"shift": 4, "rotate": 10.0}))),
    ],
)
def test_what_a_control_settles_and_nothing_else(name, expected):
    assert load(name).settle(PARAMS, RATES, 0) == expected
    assert load(name).settle(expected, RATES, 0) == expected or name == "reordered"


LONG = of_train(epochs=12)


@pytest.mark.parametrize("unit", ["epoch", "step"])
@pytest.mark.parametrize(("interval", "chosen"), [(1, None), (3, None), (7, None), (3, [2, 5, 6, 11, 200])])
def test_once_and_random_turns_have_the_turns_of_the_run(unit, interval, chosen):
    section = LONG.periodic.model_copy(update={"unit": unit, "turns": chosen})
    options = LONG.model_copy(update={"interval": interval, "periodic": section})
    length = 12 if unit == "epoch" else len(RATES)
    turns = [turn for turn in chosen or noise.turns(interval, length) if turn <= length]
    assert load("once").settle(options, RATES, 0).periodic.turns == turns[:1]
    drawn = [load("random-turns").settle(options, RATES, seed).periodic.turns for seed in range(40)]
    assert drawn == [load("random-turns").settle(options, RATES, seed).periodic.turns for seed in range(40)]
    assert all(len(set(each)) == len(each) == len(turns) and each == sorted(each) for each in drawn)
    if len(turns) < length - 1:
        assert len({*map(tuple, drawn)}) > 5, "each seed its own"
    if unit == "epoch":
        assert {turn for each in drawn for turn in each} == set(range(2, 13)), "any epoch but the first"


@pytest.mark.parametrize("name", ["once", "random-turns"])
def test_a_run_without_a_turn_stays_one(name):
    options = LONG.model_copy(update={"interval": 13})
    assert load(name).settle(options, RATES, 0) == options


def test_negate_refuses_a_running_average_in_one_line():
    with pytest.raises(Mistake, match=r"^train\.ema 0\.9: the weights .* set it to null, or leave the variant out$"):
        load("negate").settle(of_train(ema=0.9), RATES, 0)
