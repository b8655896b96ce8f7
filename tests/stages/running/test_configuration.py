"""Every change that may change a result makes another configuration, and nothing else does."""

import pytest
import torch

from stages.running import configuration as module
from stages.running.configuration import configuration, fingerprint
from stages.running.one_run import made


def test_fingerprint_is_of_the_values_not_their_order():
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1}) != fingerprint({"a": 1, "b": 3})


@pytest.fixture
def hashed(job, prepare_workspace, workspace):
    """The hash of a run, with values changed in params.yaml."""

    def of_run(variant="periodic", seed=0, **changes):
        prepare_workspace(workspace, changes)
        one = job(variant, seed)
        return fingerprint(configuration(one, made(one, one.machine.device)))

    return of_run


@pytest.mark.parametrize(
    "changes",
    [
        {"variant": "dropout"},
        {"seed": 1},
        {"interval": 5},
        {"periodic.unit": "step"},
        {"periodic.sites": "all"},
        {"train.epochs": 5},
        {"train.augment.shift": 1},
        {"train.precision": "bfloat16"},
        {"train.deterministic": False},
        {"train.class_balance": "weights"},
        {"machine.threads": 2},
        {"machine.compile": "on"},
    ],
    ids=str,
)
def test_what_decides_a_run_makes_another_configuration(hashed, changes):
    assert hashed(**changes) != hashed() == hashed()


@pytest.mark.parametrize(
    "changes",
    [
        {"dropout.p": 0.9},
        {"dynamic.start": 0.5},
        {"gaussian.stddev": 0.1},
        {"data.size": 100},  # the crops' digest holds what prepare made of it
        {"seeds": [0, 1, 2, 3]},
        {"machine.checkpoint_seconds": 5.0},
        {"machine.side_by_side": 2},
        {"machine.workers": 1},
        {"machine.compile": "off"},  # what auto resolves to here
        {"circles.epochs": 7},
    ],
    ids=str,
)
def test_what_decides_nothing_of_it_does_not(hashed, changes):
    assert hashed(**changes) == hashed()


def test_other_crops_are_another_configuration(hashed, workspace):
    before = hashed()
    summary = workspace / "data" / "crops" / "summary.json"
    summary.write_text(summary.read_text().replace('"digest": "', '"digest": "other '))
    assert hashed() != before


def test_other_code_hardware_and_versions_are_another_configuration(hashed, monkeypatch):
    before = hashed()
    asked = []
    with monkeypatch.context() as patch:
        patch.setattr(module, "digest", lambda entries: asked.append(entries) or "other code")
        assert hashed() != before
        hashed("dropout-periodic")
    assert asked == [
        ["stages/training", "stages/variants/periodic.py"],
        ["stages/training", "stages/variants/dropout_periodic.py"],
    ]
    with monkeypatch.context() as patch:
        patch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: not torch.backends.mkldnn.is_available())
        patch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "ANOTHER")
        assert hashed() != before
    for package in (module.torch, module.torchvision):
        with monkeypatch.context() as patch:
            patch.setattr(package, "__version__", "0.0")
            assert hashed() != before
    assert hashed() == before
