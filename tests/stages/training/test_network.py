"""Architectures by name: torchvision's, timm's where it is installed, and one line for a name that neither knows."""

import sys
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torchvision.models import resnet18

from stages.training.network import build, must_take


def test_torchvisions_own_network_with_the_wanted_classes():
    torch.manual_seed(0)
    ours = build("resnet18", 7).state_dict()
    torch.manual_seed(0)
    theirs = resnet18(num_classes=7).state_dict()
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_a_small_stem_keeps_the_resolution_until_the_first_stage(name):
    network = build(name, 7, stem="small")
    sides = []
    network.layer1.register_forward_pre_hook(lambda module, inputs: sides.append(tuple(inputs[0].shape[1:])))
    assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 7)
    assert sides == [(64, 32, 32)]


def test_a_small_stem_is_refused_where_there_is_none():
    with pytest.raises(
        SystemExit,
        match="^params.yaml: train.stem: 'small' is for ResNets, mobilenet_v3_small has no such stem; choose imagenet$",
    ):
        build("mobilenet_v3_small", 7, stem="small")


def test_an_unknown_name_is_one_line_with_the_nearest(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)  # as where it is not installed
    with pytest.raises(
        SystemExit, match=r"^params.yaml: train.network: .* 'resnet19' \(timm.* not installed\); did you mean .*resnet1"
    ):
        build("resnet19", 7)


def test_timm_is_asked_for_what_torchvision_does_not_have(monkeypatch):
    made = []

    def create_model(name, num_classes):
        made.append((name, num_classes))
        return nn.Linear(2, num_classes)

    timm = SimpleNamespace(
        is_model=lambda name: name == "resnet18d", list_models=lambda: ["resnet18d"], create_model=create_model
    )
    monkeypatch.setitem(sys.modules, "timm", timm)
    build("resnet18", 7)
    build("resnet18d", 7)
    assert made == [("resnet18d", 7)]
    with pytest.raises(
        SystemExit, match="neither torchvision nor timm .* 'resnet18e'; did you mean resnet18 or resnet18d"
    ):
        build("resnet18e", 7)


def test_a_network_of_the_real_timm():
    pytest.importorskip("timm")
    assert build("resnet18d", 7)(torch.zeros(2, 3, 64, 64)).shape == (2, 7)


@pytest.mark.parametrize(
    ("name", "size", "reason"),
    [
        ("vit_b_32", 48, r"vit_b_32 does not take images of 48 px \(Wrong image height"),
        ("alexnet", 48, r"alexnet does not take images of 48 px \(.*Output size is too small"),
        ("googlenet", 64, "googlenet gives GoogLeNetOutputs and not logits alone"),
    ],
)
def test_a_network_that_cannot_be_trained_on_these_images_is_one_line(name, size, reason):
    with pytest.raises(SystemExit, match=f"^params.yaml: train.network: {reason}.*$"):
        must_take(build(name, 7), name, size, 7)


def test_a_trial_leaves_the_network_and_the_random_numbers_as_they_were():
    network = build("shufflenet_v2_x0_5", 7)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    torch.manual_seed(1)
    must_take(network, "shufflenet_v2_x0_5", 48, 7)
    after = torch.rand(1)
    torch.manual_seed(1)
    assert torch.equal(after, torch.rand(1))
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
