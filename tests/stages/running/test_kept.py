"""A finished run is kept and taken as a copy: never one of another configuration, and none is trained twice."""

import json
import math
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from ruamel.yaml import YAML

from stages.results.record import sealed
from stages.running import kept, record
from tests.stages.running.finished import FILES, contents, kept_folder, read

pytestmark = pytest.mark.usefixtures("small_network")


def test_a_finished_run_is_kept_and_taken_as_a_copy(job, go, counted):
    one = job()
    go(one)
    first = contents(one.folder)
    assert counted == [1, 2, 3, 4]
    for name in FILES:
        here, there = (one.folder / name).stat(), (kept_folder(one) / name).stat()
        assert here.st_ino != there.st_ino and here.st_nlink == there.st_nlink == 1, "a copy, and no link"
    shutil.rmtree(one.folder)  # as DVC does before a stage
    _, rows = go(one)
    assert counted == [1, 2, 3, 4] and rows == [], "a revisited setting trains nothing"
    assert contents(one.folder) == first
    (one.folder / "best.pt").write_bytes(b"written into")
    assert (kept_folder(one) / "best.pt").read_bytes() == first["best.pt"], "what is done to it reaches no other"


def test_a_further_seed_trains_alone_and_a_revisited_interval_not_at_all(
    job, go, counted, prepare_workspace, workspace
):
    go(job(seed=0))
    first = contents(job().folder)
    prepare_workspace(workspace, {"seeds": [0, 1, 2]})
    counted.clear()
    for seed in (0, 1, 2):
        go(job(seed=seed))
    assert counted == [1, 2, 3, 4] * 2, "seeds 1 and 2"
    counted.clear()
    prepare_workspace(workspace, {"interval": 3})
    go(job())
    assert counted == [1, 2, 3, 4]
    assert contents(job().folder)["in_force.csv"] != first["in_force.csv"]
    prepare_workspace(workspace)
    go(job())
    assert counted == [1, 2, 3, 4]
    assert contents(job().folder) == first


def another_hash(folder):
    about = read(folder)
    about["configuration"] = "0" * 32
    (folder / "record.json").write_text(json.dumps(about))


def another_byte(folder):
    content = bytearray((folder / "best.pt").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "best.pt").write_bytes(content)


def weights_put_in_its_place(change):
    """Other weights, under a record that tells of them."""

    def spoil(folder):
        state = torch.load(folder / "last.pt", weights_only=True)
        torch.save({name: change(value) for name, value in state.items()}, folder / "last.pt")
        about = read(folder)
        about["files"]["last.pt"] = record._checksum(folder / "last.pt")
        (folder / "record.json").write_text(json.dumps(sealed(about)))

    return spoil


def another_entry(folder):
    (folder / "record.json").write_text(json.dumps(read(folder) | {"seconds": 0.5}))


