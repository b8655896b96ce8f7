"""dvc.yaml, params.yaml and the code say the same."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from stages.params import Params
from stages.reporting import style
from stages.variants import VARIANTS

ROOT = Path(__file__).parents[1]
PIPELINE = YAML(typ="safe").load(ROOT / "dvc.yaml")
STAGES = PIPELINE["stages"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_depends_on_just_the_parameters_that_it_reads(variant):
    stage = STAGES[f"train-{variant}"]
    assert set(stage["params"]) == {"train", *VARIANTS[variant].reads}
    assert f"--variant {variant} " in stage["cmd"]
    assert stage["outs"] == [f"runs/{variant}-${{item.seed}}"]


def test_every_variant_is_evaluated_and_drawn():
    assert STAGES["evaluate"]["matrix"]["variant"] == list(VARIANTS) == list(style.VARIANTS)
    assert {name: kind.flips for name, kind in VARIANTS.items()} == {
        name: look.injects for name, look in style.VARIANTS.items()
    }


def test_every_dependency_and_parameter_exists():
    made = [list(out)[0] if isinstance(out, dict) else out for stage in STAGES.values() for out in stage["outs"]]
    for name, stage in STAGES.items():
        for dependency in stage["deps"]:
            assert (ROOT / dependency).exists() or any(out.startswith(dependency.split("$")[0]) for out in made), (
                name,
                dependency,
            )
        assert set(stage.get("params", [])) <= set(Params.model_fields), name


def test_the_training_outs_stay_in_the_run_cache():
    """`cache: false` or `persist: true` on one of them would keep a repeated sweep from being skipped."""
    for name, stage in STAGES.items():
        if name.startswith("train-"):
            assert all(isinstance(out, str) for out in stage["outs"])
