"""What no plain network computes is refused by `fold`, in one line, and left as it was."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

import noise
from tests.noise.folding import IMAGES, flip, network, traces, turn


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


def test_a_shared_weight_under_two_signs_is_refused():
    model = network().eval()
    model.layer1[1].bn1.weight = model.layer1[0].bn1.weight
    noise.attach_periodic(model, 1, ["layer1.0.bn1"])
    noise.attach_dynamic(model, 0.001, ["layer1.1.bn1"])
    noise.set_step(model, 2)
    model(IMAGES)
    with pytest.raises(ValueError, match="layer1.1.bn1 shares its weight with a BatchNorm of another sign"):
        noise.fold(model)


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
