"""What lies in .scratch/ for nobody: what killed processes had begun, and runs that nobody has continued for long."""

import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stages.files import recover
from stages.locks import Held, locked
from stages.running.kept import CHECKPOINT, folder_of, scratch

DAYS = 30  # without a new checkpoint, after which an unfinished run is given up: longer than a holiday
RUN = re.compile(r"[0-9a-f]{32}")  # the hash of a configuration; other things in .scratch/ are other stages'


def sweep(root: Path | None = None) -> str | None:
    """Remove what is nobody's, and return a line about it; None where there was nothing.

    Whoever works on a run holds its lock: what is locked, or cannot be (a disk without locks), stays.
    """
    root = root or scratch()
    given_up, left_over, size = 0, 0, 0
    for name in sorted(_names(root)):
        folder, no_locks = root / name, list[str]()
        # What is held, or cannot be removed, hinders nobody.
        with suppress(Held, OSError), held(folder, no_locks.append):
            if no_locks:
                return None
            old = [folder] if _is_old(folder / CHECKPOINT) else []
            litter = [] if old else _begun(folder)
            aside = list(folder_of("", root).glob(f".{name}-*"))
            given_up, left_over = given_up + len(old), left_over + len(litter + aside)
            size += sum(map(_size, old + litter + aside))
            recover(folder_of(name, root))
            for path in old + litter:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    parts = [f"{given_up} unfinished runs that nobody has continued for {DAYS} days"] * bool(given_up)
    parts += [f"{left_over} files and folders that killed processes had begun"] * bool(left_over)
    return f"{root}: removed {' and '.join(parts)} ({size / 2**20:.0f} MB)" if parts else None


@contextmanager
def held(folder: Path, log: Callable[[str], object], wait: Callable[[], object] | None = None) -> Iterator[bool]:
    """Hold a run's folder in .scratch/ as `stages.locks.locked` does; where it is gone at the end, so is the lock.

    The file is removed while it is held: who has waited for it finds that its file has no name any more (filelock
    looks), and tries anew, so that no two ever hold the lock of one folder.
    """
    file = folder.with_suffix(".lock")
    with locked(file, log, wait) as waited:
        try:
            yield waited
        finally:
            if not folder.exists():
                file.unlink(missing_ok=True)


def _names(root: Path) -> set[str]:
    here = [path.name.removesuffix(".lock") for path in root.glob("*")]
    kept = [path.name[1:].rpartition("-")[0] for path in folder_of("", root).glob(".*-*")]
    return {name for name in here + kept if RUN.fullmatch(name)}


def _begun(folder: Path) -> list[Path]:
    """What is no whole checkpoint; without one, the folder."""
    if not folder.is_dir():
        return []
    beside = [path for path in folder.iterdir() if path.name != CHECKPOINT]
    return beside if (folder / CHECKPOINT).is_file() else [folder]


def _is_old(checkpoint: Path) -> bool:
    return checkpoint.is_file() and time.time() - checkpoint.stat().st_mtime > DAYS * 86400


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
