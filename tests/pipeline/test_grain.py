"""The cache's grain: a stage depends on what decides its result, no more and no less."""

import re
import subprocess
import sys

import pytest

from stages.running import wiring
from stages.running.wiring import module
from tests.pipeline.pipelines import FILES, ROOT, STAGES, outs, stages


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_stage_depends_on_what_decides_its_result(file, monkeypatch):
    """On the imports of its command, what trains on the parameters that its variant reads too, and on no others."""
    monkeypatch.chdir(ROOT)
    text = file.read_text(encoding="utf-8")
    assert wiring.rewired(text, file) == text, "`python -m stages.running.wiring` rewrites it"


def test_training_imports_nothing_that_decides_no_bits():
    """Progress, checkpoints and records are handed in: `deps` need not list them, and must not."""
    names = [f"stages.training.{file.stem}" for file in (ROOT / "stages/training").glob("*.py")]
    variants = [f"stages.variants.{file.stem}" for file in (ROOT / "stages/variants").glob("[a-z]*.py")]
    program = f"import sys, {', '.join(names + variants)}\nprint(*sys.modules)"
    imported = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    ours = {name for name in imported.stdout.split() if name.startswith("stages.")}
    assert {"stages.training.loop", "stages.variants.dynamic"} <= ours
    forbidden = ("stages.running", "stages.params", "stages.files", "stages.reporting", "stages.results")
    assert not [name for name in ours if name.startswith(forbidden)]


def downstream(pipeline, touched):
    """The stages that a change of one file reruns: those that depend on it, and all that depend on their outs."""
    changed = {name for name, stage in pipeline.items() if any(covers(dep, touched) for dep in stage["deps"])}
    while True:
        # The out of the check is always the same: that it ran again reruns nothing.
        made = [out for name in changed - {"check"} for out in outs(pipeline[name])]
        more = {
            name for name, stage in pipeline.items() if any(related(dep, out) for dep in stage["deps"] for out in made)
        }
        if more <= changed:
            return changed
        changed |= more


def covers(dependency, file):
    return file == dependency or file.startswith(f"{dependency}/")


def related(dependency, out):
    return covers(out, dependency) or covers(dependency, out)


TRAINED = {name.removeprefix("train-") for name in stages(ROOT / "dvc.yaml") if name.startswith("train-")}
TOLD = {"measure", "model", "claims", "report"}
TABLES = TOLD | {"pictures"}


def training_of(*variants):
    return {f"{stage}-{variant}" for stage in ("train", "evaluate") for variant in variants}


TOUCHED = {
    "stages/running/progress.py": set(),
    "stages/running/health.py": set(),
    "stages/running/record.py": set(),
    "stages/running/checkpoints.py": set(),
    "stages/running/live.py": set(),
    "stages/running/each_run.py": set(),
    "stages/files.py": set(),
    "stages/__init__.py": set(),
    "stages/ending.py": set(),
    "stages/model.py": {"model"},
    "stages/params.py": set(),
    "stages/train.py": set(),
    "stages/variants/periodic.py": training_of("periodic", "dropout-periodic") | TOLD,
    "noise/periodic.py": training_of("periodic", "dropout-periodic") | TOLD,
    "noise/dropout.py": training_of("dropout", "dropout-periodic") | TOLD,
    "stages/variants/dynamic.py": training_of("dynamic") | TOLD,
    "noise/gaussian.py": set(),
    "stages/variants/baseline.py": training_of("baseline") | TABLES,
    "stages/measures/classification.py": TOLD,
    "stages/ledger/page.py": {"claims", "report"},
    "stages/reporting/training_curves.py": {"report"},
    "stages/reporting/circles/page.py": {"report"},
    "stages/training/loop.py": training_of(*TRAINED) | TABLES,
    "stages/evaluation/predictions.py": {f"evaluate-{variant}" for variant in TRAINED} | TABLES,
}


@pytest.mark.parametrize("touched", TOUCHED)
def test_touching_a_file_reruns_what_it_decides_and_nothing_else(touched):
    assert (ROOT / touched).is_file()
    assert downstream(stages(ROOT / "dvc.yaml"), touched) - {"check"} == TOUCHED[touched]


def test_a_parameter_of_the_machine_reruns_nothing_but_check():
    for name, stage in STAGES.items():
        parts = [part for params in stage.get("params", []) for part in flattened(params)]
        assert "machine" not in {part.split(".")[0] for part in parts}, name
        assert ("params.yaml" in stage["deps"]) == name.endswith(":check"), name


def test_what_lies_outside_of_the_repository_is_looked_at_every_time():
    """A variable that names another folder, a changed set: DVC sees neither, the fingerprint does."""
    outside = {name: stage for name, stage in STAGES.items() if module(stage) == "stages/source.py"}
    assert outside and all(stage.get("always_changed") for stage in outside.values())
    kept = [out for stage in outside.values() for out in stage["outs"]]
    assert all(options["persist"] for out in kept for options in out.values()), "where the variable is unset it stays"


def test_no_stage_of_the_root_waits_for_what_a_study_makes():
    """It would run the study: what is published of one is no out of a stage."""
    made = [out for name, stage in STAGES.items() if name.startswith("studies/") for out in outs(stage)]
    for name, stage in stages(ROOT / "dvc.yaml").items():
        assert not [dep for dep in stage["deps"] for out in made if related(dep, out)], name


def test_no_parameter_is_called_as_what_the_run_cache_leaves_out():
    """DVC's run-cache goes by all parameters but those called so, at any depth (3.67, dvc/stage/cache.py): with another
    value, the outs of the first one would be checked out, and dvc.lock would say otherwise."""
    files = [ROOT / "params.yaml", *ROOT.glob("studies/*/params.yaml")]
    names = [
        name for file in files for name in re.findall(r"^ *(\w+):", file.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert "seeds" in names and not {"size", "nfiles"} & set(names)


def flattened(params):
    return [name for names in params.values() for name in names] if isinstance(params, dict) else [params]


def test_every_root_of_a_pipeline_waits_for_the_check():
    for file in FILES:
        pipeline = stages(file)
        (checked,) = outs(pipeline["check"])
        for name, stage in pipeline.items():
            made = {out for other, made in pipeline.items() if other != "check" for out in outs(made)}
            waits_for_others = any(related(dep, out) for dep in stage["deps"] for out in made)
            assert name == "check" or waits_for_others or checked in stage["deps"], f"{file}: {name}"
