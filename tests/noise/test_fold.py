"""The way back: what fold and detach leave is the plain network; fold's computes what the network with methods did."""

import copy
import gc
import io

import pytest
import torch
import torchvision
from torch import nn
from torch.nn.utils import parametrizations, prune

import noise

IMAGES = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def network(name="resnet18", seed=0):
    """One whose BatchNorms have seen data, with weights and biases of either sign."""
    torch.manual_seed(seed)
    model = torchvision.models.get_model(name, num_classes=7)
    for norm in (module for module in model.modules() if isinstance(module, nn.BatchNorm2d)):
        nn.init.normal_(norm.weight, 0.5)
        nn.init.normal_(norm.bias)
        nn.init.normal_(norm.running_mean, std=0.1)
    return model


def traces(model):
    """All that attaching could leave behind: classes, keys, attributes, hooks."""
    return [
        (
            name,
            type(module),
            sorted(vars(module)),
            [len(value) for key, value in vars(module).items() if "hooks" in key],
        )
        for name, module in model.named_modules()
    ]


def flip(model, sites):
    noise.attach_periodic(model, 1, sites)
    noise.set_step(model, 2)


def flip_half(model, sites):
    noise.attach_periodic(model, [2], sites, share=0.5)
    noise.set_step(model, 2)


def turn(model, sites):
    noise.attach_dynamic(model, 0.001, sites)
    with torch.no_grad():
        for autorelu in [module for module in model.modules() if isinstance(module, noise.AutoReLU)][::2]:
            autorelu.weight.neg_()


def turn_channels(model, sites):
    noise.attach_dynamic(model, 0.001, sites, reinitialise=False)
    with torch.no_grad():
        for autorelu in (module for module in model.modules() if isinstance(module, noise.AutoReLU)):
            autorelu.weight[::2].neg_()


def everything(model, sites):
    noise.attach_gaussian(model, 0.3, sites, seed=0)
    noise.attach_dropout(model, 0.3, sites)
    noise.attach_bursts(model, 0.3, 1, sites)
    flip(model, sites)
    turn(model, sites)


METHODS = [flip, flip_half, turn, turn_channels, everything]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("name", "sites"),
    [
        ("resnet18", "first"),
        ("resnet18", ["first", "second", "shortcut", "stem"]),
        ("mobilenet_v3_small", "all"),
    ],
)
def test_the_folded_network_is_the_plain_one_with_the_same_logits(method, name, sites):
    model = network(name).eval()
    left = traces(model)
    keys = {key: value.shape for key, value in model.state_dict().items()}
    plain = model(IMAGES)
    method(model, sites)
    expected = model(IMAGES)
    assert not torch.equal(expected, plain)

    assert noise.fold(model) is model
    assert torch.equal(model(IMAGES), expected)
    assert traces(model) == left
    assert {key: value.shape for key, value in model.state_dict().items()} == keys
    fresh = network(name, seed=1).eval()
    fresh.load_state_dict(model.state_dict())
    assert torch.equal(fresh(IMAGES), expected)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_dtypes_fold_to_the_same_bits(dtype):
    model = network().to(dtype).eval()
    flip(model, "first")
    expected = model(IMAGES.to(dtype))
    assert torch.equal(noise.fold(model)(IMAGES.to(dtype)), expected)


def test_training_goes_on_in_the_original_when_a_copy_is_folded():
    model = network().eval()
    flip(model, "first")
    expected = model(IMAGES)
    folded = noise.fold(copy.deepcopy(model))
    assert torch.equal(folded(IMAGES), expected)
    assert torch.equal(model(IMAGES), expected)
    assert noise.signs(model).tolist() == [-1] * 8


