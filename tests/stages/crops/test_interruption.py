"""Interruption: killed at any moment, the build continues, and the previous crops are whole until then."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from stages.crops import build as building
from stages.crops.store import CropsError, open_crops
from stages.datasets import SETS
from stages.datasets.division import divide

SCRIPT = """
import sys
from pathlib import Path
from stages.crops import build as building, parallel
import conftest
building.TASK_BYTES = 3 * 8 * 8 * 3
task, done = parallel.crop_task, 0
def slow(*arguments):
    global done
    done += 1
    if done > int(sys.argv[2]):
        print("waiting", flush=True)
        import time; time.sleep(60)
    return task(*arguments)
parallel.crop_task = slow
root = Path(sys.argv[1])
conftest.make(root / "set", root / "crops", drop_duplicates=True, max_failures=0.1)
"""


@pytest.mark.parametrize("tasks", [0, 1, 5, 11])
def test_killed_it_continues_and_leaves_the_previous_crops_whole(tmp_path, tasks, capsys, tree, make):
    root = tree(per_class=6)
    (root / "train/cat/004.png").write_bytes((root / "val/cat/000.png").read_bytes())
    (root / "train/cat/005.png").write_bytes(b"")
    straight = tmp_path / "straight"
    make(root, straight, drop_duplicates=True, max_failures=0.1)
    previous = tmp_path / "crops"
    previous.mkdir()
    (previous / "summary.json").write_text("{}")

    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path.cwd()), str(Path(__file__).parent)])}
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, tmp_path, str(tasks)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout.readline() == b"waiting\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert [path.name for path in previous.iterdir()] == ["summary.json"]

    # The killed process may have written half a line, and crops that no line speaks of.
    (scratch,) = [path for path in (tmp_path / ".scratch").iterdir() if path.is_dir()]
    with open(scratch / "journal.jsonl", "ab") as file:
        file.write(b'{"split": "tr')
    for images in scratch.glob("*/images.npy"):
        with open(images, "ab") as file:
            file.write(b"x" * 100)
    make(root, previous, drop_duplicates=True, max_failures=0.1)
    assert (f"continuing after {min(3 * tasks, 36)} of 36" in capsys.readouterr().err) == (tasks > 0)
    names = sorted(path.relative_to(straight) for path in straight.rglob("*.*"))
    assert names == sorted(path.relative_to(previous) for path in previous.rglob("*.*"))
    for name in names:
        assert (straight / name).read_bytes() == (previous / name).read_bytes(), name


def test_other_settings_or_pictures_start_afresh(tmp_path, monkeypatch, capsys, tree, make):
    root = tree()
    (root / "train/dog/003.png").write_bytes(b"")
    with pytest.raises(CropsError):
        make(root, tmp_path / "crops", max_failures=0)
    make(root, tmp_path / "crops", size=9, max_failures=1)
    make(root, tmp_path / "crops", fingerprint={"digest": "other"}, max_failures=1)
    assert "continuing" not in capsys.readouterr().err


@pytest.mark.parametrize("damage", ["row", "tail", "gone", "journal", "header"])
def test_what_a_loss_of_power_left_is_made_again(tmp_path, monkeypatch, capsys, damage, tree, make):
    """The journal may say more than the images file holds, and either may hold zeros."""
    root = tree(per_class=6)
    (root / "train/cat/004.png").write_bytes((root / "val/cat/000.png").read_bytes())
    options = {"drop_duplicates": True, "max_failures": 0.1}
    make(root, tmp_path / "straight", **options)
    monkeypatch.setattr(building, "TASK_BYTES", 3 * 8 * 8 * 3)
    monkeypatch.setattr(building, "write_tables", stop)
    with pytest.raises(KeyboardInterrupt):
        make(root, tmp_path / "crops", **options)
    (scratch,) = [path for path in (tmp_path / ".scratch").iterdir() if path.is_dir()]
    images, row = scratch / "val/images.npy", 8 * 8 * 3
    if damage == "gone":
        images.unlink()
    else:
        images = scratch / "journal.jsonl" if damage == "journal" else images
        whole = bytearray(images.read_bytes())
        if damage == "row":
            whole[-5 * row : -4 * row] = bytes(row)
        elif damage == "tail":
            del whole[-row - 7 :]
        elif damage == "header":
            whole[:128] = bytes(128)
        else:
            whole[len(whole) // 2 :] = bytes(len(whole) - len(whole) // 2)
        images.write_bytes(whole)
    monkeypatch.undo()
    capsys.readouterr()
    make(root, tmp_path / "crops", **options)
    said = capsys.readouterr().err
    assert "continuing after" in said and ("part of what was done before is made again" in said) == (
        damage not in ("header", "journal")
    )
    for path in (tmp_path / "straight").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "crops" / path.relative_to(tmp_path / "straight")).read_bytes(), path


def stop(*_):
    raise KeyboardInterrupt


def test_soft_labels_of_an_earlier_run_are_not_taken_over(tmp_path, monkeypatch, tree, make):
    """The tables are written last: a run that is killed then leaves them beside the crops."""
    root = tree()
    row = SETS["folders"]
    monkeypatch.setattr(building, "put_folder", stop)
    division = divide(row, row.samples(root), root, classes="all")
    for samples in division.samples.values():
        for sample in samples:
            sample.soft = (0.5, 0.5)
    about = {"dataset": "folders", "title": "", "size": 8, "channels": 3, "flip": True, "mean_std": None}
    options = {"about": about, "fingerprint": {}, "workers": 1, "scratch": tmp_path / ".scratch"}
    with pytest.raises(KeyboardInterrupt):
        building.build(division, root, tmp_path / "crops", **options)
    assert len(list((tmp_path / ".scratch").rglob("soft.npy"))) == 3
    monkeypatch.undo()
    make(root, tmp_path / "crops")
    assert open_crops(tmp_path / "crops")["train"].soft is None
    assert not list((tmp_path / ".scratch").iterdir())


def test_two_processes_do_not_make_the_same_crops(tmp_path, tree, make):
    root = tree()
    (root / "train/dog/003.png").write_bytes(b"")
    with pytest.raises(CropsError):
        make(root, tmp_path / "crops", max_failures=0)
    (lock,) = (tmp_path / ".scratch").glob("*.lock")
    with FileLock(lock), pytest.raises(CropsError, match="another process is making the crops in .*crops"):
        make(root, tmp_path / "crops", max_failures=1)
    # Nor different crops into the same folder.
    with FileLock(lock), pytest.raises(CropsError, match="another process is making the crops in .*crops"):
        make(root, tmp_path / "crops", size=9, max_failures=1)


def test_another_store_of_the_same_pictures_is_left_alone(tmp_path, capsys, tree, make):
    """A study's interrupted crops are not swept away by those of the pipeline."""
    root = tree()
    (root / "train/dog/003.png").write_bytes(b"")
    for target in ("study", "crops"):
        with pytest.raises(CropsError):
            make(root, tmp_path / target, size=9, max_failures=0)
    make(root, tmp_path / "crops", max_failures=1)
    capsys.readouterr()
    make(root, tmp_path / "study", size=9, max_failures=1)
    assert "continuing after" in capsys.readouterr().err
    assert not list((tmp_path / ".scratch").iterdir())