SPOILT = {
    "weights that are no numbers": weights_put_in_its_place(lambda value: value * math.nan),
    "weights that are zero": weights_put_in_its_place(torch.zeros_like),
    "an entry of the record": another_entry,
    "of another configuration": another_hash,
    "one byte of best.pt": another_byte,
    "a file missing": lambda folder: (folder / "in_force.csv").unlink(),
    "no record": lambda folder: (folder / "record.json").unlink(),
    "half a record": lambda folder: (folder / "record.json").write_text((folder / "record.json").read_text()[:40]),
    "a record that is a list": lambda folder: (folder / "record.json").write_text("[]"),
    "a record of nothing": lambda folder: (folder / "record.json").write_text(json.dumps(read(folder) | {"files": {}})),
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_what_is_not_the_whole_run_is_never_taken_for_it(job, go, counted, run, spoil):
    one, first = job(), contents(run)
    shutil.rmtree(one.folder)
    spoil(kept_folder(one))
    go(one)
    assert counted == [1, 2, 3, 4], "trained anew"
    again = contents(one.folder)
    assert [again[name] for name in FILES if name != "record.json"] == [
        first[name] for name in FILES if name != "record.json"
    ]
    assert record.is_of(kept_folder(one), kept_folder(one).name), "and kept, whole"


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_what_lies_in_the_runs_folder_and_is_not_the_run_is_replaced(job, go, counted, run, spoil):
    one, first = job(), contents(run)
    spoil(one.folder)
    go(one)
    assert counted == []
    assert contents(one.folder) == first
    assert [path.name for path in one.folder.parent.iterdir()] == ["0"]


def test_a_finished_run_of_another_configuration_put_in_its_place_is_not_taken(
    job, go, counted, run, prepare_workspace, workspace
):
    other = kept_folder(job())
    prepare_workspace(workspace, {"interval": 3})
    mine = kept_folder(job())
    shutil.copytree(other, mine)
    shutil.rmtree(job().folder)
    go(job())
    assert counted == [1, 2, 3, 4]
    assert read(job().folder)["params"]["interval"] == 3


def test_a_study_takes_the_main_pipelines_run_and_calls_it_by_its_own_name(job, go, counted, run, workspace):
    yaml = YAML()
    params = yaml.load(workspace / "params.yaml")
    study = {name: params[name] for name in ("seeds", "train", "periodic")} | {"vary": {"interval": [2]}}
    yaml.dump(study, workspace / "study.yaml")
    theirs = job(out=workspace / "runs" / "studies" / "one" / "periodic", params_file="study.yaml")
    go(theirs)
    assert counted == []
    assert theirs.folder == workspace / "runs/studies/one/periodic/interval=2/0"
    about, main = read(theirs.folder), read(job().folder)
    assert (about["run"], about["varied"]) == ("periodic/interval=2/0", {"interval": 2})
    assert (main["run"], main["varied"]) == ("periodic/0", {})
    own = {"run": "", "varied": {}, "checksum": ""}
    assert about | own == main | own
    shutil.rmtree(job().folder)
    go(job())
    assert read(job().folder) == main


def kept_command(workspace, *arguments):
    root = Path(kept.__file__).parents[2]
    program = [sys.executable, "-m", "stages.running.kept", *arguments]
    environment = {"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(program, cwd=workspace, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_one_command_lists_and_prunes_what_is_kept(job, go, workspace):
    assert kept_command(workspace) == ["0 runs, 0 MB"]
    for variant in ("periodic", "baseline"):
        go(job(variant))
    (workspace / ".scratch" / "kept" / ("d" * 32)).mkdir()
    lines = kept_command(workspace)
    assert lines[-1].startswith("3 runs, ")
    (mine,) = (line for line in lines if "periodic/0" in line)
    assert (
        mine.startswith(kept_folder(job("periodic")).name[:12])
        and "Stripes, 4 epochs" in mine
        and '"interval": 2' in mine
    )
    assert any("baseline/0" in line for line in lines) and any("damaged" in line for line in lines)

    old = kept_folder(job("baseline"))
    week_ago = time.time() - 7 * 86400
    os.utime(old, (week_ago, week_ago))
    assert kept_command(workspace, "--prune", "8")[-1] == "0 runs, 0 MB removed"
    removed = kept_command(workspace, "--prune", "6")
    assert "baseline/0" in removed[0] and removed[-1].startswith("1 runs, ") and not old.exists()
    assert kept_command(workspace, "--prune")[-1].startswith("2 runs, ")
    assert kept_command(workspace) == ["0 runs, 0 MB"]
    assert job("periodic").folder.exists(), "the runs themselves stay"


def test_what_is_kept_is_the_repositorys_also_in_the_copy_of_an_experiment(monkeypatch, tmp_path):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    assert kept.scratch() == tmp_path / ".scratch"
    monkeypatch.delenv("DVC_ROOT")
    assert kept.scratch() == Path(".scratch")
