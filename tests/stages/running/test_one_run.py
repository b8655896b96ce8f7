"""A run is taken from the kept ones, continued, or trained: never of another configuration, and never twice."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from ruamel.yaml import YAML

from stages.running import kept, one_run, record
from stages.running.checkpoints import Checkpoints
from stages.running.configuration import configuration

pytestmark = pytest.mark.usefixtures("small_network")
FILES = ["best.pt", "curves.csv", "last.pt", "record.json", "signs.csv"]


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


def read(folder):
    return json.loads((folder / "record.json").read_text())


def contents(folder):
    return {name: (folder / name).read_bytes() for name in sorted(path.name for path in folder.iterdir())}


def kept_folder(job):
    return kept.folder_of(Checkpoints(configuration(job, one_run.made(job, "cpu"))).hash)


def test_a_run_leaves_its_files_and_nothing_else(job, go, workspace):
    one = job()
    _, rows = go(one)
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    assert sorted(contents(one.folder)) == FILES
    assert sorted(path.name for path in one.folder.parent.iterdir()) == ["0"]
    assert [path.name for path in (workspace / ".scratch").glob("*/")] == ["kept"], (
        "a finished run leaves no checkpoint"
    )
    assert [path.name for path in (workspace / ".scratch" / "kept").iterdir()] == [kept_folder(one).name]
    assert record.is_of(one.folder, kept_folder(one).name)


def test_what_is_written_is_what_was_trained(job, go):
    one = job("dropout-periodic")
    _, rows = go(one)
    curves = [line.split(",") for line in (one.folder / "curves.csv").read_text().splitlines()]
    assert curves[0] == list(rows[0])
    for written, row in zip(curves[1:], rows, strict=True):
        # Nine digits give a float32 back; the sums behind it are float64.
        assert [float(value) for value in written] == pytest.approx(list(row.values()), rel=1e-8)
    signs = [line.split(",") for line in (one.folder / "signs.csv").read_text().splitlines()]
    assert signs[0] == ["site", "step", "epoch", "sign"]
    # Interval 2: epoch 1 clean, 2 and 3 flipped, 4 clean, in steps of four batches.
    assert [tuple(map(int, row[1:])) for row in signs[1:]] == [(1, 1, 1), (5, 2, -1), (13, 4, 1)]
    about = read(one.folder)
    assert (about["run"], about["variant"], about["seed"]) == ("dropout-periodic/0", "dropout-periodic", 0)
    assert (about["epochs"], about["steps"], about["steps_per_epoch"]) == (4, 16, 4)
    assert (about["signed"], about["first_turn"], about["turns"]) == (1, 5, 2)
    assert about["params"] == one.read() and about["varied"] == {}
    assert about["images"]["train"] == {"calm": 24, "glad": 23, "sad": 23} and about["classes"] == [
        "calm",
        "glad",
        "sad",
    ]
    assert about["threads"] == 1 and about["precision"] == "float32" and about["processes"] == 1
    assert about["torch"] == torch.__version__ and about["hardware"]
    best = max(range(4), key=lambda index: rows[index]["val_macro_f1"])
    assert about["best_epoch"] == 1 + best
    last, best = (torch.load(one.folder / f"{name}.pt", weights_only=True) for name in ("last", "best"))
    assert last.keys() == best.keys()
    assert all(torch.equal(last[name], best[name]) for name in last) == (about["best_epoch"] == 4)


def test_warnings_are_said_and_recorded(job, go, prepare_workspace, workspace):
    prepare_workspace(workspace, {"interval": 100})
    one = job()
    lines, _ = go(one)
    expected = ["interval 100 is longer than the run", "NOTHING WAS INJECTED"]
    assert all(any(part in line and line.startswith("warning: ") for line in lines) for part in expected)
    assert all(any(part in line for line in read(one.folder)["warnings"]) for part in expected)


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


def test_a_whole_run_in_its_place_is_left_alone(job, go, counted):
    one = job()
    go(one)
    before = {name: (one.folder / name).stat().st_mtime_ns for name in FILES}
    go(one)
    assert counted == [1, 2, 3, 4]
    assert {name: (one.folder / name).stat().st_mtime_ns for name in FILES} == before


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
    assert contents(job().folder)["signs.csv"] != first["signs.csv"]
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


SPOILT = {
    "of another configuration": another_hash,
    "one byte of best.pt": another_byte,
    "a file missing": lambda folder: (folder / "signs.csv").unlink(),
    "no record": lambda folder: (folder / "record.json").unlink(),
    "half a record": lambda folder: (folder / "record.json").write_text((folder / "record.json").read_text()[:40]),
    "a record that is a list": lambda folder: (folder / "record.json").write_text("[]"),
    "a record of nothing": lambda folder: (folder / "record.json").write_text(json.dumps(read(folder) | {"files": {}})),
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_what_is_not_the_whole_run_is_never_taken_for_it(job, go, counted, spoil):
    one = job()
    go(one)
    first = contents(one.folder)
    shutil.rmtree(one.folder)
    spoil(kept_folder(one))
    counted.clear()
    go(one)
    assert counted == [1, 2, 3, 4], "trained anew"
    again = contents(one.folder)
    assert [again[name] for name in FILES if name != "record.json"] == [
        first[name] for name in FILES if name != "record.json"
    ]
    assert record.is_of(kept_folder(one), kept_folder(one).name), "and kept, whole"


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_what_lies_in_the_runs_folder_and_is_not_the_run_is_replaced(job, go, counted, spoil):
    one = job()
    go(one)
    first = contents(one.folder)
    spoil(one.folder)
    counted.clear()
    go(one)
    assert counted == []
    assert contents(one.folder) == first
    assert [path.name for path in one.folder.parent.iterdir()] == ["0"]


def test_a_finished_run_of_another_configuration_put_in_its_place_is_not_taken(
    job, go, counted, prepare_workspace, workspace
):
    go(job())
    other = kept_folder(job())
    prepare_workspace(workspace, {"interval": 3})
    mine = kept_folder(job())
    shutil.copytree(other, mine)
    shutil.rmtree(job().folder)
    counted.clear()
    go(job())
    assert counted == [1, 2, 3, 4]
    assert read(job().folder)["params"]["interval"] == 3


def test_on_other_crops_it_is_another_run(job, go, counted, workspace):
    go(job())
    summary = workspace / "data" / "crops" / "summary.json"
    summary.write_text(summary.read_text().replace('"digest": "', '"digest": "other '))
    go(job())
    assert counted == [1, 2, 3, 4] * 2
    assert len(list((workspace / ".scratch" / "kept").iterdir())) == 2
    assert read(job().folder)["crops"].startswith("other")


def test_a_study_takes_the_main_pipelines_run_and_calls_it_by_its_own_name(job, go, counted, workspace):
    go(job())
    yaml = YAML()
    params = yaml.load(workspace / "params.yaml")
    study = {name: params[name] for name in ("seeds", "train", "periodic")} | {"vary": {"interval": [2]}}
    yaml.dump(study, workspace / "study.yaml")
    theirs = job(out=workspace / "runs" / "studies" / "one" / "periodic", params_file="study.yaml")
    counted.clear()
    go(theirs)
    assert counted == []
    assert theirs.folder == workspace / "runs/studies/one/periodic/interval=2/0"
    about, main = read(theirs.folder), read(job().folder)
    assert (about["run"], about["varied"]) == ("periodic/interval=2/0", {"interval": 2})
    assert (main["run"], main["varied"]) == ("periodic/0", {})
    assert {**about, "run": "", "varied": {}} == {**main, "run": "", "varied": {}}
    shutil.rmtree(job().folder)
    go(job())
    assert read(job().folder) == main


def test_a_second_trainer_of_the_same_run_waits_and_takes_what_the_first_has_made(job, go, counted, monkeypatch):
    """Nothing is trained twice, and the folder is whole for both."""
    one = job()
    said = threading.Event()
    rows = []

    def second():
        def log(line):
            if "another process is training this very run" in line:
                said.set()

        one_run.train(one, "cpu", log, rows.append)

    waiting = threading.Thread(target=second)
    checkpoints = Checkpoints(configuration(one, one_run.made(one, "cpu")))
    with checkpoints.locked():
        waiting.start()
        assert said.wait(10)
        training = one_run.carried_out(one, one_run.made(one, "cpu"), checkpoints, list().append, list().append)
        one_run.keep(one, training, checkpoints, list().append)
    waiting.join(20)
    assert not waiting.is_alive()
    assert counted == [1, 2, 3, 4] and rows == []
    assert record.is_of(one.folder, checkpoints.hash)


def test_a_network_that_does_not_fit_the_crops_is_one_line_before_anything_is_trained(job, go, counted, monkeypatch):
    monkeypatch.setattr(one_run, "must_take", lambda *given: (_ for _ in ()).throw(SystemExit("params.yaml: no")))
    with pytest.raises(SystemExit, match="params.yaml: no"):
        go(job())
    assert counted == []
    assert not job().folder.exists()


def test_a_batch_larger_than_the_training_split_is_one_line(job, go, prepare_workspace, workspace):
    prepare_workspace(workspace, batch_size=128)
    with pytest.raises(SystemExit, match="^params.yaml: train.batch_size: 128 is more than the 70 training images"):
        go(job())


def test_the_threads_are_those_asked_for(job, go, prepare_workspace, workspace):
    prepare_workspace(workspace, {"machine.threads": 2}, epochs=1)
    go(job())
    assert torch.get_num_threads() == 2 == read(job().folder)["threads"]


def test_checkpoints_are_written_as_often_as_asked(job, go, prepare_workspace, workspace, monkeypatch):
    saved, real = [], Checkpoints.save
    monkeypatch.setattr(
        Checkpoints, "save", lambda self, state: saved.append(state["progress"]["epoch"]) or real(self, state)
    )
    go(job())
    assert saved == [1, 2, 3], "after every epoch but the last, which is the result"
    saved.clear()
    prepare_workspace(workspace, {"machine.checkpoint_seconds": 1000.0, "seeds": [1]})
    go(job(seed=1))
    assert saved == []


# The command that lists and prunes.


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
