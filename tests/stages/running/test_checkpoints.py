import os
import subprocess
import sys

import pytest
import torch

from stages.files import write_atomically
from stages.running.checkpoints import Checkpoints


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


def test_the_lock_outlives_no_killed_process_and_keeps_a_second_trainer_out(tmp_path):
    program = (
        "import sys, time; from stages.running.checkpoints import Checkpoints\n"
        f"with Checkpoints({{}}, {str(tmp_path)!r}).locked(): print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
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
    holder.wait()
    with Checkpoints({}, tmp_path).locked() as waited:
        assert not waited
