"""Every change that may change a result makes another configuration, and nothing else does."""

import json

import pytest
import torch

from stages.running import configuration as module
from stages.running.configuration import configuration, fingerprint
from stages.running.one_run import made
from stages.variants import names


def test_fingerprint_is_of_the_values_not_their_order():
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1}) != fingerprint({"a": 1, "b": 3})


@pytest.fixture
def hashed(job, prepare_workspace, workspace):
    """The hash of a run, with values changed in params.yaml."""

    def of_run(variant="periodic", seed=0, **changes):
        prepare_workspace(workspace, changes)
        one = job(variant, seed)
        return fingerprint(configuration(*made(one, one.machine.device)))

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
        {"data.side": 100},  # the crops' digest holds what prepare made of it
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


@pytest.mark.parametrize(("name", "value"), [("digest", "other"), ("flip", False), ("classes", ["a", "b", "c"])])
def test_other_crops_are_another_configuration(hashed, workspace, name, value):
    before, path = hashed(), workspace / "data" / "crops" / "summary.json"
    summary = json.loads(path.read_text()) | {name: value}
    for split, counts in summary["counts"].items():
        summary["counts"][split] = dict(zip(summary["classes"], counts.values()))
    path.write_text(json.dumps(summary))
    assert hashed() != before


def test_the_code_of_a_variant_is_the_closure_of_training_and_its_own_file(monkeypatch):
    asked = []
    monkeypatch.setattr(module, "digest", lambda entries: asked.append(entries) or "a hash")
    assert module.code_of("dropout-periodic") == "a hash"
    assert asked == [["stages/training", "stages/variants/dropout_periodic.py"]]
    assert set(module.CODE) == set(names()) and len(set(module.CODE.values())) == len(names())


def test_code_edited_while_a_stage_works_is_not_taken_for_the_code_that_it_runs(hashed, monkeypatch):
    before = hashed()
    monkeypatch.setattr(module, "digest", lambda entries: "of the files as they are now")
    assert hashed() == before


def test_other_code_hardware_and_versions_are_another_configuration(hashed, monkeypatch):
    before = hashed()
    with monkeypatch.context() as patch:
        patch.setitem(module.CODE, "dropout", "other code")
        assert hashed() == before
        patch.setitem(module.CODE, "periodic", "other code")
        assert hashed() != before
    with monkeypatch.context() as patch:
        patch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: not torch.backends.mkldnn.is_available())
        patch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "ANOTHER")
        assert hashed() != before
    for package in (module.torch, module.torchvision):
        with monkeypatch.context() as patch:
            patch.setattr(package, "__version__", "0.0")
            assert hashed() != before
    assert hashed() == before
