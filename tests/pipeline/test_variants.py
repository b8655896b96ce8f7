"""A variant is one file, one stage, and where it has parameters one section: whatever else knows it is named here."""

import pytest

from stages import variants
from stages.params import Params, read
from tests.pipeline.pipelines import ROOT, STAGES, outs, stages

TRAINING = {name: stage for name, stage in STAGES.items() if ":train-" in name}


@pytest.mark.parametrize("name", variants.names())
def test_a_variant_is_a_file_a_stage_and_its_sections(name):
    variant = variants.load(name)
    trained_by = [stage for stage in TRAINING if stage.endswith(f":train-{name}")]
    assert trained_by, f"no stage train-{name} in dvc.yaml or a studies/*/dvc.yaml"
    for part in variant.reads:
        assert part in Params.model_fields, f"stages/params.py: no section {part}, which variants/{name} reads"
        assert getattr(read(ROOT / "params.yaml"), part) is not None, f"params.yaml: no section {part}"


@pytest.mark.parametrize("file", sorted({name.split(":")[0] for name in TRAINING}))
def test_every_trained_variant_is_evaluated_and_measured(file):
    pipeline = stages(ROOT / file)
    trained = [name.removeprefix("train-") for name in pipeline if name.startswith("train-")]
    assert [name.removeprefix("evaluate-") for name in pipeline if name.startswith("evaluate-")] == trained
    words = pipeline["measure"]["cmd"].split()[3:]
    assert words[: len(trained)] == trained
    made = [out for name in pipeline if name.startswith(("train-", "evaluate-")) for out in outs(pipeline[name])]
    assert set(made) <= set(pipeline["measure"]["deps"])


def test_the_best_model_is_chosen_among_all_variants_of_the_main_pipeline():
    pipeline = stages(ROOT / "dvc.yaml")
    trained = [name.removeprefix("train-") for name in pipeline if name.startswith("train-")]
    assert pipeline["model"]["cmd"].split()[3:] == trained
    assert {f"runs/{name}" for name in trained} <= set(pipeline["model"]["deps"])


def test_the_trained_runs_stay_in_the_run_cache():
    """`cache: false` or `persist: true` on one of them would keep a repeated sweep from being skipped."""
    for name, stage in STAGES.items():
        if ":train-" in name or ":evaluate-" in name:
            assert all(isinstance(out, str) for out in stage["outs"]), name


def test_every_dependency_and_parameter_exists():
    made = [out for stage in STAGES.values() for out in outs(stage)]
    for name, stage in STAGES.items():
        for dependency in stage["deps"]:
            inside = any(dependency == out or dependency.startswith(f"{out}/") for out in made)
            assert inside or (ROOT / dependency).exists(), (name, dependency)
