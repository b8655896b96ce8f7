"""Locks between processes, which a killed one frees; where the disk has none, the work goes on without."""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP}


class Held(Exception):
    """Another process holds the lock; the message is the lock's file."""


@contextmanager
def locked(path: str | Path, log: Callable[[str], object], wait: Callable[[], object] | None = None) -> Iterator[bool]:
    """Hold the lock of this file until the block ends; a disk without locks is said in `log`.

    Where another process holds it: raises Held, or calls `wait`, and waits. Yields whether it had to. Raises OSError
    where the file cannot be written.
    """
    lock, waited = FileLock(path, fallback_to_soft=False), False
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if wait is None:
                raise Held(str(path)) from None
            wait()
            waited = True
            lock.acquire()
    except (OSError, NotImplementedError) as error:  # the latter is what older versions of filelock make of ENOSYS
        if isinstance(error, OSError) and error.errno not in NO_LOCKS:
            raise
        log(f"no locks on the disk of {path}: start no second process with the same parameters")
    try:
        yield waited
    finally:
        lock.release()