@pytest.mark.parametrize("sites", ["first", ["first", "block"], "block"])
def test_detach_gives_the_network_from_before(sites):
    model = network().eval()
    left, expected = traces(model), model(IMAGES)
    flip(model, sites)
    noise.attach_dropout(model, 0.1, sites)
    assert noise.detach(model) is model
    assert traces(model) == left
    assert torch.equal(model(IMAGES), expected)
    assert noise.attach_periodic(model, 1, sites)  # and again
    pickled = io.BytesIO()
    torch.save(noise.detach(model), pickled)


def test_a_network_without_methods_stays_as_it_is():
    model = network()
    left, state = traces(model), copy.deepcopy(model.state_dict())
    for way_back in (noise.detach, noise.fold):
        assert way_back(model) is model
        assert traces(model) == left
        assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())


def test_methods_are_freed():
    model = network()
    flip(model, "first")
    noise.detach(model)
    gc.collect()
    assert not any(isinstance(thing, noise.SignFlip) for thing in gc.get_objects() if isinstance(thing, nn.Module))


class Halve(nn.Module):
    def forward(self, x):
        return x / 2


def join(model):
    flip(model, ["first", "block"])


def without_weight(model):
    model.layer1[0].bn1 = nn.BatchNorm2d(64, affine=False)
    flip(model, "first")


def computed_weight(model):
    parametrizations.weight_norm(model.layer1[0].bn1, dim=None)
    flip(model, "first")


def own_method(model):
    flip(model, "first")
    noise.attach(model, lambda site: Halve(), "layer1.1.bn1")


def negated_after_rectifying(model):
    turn(model, "first")
    flip(model, "first")


def rectified_where_the_network_does_not(model):
    noise.attach(model, lambda site: noise.AutoReLU(site.channels, 0.001), "second")


def signed_divisor(model):
    noise.attach_dynamic(model, 0.001, divide="signed")
    with torch.no_grad():
        model.layer2[0].bn1.autorelu.weight.neg_()


@pytest.mark.parametrize(
    ("arrange", "message"),
    [
        (join, "the sign behind the addition layer1.0.join is -1"),
        (without_weight, "layer1.0.bn1 has no weight"),
        (computed_weight, "the weight of layer1.0.bn1 is computed"),
        (own_method, "layer1.1.bn1.halve: what Halve does in evaluation cannot be folded"),
        (negated_after_rectifying, "layer1.0.bn1.signflip negates what layer1.0.bn1.autorelu has rectified"),
        (rectified_where_the_network_does_not, "layer1.0.bn2.autorelu rectifies where the plain network does not"),
        (signed_divisor, "layer2.0.bn1.autorelu"),
    ],
)
def test_what_no_plain_network_computes_is_refused_and_left_as_it_was(arrange, message):
    model = network().eval()
    arrange(model)
    left, expected = traces(model), model(IMAGES)
    with pytest.raises(ValueError, match=message) as refused:
        noise.fold(model)
    assert "\n" not in str(refused.value)
    assert traces(model) == left
    assert torch.equal(model(IMAGES), expected)
    noise.detach(model)


def test_a_clip_that_was_in_force_is_refused_and_counted():
    model = network().eval()
    noise.attach_dynamic(model, 0.5, constant=0.3)
    expected = model(IMAGES)
    clipped = noise.clipped(model)
    assert set(clipped) == {f"{site}.autorelu" for site in noise.site_names(model)}
    assert all(count > 0 for count in clipped.values())
    with pytest.raises(ValueError, match=r"layer1.0.bn1.autorelu has set [\d,]+ features to 0"):
        noise.fold(model)
    assert torch.equal(model(IMAGES), expected)


def test_pruned_weights_are_folded():
    model = network().eval()
    prune.l1_unstructured(model.layer1[0].bn1, "weight", amount=0.3)
    flip(model, "first")
    expected = model(IMAGES)
    assert torch.equal(noise.fold(model)(IMAGES), expected)
    prune.remove(model.layer1[0].bn1, "weight")
    assert torch.equal(model(IMAGES), expected)


