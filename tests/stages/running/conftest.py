import shutil

import pytest
import torch
from ruamel.yaml import YAML

from stages.params import read
from stages.running import closure, one_run
from stages.running.job import jobs
from stages.training import network
from tests.stages.training import small


@pytest.fixture(scope="session", autouse=True)
def _server(server):
    """Many tests here fork."""


@pytest.fixture
def small_network(monkeypatch):
    """Whatever `train.network` says, the small one is built."""
    monkeypatch.setattr(network, "build", small.build)


@pytest.fixture(scope="session")
def prepare_workspace(make_crops):
    """Write params.yaml and crops into a folder, in which a run of a small network takes a moment."""

    def write(folder, changes=(), **train):
        if not (folder / "data").exists():
            make_crops(folder / "data" / "crops", {"train": 70, "val": 30, "test": 30})
        yaml = YAML()
        params = yaml.load(closure.ROOT / "params.yaml")
        params["interval"] = 2
        small_ones = {"network": "shufflenet_v2_x0_5", "epochs": 4, "batch_size": 16, "precision": "float32"}
        params["train"] |= small_ones | {"images": None} | train
        params["machine"] |= {"device": "cpu", "checkpoint_seconds": 0.0}
        for name, value in dict(changes).items():
            *sections, last = name.split(".")
            part = params
            for section in sections:
                part = part[section]
            part[last] = value
        yaml.dump(params, folder / "params.yaml")
        return folder

    return write


@pytest.fixture
def workspace(tmp_path, prepare_workspace, monkeypatch):
    """A prepared folder, in which the test runs."""
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()
    yield prepare_workspace(tmp_path)
    torch.set_num_threads(threads)


@pytest.fixture
def job(workspace):
    """The job of one run as params.yaml has it now, with other values of its own given by their dotted names."""

    def make(variant="periodic", seed=0, out=None, params_file=None):
        params, machine = read(params_file or "params.yaml"), read().machine
        folder = out or workspace / "runs" / variant
        made = jobs(variant, params, machine, workspace / "data" / "crops", folder, params_file or "params.yaml")
        return next(each for each in made if each.seed == seed)

    return make


@pytest.fixture
def counted(monkeypatch):
    """The epochs that were trained, in turn; a run that is only copied trains none."""
    trained, real = [], one_run.Training._train

    def train(self, epoch):
        trained.append(epoch)
        return real(self, epoch)

    monkeypatch.setattr(one_run.Training, "_train", train)
    return trained


@pytest.fixture
def go():
    """Train a job (or take it); returns the lines that were said and the rows that were shown."""

    def train(job):
        lines, rows = [], []
        one_run.train(job, job.machine.device, lines.append, rows.append)
        return lines, rows

    return train


@pytest.fixture(scope="session")
def finished(tmp_path_factory, prepare_workspace):
    """A prepared folder with a finished run of `small_network`, and what is kept of it: to be copied, not written to.

    Of a variant whose sign is in force at its end.
    """
    folder = prepare_workspace(tmp_path_factory.mktemp("finished"))
    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DVC_ROOT", raising=False)
        patch.chdir(folder)
        patch.setattr(network, "build", small.build)
        params = read()
        runs = jobs("periodic", params, params.machine, folder / "data/crops", folder / "runs/periodic", "params.yaml")
        one = next(each for each in runs if each.seed == 0)
        one_run.train(one, one.machine.device, list().append, list().append)
    torch.set_num_threads(threads)
    return folder


@pytest.fixture
def run(finished, workspace, small_network):
    """The folder of a finished run, as training it here would have left it."""
    for name in ("runs", ".scratch"):
        shutil.copytree(finished / name, workspace / name)
    return workspace / "runs/periodic/0"
