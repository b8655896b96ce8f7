"""Writing whole or not at all: aside, onto the disk, then in one step into the place of what was there.

Every file and folder that a stage leaves behind is written through this module. A process that is killed in between
leaves the old content, or the new one, and never a part of either.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def write_atomically(path: str | Path, write: Callable[[BinaryIO], object]) -> None:
    """Call `write` with a file beside `path`, opened for bytes, and put it in the place of `path` when it is on the disk.

    Makes the folder of `path` where there is none. Raises OSError, which names `path`, with the file that was there
    untouched.
    """
    path = Path(path)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(partial, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error  # writing itself does not say where
    finally:
        partial.unlink(missing_ok=True)


def write_bytes(path: str | Path, content: bytes | memoryview) -> None:
    """Write the bytes to `path`. Raises as `write_atomically`."""
    write_atomically(path, lambda file: file.write(content))


def write_text(path: str | Path, text: str) -> None:
    """Write the text to `path` as UTF-8. Raises as `write_atomically`."""
    write_bytes(path, text.encode())


@contextmanager
def new_folder(target: str | Path) -> Iterator[Path]:
    """A fresh, empty folder beside `target`, which takes its place when the block ends without an error.

    Raises OSError, with the folder that was there untouched.
    """
    target = Path(target)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        put_folder(partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def put_folder(folder: str | Path, target: str | Path) -> None:
    """Put a finished folder in the place of `target`, whose previous content is whole until then.

    A folder cannot be exchanged in one step everywhere: a process killed between the two renames leaves the previous
    content in .<name>-old, and `recover` takes it back.
    """
    target = Path(target)
    new, old = (target.with_name(f".{target.name}-{which}") for which in ("new", "old"))
    target.parent.mkdir(parents=True, exist_ok=True)
    recover(target)
    shutil.rmtree(new, ignore_errors=True)
    shutil.move(folder, new)  # across disks this copies, and what follows still does not
    if target.exists():
        target.rename(old)
    new.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def recover(target: str | Path) -> None:
    """Take back what an interrupted `put_folder` had moved aside; without one, nothing happens."""
    target = Path(target)
    old = target.with_name(f".{target.name}-old")
    if old.exists() and not target.exists():
        old.rename(target)
    shutil.rmtree(old, ignore_errors=True)
