import math
import multiprocessing
import os
import time

import pytest
import torch

from stages.files import write_atomically
from stages.running import one_run
from stages.running.checkpoints import Checkpoints, snapshot, unusable
from stages.running.configuration import configuration
from stages.training.loop import Training


def test_a_saved_state_comes_back_and_goes_when_the_run_is_finished(tmp_path):
    checkpoints = Checkpoints({"lr": 1e-4, "torch": torch.__version__}, tmp_path)
    assert checkpoints.load() is None
    checkpoints.save({"weights": torch.arange(3.0)})
    assert torch.equal(checkpoints.load()["weights"], torch.arange(3.0))
    checkpoints.remove()
    assert checkpoints.load() is None


def test_another_configuration_never_sees_it(tmp_path):
    Checkpoints({"interval": 5}, tmp_path).save({"epoch": 3})
    assert Checkpoints({"interval": 2}, tmp_path).load() is None


def test_a_checkpoint_put_in_the_place_of_another_is_named_and_not_used(tmp_path, capsys):
    ours, foreign = Checkpoints({"interval": 5}, tmp_path), Checkpoints({"interval": 2}, tmp_path)
    foreign.save({"epoch": 3})
    ours.folder.mkdir()
    os.replace(foreign.file, ours.file)
    assert ours.load() is None
    assert "of another configuration" in capsys.readouterr().out


@pytest.mark.parametrize("keep", [0, 1, 100, 0.5, 0.99])
def test_a_damaged_checkpoint_is_named_and_not_used(tmp_path, capsys, keep):
    checkpoints = Checkpoints({}, tmp_path)
    checkpoints.save({"weights": torch.randn(1000)})
    whole = checkpoints.file.read_bytes()
    checkpoints.file.write_bytes(whole[: int(keep * len(whole)) if isinstance(keep, float) else keep])
    assert checkpoints.load() is None
    assert "damaged" in capsys.readouterr().out


def test_a_flipped_bit_is_damage(tmp_path, capsys):
    checkpoints = Checkpoints({}, tmp_path)
    checkpoints.save({"weights": torch.zeros(1000)})
    content = bytearray(checkpoints.file.read_bytes())
    content[content.index(bytes(2000)) + 1000] ^= 1
    checkpoints.file.write_bytes(content)
    assert checkpoints.load() is None
    assert "damaged" in capsys.readouterr().out


def test_code_in_a_checkpoint_is_not_run(tmp_path, capsys):
    class Trap:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path}/ran",)

    checkpoints = Checkpoints({}, tmp_path)
    checkpoints.folder.mkdir(parents=True)
    torch.save({"configuration": {}, "trap": Trap()}, checkpoints.file)
    assert checkpoints.load() is None
    assert not (tmp_path / "ran").exists()


def test_a_failed_writing_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"good")

    def full_disk(file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError):
        write_atomically(path, full_disk)
    assert path.read_bytes() == b"good"
    assert os.listdir(tmp_path) == ["file"]


def hold(folder, held):
    with Checkpoints({}, folder).locked():
        held.set()
        time.sleep(60)


def test_the_lock_outlives_no_killed_process_and_keeps_a_second_trainer_out(tmp_path):
    context = multiprocessing.get_context("forkserver")
    held = context.Event()
    holder = context.Process(target=hold, args=(tmp_path, held))
    holder.start()
    assert held.wait(60)
    busy = "another process is training this very run .*; start this one again when that has ended"
    with pytest.raises(SystemExit, match=busy), Checkpoints({}, tmp_path).locked(wait=False):
        pass
    said = []

    def waiting(line):
        said.append(line)
        holder.kill()

    with Checkpoints({}, tmp_path).locked(waiting) as waited:
        assert waited
    assert "another process is training this very run" in said[0]
    holder.join()
    with Checkpoints({}, tmp_path).locked() as waited:
        assert not waited


@pytest.fixture
def halfway(job, workspace, small_network):
    """A training, its checkpoint after two epochs, and a fresh training of the same run."""
    run = one_run.made(job("dynamic"), "cpu")[1]
    training = Training(run)
    epochs = training.epochs()
    next(epochs), next(epochs)
    return snapshot(training.state_dict()), Training(run), epochs


def test_a_snapshot_stays_as_it_was_while_the_training_goes_on_and_can_be_continued(halfway):
    state, fresh, epochs = halfway
    before = {name: value.clone() for name, value in state["network"].items()}
    next(epochs)
    assert len(state["progress"]["curves"]) == 2 and state["progress"]["epoch"] == 2
    assert all(torch.equal(value, before[name]) for name, value in state["network"].items())
    assert unusable(state, fresh) is None
    assert fresh.progress.epoch == 2 and fresh.network.training


def first(state, ndim=4):
    return next(name for name, value in state.items() if value.ndim == ndim)


def changed(part, change):
    """The state with one tensor of a part put through a function."""

    def damage(state):
        tensors = {
            "network": lambda: state["network"],
            "best": lambda: state["progress"]["best"],
            "optimiser": lambda: state["optimiser"]["state"][0],
        }[part]()
        name = first(tensors)
        tensors[name] = change(tensors[name])

    return damage


DAMAGE = {
    "NaN": lambda value: value * math.nan,
    "one infinity": lambda value: value.index_fill(0, torch.tensor([0]), math.inf),
    "another shape": lambda value: value[:1],
    "text": lambda value: "weights",
}
OF_WEIGHTS = {
    "another type": lambda value: value.double(),
    "whole numbers": lambda value: value.long(),
}
CASES = {f"{part}: {name}": changed(part, change)
         for part in ("network", "best", "optimiser")
         for name, change in (DAMAGE if part == "optimiser" else DAMAGE | OF_WEIGHTS).items()} | {
    "zeros": lambda state: [value.zero_() for value in state["network"].values()],
    "no network": lambda state: state.pop("network"),
    "another part": lambda state: state.update(average={}),
    "a tensor missing": lambda state: state["network"].pop(first(state["network"])),
    "a tensor more": lambda state: state["network"].update(more=torch.ones(1)),
    "no best": lambda state: state["progress"].update(best=None),
    "epoch 0": lambda state: state["progress"].update(epoch=0),
    "epoch 9": lambda state: state["progress"].update(epoch=9),
    "an epoch in words": lambda state: state["progress"].update(epoch="two"),
    "no curves": lambda state: state["progress"].update(curves=[]),
    "another progress": lambda state: state["progress"].update(more=1),
    "no signs": lambda state: state.update(in_force={}),
    "no groups": lambda state: state["optimiser"].update(param_groups=[]),
}  # fmt: skip


@pytest.mark.parametrize("damage", CASES.values(), ids=CASES)
def test_a_checkpoint_that_cannot_be_continued_is_named_and_never_used(halfway, damage):
    state, fresh, _ = halfway
    damage(state)
    assert unusable(state, fresh)


def test_with_a_checkpoint_of_no_use_the_run_is_trained_from_its_start(job, go, counted, workspace, small_network):
    one, run = one_run.made(job(), "cpu")
    training, checkpoints = Training(run), Checkpoints(configuration(one, run))
    next(training.epochs())
    changed("network", DAMAGE["NaN"])(state := snapshot(training.state_dict()))
    checkpoints.save(state)
    counted.clear()
    lines, _ = go(job())
    assert counted == [1, 2, 3, 4]
    assert "holds what is no number): starting from the first epoch" in lines[0]
