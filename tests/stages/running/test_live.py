"""The curves of the runs that train now: where DVC finds them, and that nothing is left when they are over."""

import csv
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from ruamel.yaml import YAML

from stages.running.live import CURVES, LIVE, Live
from tests.pipeline.pipelines import PLOTS, ROOT


def run(name, out):
    variant = name.partition("/")[0]
    return SimpleNamespace(name=name, variant=variant, out=Path(out))


def row(epoch):
    return {"epoch": epoch, "step": 9 * epoch, "train_loss": 1 / epoch, "val_macro_f1": epoch / 10, "flipped": 0.5}


def tables():
    return {path.relative_to(LIVE).as_posix(): list(csv.DictReader(path.open())) for path in LIVE.glob("*/*")}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_row_for_each_epoch_of_each_run_that_trains_and_none_of_one_that_is_over():
    one, other = run("periodic/0", "runs/periodic"), run("periodic/1", "runs/periodic")
    live = Live(one.out)
    for job, epoch in ((one, 1), (other, 1), (one, 2)):
        live.show(job, row(epoch))
    found = tables()
    assert set(found) == {"train_loss/periodic.csv", "val_macro_f1/periodic.csv"}
    loss = [tuple(each.values()) for each in found["train_loss/periodic.csv"]]
    assert loss == [
        ("periodic", seed, epoch, value, "0.5")
        for seed, epoch, value in (("0", "1", "1.0"), ("0", "2", "0.5"), ("1", "1", "1.0"))
    ]
    assert [each["val_macro_f1"] for each in found["val_macro_f1/periodic.csv"]] == ["0.1", "0.2", "0.1"]
    live.end(one)
    assert [each["seed"] for each in tables()["train_loss/periodic.csv"]] == ["1"]
    live.end(one)  # twice, or of a run that showed nothing, is no mistake
    live.end(other)
    assert tables() == {}


def test_being_stopped_leaves_none_and_the_next_stage_removes_what_a_killed_one_has_left():
    killed = run("dropout/0", "runs/dropout")
    Live(killed.out).show(killed, row(1))
    (LIVE / "train_loss/dropout.csv.12.partial").touch()
    study = run("periodic/interval=3/0", "runs/studies/interval/periodic")
    live = Live(study.out)
    live.show(study, row(1))
    assert set(tables()) == {"train_loss/studies-interval-periodic.csv", "val_macro_f1/studies-interval-periodic.csv"}
    assert tables()["train_loss/studies-interval-periodic.csv"][0]["seed"] == "interval=3/0"
    live.close()
    assert tables() == {}


def test_where_they_cannot_be_written_the_training_goes_on(folder):
    LIVE.parent.mkdir()
    LIVE.write_text("in the way")
    one = run("periodic/0", "runs/periodic")
    live = Live(one.out)
    live.show(one, row(1))
    live.close()
    assert LIVE.read_text() == "in the way"


def declared():
    return {name: plot[name] for plot in PLOTS for name in plot if name.startswith(str(LIVE))}


def test_the_pipeline_declares_them_and_git_has_their_folders_with_nothing_in_them():
    axes = {name: (plot["x"], plot["y"]) for name, plot in declared().items()}
    assert axes == {f"{LIVE}/{curve}": ("epoch", curve) for curve in CURVES}
    tracked = subprocess.run(
        ["git", "ls-files", str(LIVE)], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert tracked == [f"{LIVE}/{curve}/.gitignore" for curve in CURVES]


def test_dvc_shows_them_while_runs_train_and_else_nothing_and_says_no_word_of_it(folder):
    """In a repository of nothing else, with the declaration, the ignored files and the folders as they are here."""
    yaml, own = YAML(), [{name: plot} for name, plot in declared().items()]
    yaml.dump({"plots": own}, folder / "dvc.yaml")
    for source in (
        ROOT / ".dvcignore",
        ROOT / ".dvc/config",
        *ROOT.glob(".dvc/plots/*"),
        *ROOT.glob(f"{LIVE}/*/.git*"),
    ):
        target = folder / source.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())
    for command in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "all"],
    ):
        subprocess.run(["git", *command], check=True)

    def compared():
        command = [sys.executable, "-m", "dvc", "plots", "diff", "HEAD", "workspace", "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stderr == ""
        return json.loads(done.stdout)

    assert compared() == {}
    one = run("periodic/0", "runs/periodic")
    Live(one.out).show(one, row(1))
    (LIVE / "train_loss/dropout.csv.12.partial").touch()
    found = compared()
    assert set(found) == {"data"} and set(found["data"]) == {f"{LIVE}/{curve}/periodic.csv" for curve in CURVES}
    assert not subprocess.run(["git", "status", "--porcelain", "reports"], capture_output=True).stdout
