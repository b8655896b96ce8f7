"""Every stage of dvc.yaml by its command, on tiny data; of the variants, two."""

import os
import runpy
import shlex
import shutil
import subprocess
import sys

import pytest
from ruamel.yaml import YAML

from stages import ending
from tests.pipeline.pipelines import ROOT, outs, stages
from tests.stages.running.stage import forked

VARIANTS = ["baseline", "dropout-periodic"]  # the others are trained by the same command
# What starts anew has to import torch, for seconds: `evaluate-baseline` does, and trainings in tests/stages/running.
IN_THIS_PROCESS = ["train-baseline", "train-dropout-periodic", "evaluate-dropout-periodic"]
WITH_TORCH = ["check", "circles", "model", "pictures"]
SEEDS = [0, 1]
TINY = {
    "interval": 2,
    "seeds": SEEDS,
    "faces": {"train": 70, "val": 70},
    "data": {"side": 24, "test_of_val": 0.5},
    "train": {
        "images": 64,
        "watched": {"train": 32, "val": None},
        "network": "resnet18",
        "epochs": 3,
        "batch_size": 32,
        "precision": "float32",
        "learning_rate": 0.001,
    },
    "machine": {"device": "cpu", "checkpoint_seconds": 1e9},
    "circles": {"epochs": 3, "seeds": 2, "draws": 2, "hidden": 8, "test_points": 100},
}


def in_running_order(pipeline):
    """The stages' names, each behind those whose outs it depends on."""
    done, order = set(), []
    while len(order) < len(pipeline):
        for name, stage in pipeline.items():
            made_elsewhere = {
                other
                for other, made in pipeline.items()
                for out in outs(made)
                if any(dep == out or dep.startswith(f"{out}/") for dep in stage["deps"])
            }
            if name not in done and made_elsewhere <= done:
                done.add(name)
                order.append(name)
    return order


def run_all(root):
    params = YAML().load(ROOT / "params.yaml")
    for name, value in TINY.items():
        if isinstance(value, dict):
            params[name] |= value
        else:
            params[name] = value
    root.mkdir()
    YAML().dump(params, root / "params.yaml")
    for folder in ("data/paper", "studies"):  # the ledger's entries name studies
        shutil.copytree(ROOT / folder, root / folder)
    pipeline, ran = stages(ROOT / "dvc.yaml"), []
    for name in in_running_order(pipeline):
        if name.startswith(("train-", "evaluate-")) and name.partition("-")[2] not in VARIANTS:
            continue
        _, _, module, *arguments = shlex.split(pipeline[name]["cmd"])  # python -m
        if name in ("measure", "model"):
            arguments = VARIANTS
        run = run_here if name in IN_THIS_PROCESS else run_forked if name in WITH_TORCH else run_anew
        run(root, module, arguments)
        for out in outs(pipeline[name]):
            assert (root / out).exists(), f"{name} does not write {out}"
        ran.append(name)
    expected = {"check", "faces", "source", "prepare", "circles", "measure", "model", "pictures", "claims", "report"}
    assert expected <= set(ran)


def run_anew(root, module, arguments):
    environment = {key: value for key, value in os.environ.items() if key != "DVC_ROOT"} | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", module, *arguments]
    result = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, f"{module}: {result.stderr}"
    assert "Traceback" not in result.stderr, f"{module}: {result.stderr}"


def run_forked(root, module, arguments):
    """The same command, without the seconds that it takes to import torch."""
    process = forked(root, module, *arguments)
    process.join(300)
    assert process.exitcode == 0, f"{module}: see above"


def run_here(root, module, arguments):
    """The same command, whose processes are forked from this one's `server`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DVC_ROOT", raising=False)
        patch.chdir(root)
        patch.setattr(sys, "argv", [module, *arguments])
        patch.setattr(ending, "_said", {})
        runpy.run_module(module, run_name="__main__", alter_sys=True)