def test_weights_that_two_batchnorms_share_are_negated_once():
    model = network().eval()
    model.layer1[1].bn1.weight = model.layer1[0].bn1.weight
    flip(model, "first")
    expected = model(IMAGES)
    assert torch.equal(noise.fold(model)(IMAGES), expected)


def test_a_shared_weight_under_two_signs_is_refused():
    model = network().eval()
    model.layer1[1].bn1.weight = model.layer1[0].bn1.weight
    noise.attach_periodic(model, 1, ["layer1.0.bn1"])
    noise.attach_dynamic(model, 0.001, ["layer1.1.bn1"])
    noise.set_step(model, 2)
    model(IMAGES)
    with pytest.raises(ValueError, match="layer1.1.bn1 shares its weight with a BatchNorm of another sign"):
        noise.fold(model)


def test_folded_layers_fuse():
    model = network().eval()
    flip(model, "first")
    expected = model(IMAGES)
    pairs = [[f"layer{i}.{j}.conv1", f"layer{i}.{j}.bn1"] for i in range(1, 5) for j in range(2)]
    fused = torch.ao.quantization.fuse_modules(noise.fold(model), pairs)
    torch.testing.assert_close(fused(IMAGES), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("start", "far_off"), [(0.001, True), (0.5, False)])
def test_without_an_evaluation_the_cliff_must_be_far_off(start, far_off):
    model = network().train()
    model(IMAGES)
    noise.attach_dynamic(model, start, constant=1.0)
    if far_off:
        noise.fold(model)
    else:
        with pytest.raises(ValueError, match="layer1.0.bn1.autorelu may clip features, .* evaluate once, then fold"):
            noise.fold(model)


def test_a_network_that_has_seen_no_data_is_evaluated_before_it_is_folded():
    model = network().eval()
    noise.attach_dynamic(model, 0.001)
    with pytest.raises(ValueError, match="evaluate once, then fold"):
        noise.fold(model)
    model(IMAGES)
    noise.fold(model)


@pytest.mark.parametrize("back", [noise.fold, noise.detach])
def test_methods_that_an_exchanged_batchnorm_does_not_call_are_refused(back):
    model = network()
    flip(model, "first")
    model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
    with pytest.raises(ValueError, match=r"layer1.0.bn1 is another SyncBatchNorm .* convert, then attach"):
        back(model)


@pytest.mark.parametrize("bias", [-1000.0, 1000.0])
def test_a_shift_beyond_the_cliff_is_not_far_off(bias):
    model = network()
    noise.attach_dynamic(model, 0.5, "stem")
    model(IMAGES)
    with torch.no_grad():
        model.bn1.bias.fill_(bias)
        model.bn1.autorelu.weight.fill_(-0.05)
    with pytest.raises(ValueError, match="evaluate once"):
        noise.fold(model)


class Positive(nn.Module):
    def forward(self, weight):
        return weight.abs()


def test_a_batchnorm_is_parametrised_after_attaching():
    model = network().eval()
    flip(model, "stem")
    torch.nn.utils.parametrize.register_parametrization(model.bn1, "weight", Positive())
    expected = model(IMAGES)
    with pytest.raises(ValueError, match="bn1 has become ParametrizedBatchNorm2d since attaching"):
        noise.fold(model)
    torch.nn.utils.parametrize.remove_parametrizations(model.bn1, "weight")
    assert torch.equal(noise.fold(model)(IMAGES), expected)


class Reporting(nn.Identity):
    def in_force(self):
        return torch.ones(())


class NormOfAUser(nn.BatchNorm2d):
    def __init__(self, channels):
        super().__init__(channels)
        self.inner = Reporting()

    def forward(self, x):
        return self.inner(super().forward(x))


def test_a_child_of_a_users_own_batchnorm_is_no_leftover():
    model = torchvision.models.resnet18(num_classes=7, norm_layer=NormOfAUser).eval()
    flip(model, "first")
    expected = model(IMAGES)
    assert torch.equal(noise.fold(model)(IMAGES), expected)
