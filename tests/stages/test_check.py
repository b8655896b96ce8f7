"""What cannot be carried out stops in the first stage, in one line and with how to undo it."""

import os
import shutil
import time
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from stages import check

ROOT = Path(__file__).parents[2]
LEFT_OUT = object()


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """A folder with params.yaml and a study's; returns a function that changes values and checks one of the files."""
    monkeypatch.chdir(tmp_path)

    def checked(changes, file="params.yaml", written=None):
        yaml = YAML()
        for name in ("params.yaml", "studies/interval/params.yaml"):
            params = yaml.load(ROOT / name)
            for dotted, value in (changes if name == file else {}).items():
                *sections, last = dotted.split(".")
                part = params
                for section in sections:
                    part = part[section]
                part[last] = value
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            yaml.dump({key: value for key, value in params.items() if value is not LEFT_OUT}, Path(name))
            shutil.copy(ROOT / Path(name).with_name("dvc.yaml"), Path(name).with_name("dvc.yaml"))
        if written is not None:
            os.utime(file, (written, written))
        check.main(file, Path("data/checked"))

    return checked


def test_the_files_of_the_repository_pass_and_the_out_is_always_the_same(workspace, tmp_path):
    workspace({})
    first = (tmp_path / "data/checked").read_bytes()
    workspace({"interval": 5, "train.network": "mobilenet_v3_small", "dynamic.sites": ["first", "features.0.1"]})
    assert (tmp_path / "data/checked").read_bytes() == first
    workspace({}, "studies/interval/params.yaml")


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"train.epochs": "abc"}, "params.yaml: train.epochs: 'abc': must be a valid integer"),
        ({"dataset": "facs"}, "params.yaml: dataset: no data set 'facs'; did you mean faces?"),
        (
            {"data.classes": ["Neutral", "Hapy"]},
            "params.yaml: data.classes: no class Hapy; there are Neutral, Happiness",
        ),
        ({"train.network": "resnet17"}, "params.yaml: train.network: .*'resnet17'"),
        (
            {"train.stem": "small", "train.network": "mobilenet_v3_small"},
            "params.yaml: train.stem: 'small' is for ResNets",
        ),
        ({"periodic.sites": "frist"}, "params.yaml: periodic.sites: no site 'frist'"),
        ({"gaussian.sites": ["stem", "layer9"]}, "params.yaml: gaussian.sites: no site 'layer9'"),
        ({"train.processes": 2, "train.batch_size": 63}, "params.yaml: train.processes: 2 cannot share a batch of 63"),
        ({"data.limit": 50}, "params.yaml: train.batch_size: 64 is more than data.limit, 50"),
        (
            {"faces.train": 100, "train.batch_size": 101},
            "params.yaml: train.batch_size: 101 is more than faces.train, 100",
        ),
        (
            {"data.side": 8, "train.network": "vgg11_bn"},
            "params.yaml: train.network: vgg11_bn does not take images of 8 px",
        ),
        ({"train.network": "googlenet"}, "params.yaml: train.network: googlenet (gives|does not take)"),
        ({"machine.device": "cuda:99"}, "params.yaml: machine.device: 'cuda:99' cannot be used here"),
    ],
    ids=str,
)
def test_what_cannot_be_carried_out_is_one_line(workspace, tmp_path, changes, line):
    with pytest.raises(SystemExit, match=f"^{line}") as stopped:
        workspace(changes, written=0)
    _, undo = str(stopped.value).splitlines()
    # Git believes a file of the same size and time: only a touched one is undone, whatever DVC has left in the index.
    assert time.time() - Path("params.yaml").stat().st_mtime < 3600
    assert undo.endswith("git checkout params.yaml") and "nothing was deleted" in undo
    assert not (tmp_path / "data/checked").exists()


@pytest.mark.parametrize(
    ("vary", "line"),
    [
        ({"interval": [0]}, "interval: 0: must be greater than or equal to 1"),
        ({"interval": []}, "vary.interval: .*at least 1 item"),
        ({"interval": [3, 5, 3]}, r"vary.interval: \[3, 5, 3\]: \[3\] stand more than once"),
        ({"dropout.p": [0.1]}, "vary: dropout.p: there is no section dropout to vary"),
        ({"periodic.sites": ["first", "frist"]}, "periodic.sites: no site 'frist'"),
        ({"train.processes": [1, 2]}, "vary: train.processes: the runs of a stage are all made by as many processes"),
        ({"data.side": [32]}, "vary: data.side: "),
    ],
    ids=str,
)
def test_what_a_study_cannot_vary_is_one_line(workspace, vary, line):
    file = "studies/interval/params.yaml"
    with pytest.raises(SystemExit, match=f"^{file}: {line}"):
        workspace({"vary": vary}, file)


@pytest.mark.parametrize("file", ["params.yaml", "studies/interval/params.yaml"])
def test_a_line_names_the_file_that_the_parameter_stands_in(workspace, file):
    for changes in ({"train.network": "resnet17"}, {"train.network": "mobilenet_v3_small", "train.stem": "small"}):
        with pytest.raises(
            SystemExit, match=f"^{file}: train[.](network|stem): .*\nnothing was deleted.* checkout {file}$"
        ):
            workspace(changes, file)


@pytest.mark.parametrize("part", ["seeds", "train", "dynamic"])
def test_a_study_has_every_part_that_its_stages_read(workspace, part):
    """Its dvc.yaml tells which: it trains the baseline, `periodic` with varied intervals, and `dynamic`."""
    file = "studies/interval/params.yaml"
    with pytest.raises(SystemExit, match=f"^{file}: {part}: missing; the (training|variant dynamic) reads it\n"):
        workspace({part: LEFT_OUT}, file)


def test_what_a_study_varies_is_read_by_a_variant_and_need_not_stand_elsewhere(workspace):
    workspace({"vary": {"interval": [2, 3], "train.epochs": [1, 2]}}, "studies/interval/params.yaml")
    with pytest.raises(SystemExit, match="interval: missing; the variant periodic reads it"):
        workspace({"vary": {"train.epochs": [1, 2]}}, "studies/interval/params.yaml")


@pytest.mark.parametrize("stage", ["source --params {}", "prepare --params {}"])
def test_a_stage_that_reads_data_needs_the_study_to_name_it(workspace, tmp_path, stage):
    workspace({}, "studies/interval/params.yaml")
    yaml, pipeline = YAML(), tmp_path / "studies/interval/dvc.yaml"
    stages = yaml.load(pipeline)
    stages["stages"]["more"] = {"cmd": "python -m stages." + stage.format("studies/interval/params.yaml")}
    yaml.dump(stages, pipeline)
    with pytest.raises(SystemExit, match="^studies/interval/params.yaml: dataset: missing; the stage "):
        check.main("studies/interval/params.yaml", tmp_path / "checked")