def test_other_boxes_are_other_crops(tmp_path, capsys, make):
    """The list of an interrupted build is corrected in place: what was cropped from the wrong boxes must go."""
    root = tmp_path / "set"
    root.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    splits = ("train", "val", "test")
    for split in splits:
        Image.fromarray(pixels).save(root / f"{split}.png")
    (root / "train2.png").write_bytes(b"")

    def build(box, max_failures):
        rows = [f"{split}.png,{name},{split},{box}" for split in splits for name in "ab"] + [
            f"train2.png,a,train,{box}"
        ]
        (root / "labels.csv").write_text("\n".join(["path,label,split,box", *rows]))
        make(root, tmp_path / "crops", dataset="csv", max_failures=max_failures)

    with pytest.raises(CropsError):
        build("0 0 8 8", max_failures=0)
    build("4 4 8 8", max_failures=1)
    assert "continuing" not in capsys.readouterr().err
    for split in splits:
        for image in open_crops(tmp_path / "crops")[split].images:
            np.testing.assert_array_equal(image, pixels[4:12, 4:12])


def test_crops_that_were_moved_aside_are_taken_back_first(tmp_path, tree, make):
    """Killed between the two renames, the previous crops lie aside: they are back even if the next build fails."""
    root = tree()
    make(root, tmp_path / "crops")
    before = {path: path.read_bytes() for path in (tmp_path / "crops").rglob("*.*")}
    (tmp_path / "crops").rename(tmp_path / ".crops-old")
    (root / "train/dog/003.png").write_bytes(b"")
    with pytest.raises(CropsError, match="cannot be used"):
        make(root, tmp_path / "crops", max_failures=0)
    assert {path: path.read_bytes() for path in (tmp_path / "crops").rglob("*.*")} == before
    assert not (tmp_path / ".crops-old").exists()


def test_workers_end_when_their_parent_is_killed(tmp_path):
    script = (
        "import os, time\nfrom stages.crops.parallel import Decoders\n"
        "if __name__ == '__main__':\n"
        "    decoders = Decoders(2)\n"
        "    print(*{decoders._pool.submit(os.getpid).result() for _ in range(5)}, flush=True)\n    time.sleep(60)\n"
    )
    (tmp_path / "script.py").write_text(script)
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    process = subprocess.Popen([sys.executable, tmp_path / "script.py"], env=environment, stdout=subprocess.PIPE)
    workers = [int(word) for word in process.stdout.readline().split()]
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("group", [True, False])
def test_stopped_while_a_process_starts_none_is_left_to_fail(tmp_path, group):
    """The pool would forget the process that it has just asked for, which then finds nothing of what it is to do."""
    (tmp_path / "script.py").write_text(
        "import os, signal, sys, time\n"
        "from multiprocessing import forkserver\n"
        "import numpy as np\n"
        "from stages.crops.parallel import Decoders\n"
        "if __name__ == '__main__':\n"
        "    asking = forkserver.connect_to_new_process\n"
        "    def ask(descriptors):\n"
        "        asked = asking(descriptors)\n"
        f"        os.kill({0 if group else 'os.getpid()'}, signal.SIGINT)\n"
        "        return asked\n"
        "    forkserver.connect_to_new_process = ask\n"
        "    task = [(np.zeros((4, 4), np.uint8), None)]\n"
        "    try:\n"
        "        with Decoders(2) as decoders:\n"
        "            for _ in decoders.crop_all([task] * 3, 4, 1):\n"
        "                time.sleep(60)\n"
        "    except KeyboardInterrupt:\n"
        "        print('stopped')\n"
    )
    done = subprocess.run(
        [sys.executable, tmp_path / "script.py"],
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        start_new_session=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("stopped\n", "", 0)
