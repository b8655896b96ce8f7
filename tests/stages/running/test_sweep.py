"""What lies in .scratch/ for nobody goes, and is said; what somebody works on, or may continue, stays."""

import errno
import multiprocessing
import os
import threading
import time

import pytest
from filelock import UnixFileLock

from stages.running.checkpoints import Checkpoints
from stages.running.sweep import DAYS, held, sweep

ONE, OTHER = "1" * 32, "abcdef01" * 4


def write(root, *names, days=0):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(2**20))
        moment = time.time() - days * 86400
        os.utime(path, (moment, moment))


def everything(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_an_old_run_goes_with_its_lock_and_a_young_one_stays(tmp_path):
    write(tmp_path, f"{ONE}/checkpoint.pt", f"{ONE}.lock", days=DAYS + 1)
    write(tmp_path, f"{OTHER}/checkpoint.pt", f"{OTHER}.lock", days=DAYS - 1)
    assert sweep(tmp_path) == (
        f"{tmp_path}: removed 1 unfinished runs that nobody has continued for {DAYS} days (1 MB)"
    )
    assert everything(tmp_path) == [f"{OTHER}.lock", f"{OTHER}/checkpoint.pt"]
    assert sweep(tmp_path) is None


def test_what_killed_processes_had_begun_goes_however_young(tmp_path):
    begun = [f"{ONE}/checkpoint.pt.99999999.partial", f"{OTHER}/finished/best.pt", f"kept/.{ONE}-new/best.pt"]
    write(tmp_path, f"{OTHER}/checkpoint.pt", *begun)
    assert "removed 3 files and folders that killed processes had begun (3 MB)" in sweep(tmp_path)
    assert everything(tmp_path) == [f"{OTHER}.lock", f"{OTHER}/checkpoint.pt"]


def test_a_kept_run_that_was_moved_aside_comes_back(tmp_path):
    write(tmp_path, f"kept/.{ONE}-old/best.pt", f"kept/{OTHER}/best.pt")
    sweep(tmp_path)
    assert everything(tmp_path) == [f"kept/{ONE}/best.pt", f"kept/{OTHER}/best.pt"]


def test_locks_that_guard_nothing_go_without_a_word_and_what_is_not_ours_stays(tmp_path):
    theirs = [
        "crops-00000000-0123456789abcdef/journal",
        "crops-00000000-0123456789abcdef.lock",
        "notes",
        f"{ONE}0.lock",
    ]
    write(tmp_path, f"{ONE}.lock", f"{OTHER}.lock", *theirs, days=100)
    assert sweep(tmp_path) is None
    assert everything(tmp_path) == sorted(theirs)


def test_without_a_scratch_folder_there_is_nothing(tmp_path):
    assert sweep(tmp_path / "none") is None
    assert not (tmp_path / "none").exists()


def hold(folder, holds):
    with held(folder, print):
        holds.set()
        time.sleep(60)


def test_what_is_in_use_stays(tmp_path):
    old = [f"{ONE}/checkpoint.pt", f"{ONE}/checkpoint.pt.1.partial"]
    write(tmp_path, *old, days=100)
    context = multiprocessing.get_context("forkserver")
    holds = context.Event()
    holder = context.Process(target=hold, args=(tmp_path / ONE, holds))
    holder.start()
    assert holds.wait(60)
    assert sweep(tmp_path) is None
    assert everything(tmp_path) == [f"{ONE}.lock", *old]
    holder.kill()
    holder.join()
    assert sweep(tmp_path)
    assert everything(tmp_path) == []


def test_no_two_ever_hold_a_lock_whose_file_is_removed_again_and_again(tmp_path):
    """Each letting go removes the file that others are waiting for."""
    folder, holders, most, rounds = tmp_path / ONE, [], [], []

    def work():
        for _ in range(10):
            with held(folder, print, lambda: None):
                holders.append(1)
                most.append(len(holders))
                time.sleep(0.0005)
                holders.pop()
                rounds.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (len(rounds), max(most)) == (40, 1)
    assert everything(tmp_path) == []


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_disk_without_locks_is_said_and_trained_on_and_nothing_is_swept(tmp_path, monkeypatch, number):
    def no_locks(self):
        raise OSError(number, os.strerror(number))

    write(tmp_path, f"{ONE}/checkpoint.pt", days=100)
    monkeypatch.setattr(UnixFileLock, "_acquire", no_locks)
    said = []
    with Checkpoints({}, tmp_path).locked(said.append) as waited:
        assert not waited
    assert len(said) == 1 and said[0].startswith("no locks on the disk of")
    assert sweep(tmp_path) is None and everything(tmp_path) == [f"{ONE}/checkpoint.pt"]


def test_another_error_of_the_lock_is_no_disk_without_locks(tmp_path, monkeypatch):
    def denied(self):
        raise PermissionError(errno.EACCES, "Permission denied", "file")

    monkeypatch.setattr(UnixFileLock, "_acquire", denied)
    with pytest.raises(PermissionError), Checkpoints({}, tmp_path).locked():
        pass
