"""Whatever ends a run, the same command continues it to the same bits."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[3]
EPOCHS = 4


@pytest.fixture
def workspace(tmp_path, crops_folder):
    """A folder with params.yaml and crops in which `python -m stages.train` trains a small network in a few seconds."""
    yaml = YAML()
    params = yaml.load(ROOT / "params.yaml")
    params["interval"] = 2
    params["dynamic"]["start"] = 0.0005
    params["train"] |= {"network": "shufflenet_v2_x0_5", "epochs": EPOCHS, "batch_size": 16, "checkpoint_seconds": 0.0}
    params["train"] |= {"device": "cpu", "precision": "float32"}
    yaml.dump(params, tmp_path / "params.yaml")
    return tmp_path


def start(workspace, variant="dropout-periodic", **environment):
    command = [sys.executable, "-m", "stages.train", "--variant", variant, "--seed", "3"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "DVC_NO_ANALYTICS": "1", **environment}
    environment.pop("DVC_ROOT", None)
    return subprocess.Popen(command, cwd=workspace, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process):
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return output + errors


def result(workspace, variant="dropout-periodic"):
    run = workspace / "runs" / f"{variant}-3"
    return torch.load(run / "best.pt", weights_only=True), (run / "curves.csv").read_text(), (run / "signs.csv").read_text()


def assert_same(one, other):
    assert one[1:] == other[1:]
    assert one[0].keys() == other[0].keys()
    assert all(torch.equal(one[0][name], other[0][name]) for name in one[0])


def test_kills_at_random_moments_change_nothing(workspace):
    """kill -9 and SIGTERM, some of them while a checkpoint is written (there is one after every epoch)."""
    finish(start(workspace))
    straight = result(workspace)
    subprocess.run(["rm", "-r", workspace / "runs"], check=True)
    rng, endings = random.Random(0), [signal.SIGKILL, signal.SIGTERM, signal.SIGKILL]
    continued = 0
    for ending in endings:
        process = start(workspace)
        for line in process.stderr:
            if "continuing after epoch" in line:
                continued += 1
            # The lines of epochs that were run before come first, all at once: only a new epoch is worth waiting for.
            if "epoch" in line and "continuing" not in line:
                break
        time.sleep(rng.uniform(0, 0.3))
        process.send_signal(ending)
        _, errors = process.communicate()
        if process.returncode == 0:
            break  # it was done before the signal came
        if ending == signal.SIGTERM:
            assert process.returncode == 1
            assert errors.splitlines()[-1] == "dropout-periodic seed 3: interrupted; the same command continues from the last checkpoint"
            assert "Traceback" not in errors
    output = finish(start(workspace))
    assert continued or "continuing after epoch" in output
    assert_same(result(workspace), straight)
    assert not list((workspace / ".scratch").glob("*/")), "a finished run leaves no checkpoint"
