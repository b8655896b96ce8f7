"""A run is continued or trained, and leaves what it says: its files, its warnings, and nothing else."""

import threading

import pytest
import torch

from stages.running import one_run, record
from stages.running.checkpoints import Checkpoints
from stages.running.configuration import configuration
from tests.stages.running.finished import FILES, contents, kept_folder, read

pytestmark = pytest.mark.usefixtures("small_network")


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
    in_force = [line.split(",") for line in (one.folder / "in_force.csv").read_text().splitlines()]
    assert in_force[0] == ["site", "quantity", "step", "epoch", "value"]
    # Interval 2: epoch 1 clean, 2 and 3 flipped, 4 clean, in steps of four batches.
    assert [row[1:] for row in in_force[1:]] == [
        ["sign", "1", "1", "1"],
        ["p", "1", "1", str(one.params.dropout.p)],
        ["sign", "5", "2", "-1"],
        ["sign", "13", "4", "1"],
    ]
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


def test_a_whole_run_in_its_place_is_left_alone(job, go, counted):
    one = job()
    go(one)
    before = {name: (one.folder / name).stat().st_mtime_ns for name in FILES}
    go(one)
    assert counted == [1, 2, 3, 4]
    assert {name: (one.folder / name).stat().st_mtime_ns for name in FILES} == before


def test_on_other_crops_it_is_another_run(job, go, counted, workspace):
    go(job())
    summary = workspace / "data" / "crops" / "summary.json"
    summary.write_text(summary.read_text().replace('"digest": "', '"digest": "other '))
    go(job())
    assert counted == [1, 2, 3, 4] * 2
    assert len(list((workspace / ".scratch" / "kept").iterdir())) == 2
    assert read(job().folder)["crops"].startswith("other")


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
    _, run = one_run.made(one, "cpu")
    checkpoints = Checkpoints(configuration(one, run))
    with checkpoints.locked():
        waiting.start()
        assert said.wait(10)
        training = one_run.carried_out(one, run, checkpoints, list().append, list().append)
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
