"""Who works on a run: a lock file beside its folder in .scratch/, for as long as there is anything to guard."""

import errno
from pathlib import Path

from filelock import FileLock

NO_LOCKS = "this disk has no file locks"


def lock_of(folder: Path) -> FileLock:
    """The lock of a run's folder; the operating system frees it when its process ends, however that ends."""
    # Where a disk has none, filelock would fall back to files that outlive a killed process, and wait for them for good.
    return FileLock(folder.with_suffix(".lock"), fallback_to_soft=False)


def has_no_locks(error: Exception) -> bool:
    """Whether this error of `acquire` says that the disk has no locks (some network and fuse file systems)."""
    absent = (errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP)
    return isinstance(error, NotImplementedError) or getattr(error, "errno", None) in absent


def let_go(lock: FileLock, folder: Path) -> None:
    """Release the lock, and remove its file where the folder is gone.

    It is removed while it is held: who has waited for it finds that its file has no name any more (filelock looks), and
    tries anew, so that no two ever hold the lock of one folder.
    """
    if not folder.exists():
        Path(lock.lock_file).unlink(missing_ok=True)
    lock.release()
