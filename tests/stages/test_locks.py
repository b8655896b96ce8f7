"""A lock keeps others out, is freed by a kill, and is done without where the disk has none."""

import errno
import fcntl
import multiprocessing
import os
import signal

import pytest

from stages.locks import Held, locked


def hold(path, ready):
    with locked(path, print):
        ready.set()
        signal.pause()


@pytest.fixture
def holder(tmp_path):
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=hold, args=(tmp_path / "a.lock", ready))
    process.start()
    assert ready.wait(60)
    yield process
    process.kill()
    process.join()


def test_another_process_is_kept_out_or_waits_and_a_kill_frees(tmp_path, holder):
    with pytest.raises(Held, match="a.lock"), locked(tmp_path / "a.lock", print):
        pass
    with locked(tmp_path / "a.lock", print, holder.kill) as waited:
        assert waited
    with locked(tmp_path / "a.lock", print) as waited:
        assert not waited


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_disk_without_locks_is_said_and_the_work_goes_on(tmp_path, monkeypatch, number):
    def refused(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refused)
    said = []
    with locked(tmp_path / "a.lock", said.append) as waited:
        assert not waited
    assert [line.partition(":")[0] for line in said] == [f"no locks on the disk of {tmp_path / 'a.lock'}"]


def test_what_is_no_file_is_an_error_of_its_own(tmp_path):
    (tmp_path / "a.lock").mkdir()
    with pytest.raises(IsADirectoryError), locked(tmp_path / "a.lock", print):
        pass
