"""One file a variant: what it attaches, and that it reads just the parameters that it says."""

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

import noise
from stages import variants
from stages.params import read
from stages.training.schedule import factor, rates
from stages.variants import load, names
from tests.stages.training.small import SmallResidual

ROOT = Path(__file__).parents[3]
PARAMS = read(ROOT / "params.yaml")
VARIANTS = names()

# What each attaches at a site, in the order of the units that come after BatchNorm.
ATTACHED = {
    "baseline": [],
    "dropout": [noise.dropout.Dropout],
    "dropout-periodic": [noise.SignFlip, noise.dropout.Dropout],
    "dynamic": [noise.AutoReLU],
    "gaussian": [noise.GaussianNoise],
    "negate": [noise.Negate],
    "periodic": [noise.SignFlip],
}


RATES = [1e-3] * 100  # of the steps of a run


def attached(name, params=PARAMS):
    """The network with the variant's modules, and the names of the sites."""
    torch.manual_seed(0)
    network = SmallResidual(3)
    variant = load(name)
    return network, variant.attach(network, variant.settle(params, RATES, 0))


def kinds(network):
    every = {kind for listed in ATTACHED.values() for kind in listed}
    return [type(module) for module in network.modules() if type(module) in every]


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


@pytest.mark.parametrize("name", ["dropout", "periodic", "dynamic", "gaussian"])
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
    network, _ = attached(
        "dynamic", changed("dynamic", start=0.125, constant=3.5, gradient="autograd", reinitialise=False)
    )
    (layer,) = (m for m in network.modules() if isinstance(m, noise.AutoReLU))
    assert (layer.weight == 0.125).all() and layer.constant == 3.5
    assert layer.gradient == "autograd" and not layer.reinitialise


@pytest.mark.parametrize("name", VARIANTS)
def test_a_step_is_an_epoch_unless_the_periodic_flip_says_otherwise(name):
    assert load(name).unit(changed("periodic", unit="epoch")) == "epoch"
    flips = {noise.SignFlip, noise.Negate} & set(ATTACHED[name])
    assert load(name).unit(changed("periodic", unit="step")) == ("step" if flips else "epoch")


def test_an_unknown_name_is_one_line():
    with pytest.raises(SystemExit, match="^no variant 'perodic' in stages/variants; did you mean periodic[?]$"):
        load("perodic")
    with pytest.raises(
        SystemExit, match="^no variant 'x' in stages/variants; there are baseline, dropout, .*periodic$"
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
