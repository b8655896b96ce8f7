"""Writing whole or not at all: aside first, then in one step into the place of what was there.

Every file and folder that a stage leaves behind is written through this module. A process that is killed in between
leaves the old content, or the new one, and never a part of either. A file is also forced onto the disk before it takes
its place, so that a power cut spares it; the files of a folder, which may be thousands, are not.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import BinaryIO


def write_atomically(path: str | Path, write: Callable[[BinaryIO], object]) -> None:
    """Call `write` with a file beside `path`, opened for bytes; it takes the place of `path` when it is on the disk.

    Makes the folder of `path` where there is none. A link at `path`, as DVC makes them into its cache, is replaced and
    not followed. Raises OSError, which names `path`, with the file that was there untouched.
    """
    path = Path(path)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path.parent, f"{path.name}.")
        with open(partial, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        if error.filename not in (None, partial, str(partial)):
            raise  # it names another file, such as one that `write` reads
        raise _naming(path, error) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def write_bytes(path: str | Path, content: bytes | memoryview) -> None:
    """Write the bytes to `path`. Raises as `write_atomically`."""
    write_atomically(path, lambda file: file.write(content))


def write_text(path: str | Path, text: str) -> None:
    """Write the text to `path` as UTF-8, line ends as they are. Raises as `write_atomically`."""
    write_bytes(path, text.encode())


@contextmanager
def new_folder(target: str | Path) -> Iterator[Path]:
    """A fresh, empty folder beside `target`, which takes its place when the block ends without an error.

    Raises OSError, with the folder that was there untouched.
    """
    named, target = Path(target), _followed(target)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    target.parent.mkdir(parents=True, exist_ok=True)
    recover(target)
    _sweep(target.parent, f".{target.name}.")
    _remove(partial)
    try:
        partial.mkdir()
        yield partial
        put_folder(partial, target)
    except OSError as error:
        if error.filename is None or str(error.filename).startswith(str(partial)):
            raise _naming(named, error) from error
        raise
    finally:
        with suppress(OSError):
            _remove(partial)


def put_folder(folder: str | Path, target: str | Path) -> None:
    """Put a finished folder in the place of `target`, whose previous content is whole until then.

    A folder cannot be exchanged in one step everywhere: a process killed between the two renames leaves the previous
    content in .<name>-old, and `recover` takes it back. A link at `target` stays, and what it leads to is replaced.

    Raises OSError, with the previous content in its place and `folder` where it was.
    """
    folder, target = Path(folder), _followed(target)
    new, old = _beside(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    recover(target)
    try:
        try:
            folder.rename(new)
        except OSError:  # on another disk: copied, so that the step that follows is a rename all the same
            shutil.copytree(folder, new, symlinks=True)
        if target.exists():
            target.rename(old)
        new.rename(target)
    except BaseException:
        if new.exists() and not folder.exists():
            new.rename(folder)
        recover(target)
        raise
    for left_over in (old, folder):
        with suppress(OSError):
            _remove(left_over)


def recover(target: str | Path) -> None:
    """Take back what an interrupted `put_folder` had moved aside, and clear away what it had not finished.

    Without an interruption nothing happens.
    """
    target = _followed(target)
    new, old = _beside(target)
    if old.exists() and not target.exists():
        old.rename(target)
    for left_over in (new, old):
        _remove(left_over)


def _naming(path: Path, error: OSError) -> OSError:
    """The error with the file or folder that the user knows: what is written aside says nothing to anybody."""
    if error.errno is None:  # NumPy's, when the disk is full: "1000 requested and 0 written"
        return OSError(f"{path}: {error}")
    return OSError(error.errno, error.strerror, str(path))


def _followed(target: str | Path) -> Path:
    """The folder itself, where `target` is a link to it: what is written aside must lie on its disk."""
    return Path(os.path.realpath(target))


def _beside(target: Path) -> tuple[Path, Path]:
    """Where the new content waits for its place, and where the previous one waits for the new one."""
    return target.with_name(f".{target.name}-new"), target.with_name(f".{target.name}-old")


def _remove(path: Path) -> None:
    """Remove a folder or a file, if there is one."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _sweep(folder: Path, prefix: str) -> None:
    """Remove what killed processes left unfinished under `prefix`: half a checkpoint is large."""
    for path in folder.glob(f"{escape(prefix)}*.partial"):
        process = path.name.removeprefix(prefix).removesuffix(".partial")
        if process.isdecimal() and not _is_alive(int(process)):
            _remove(path)


def _is_alive(process: int) -> bool:
    """Whether a process may be at work; where signals do not tell without harm (Windows), always."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
