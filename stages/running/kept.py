"""Finished runs, kept under the hash of what decided them: a further seed trains alone, a revisited one not at all.

    python -m stages.running.kept                    list them
    python -m stages.running.kept --prune [DAYS]     remove those older than so many days (0: all)

They lie in .scratch/kept/ of the repository. A run is copied out of it and never linked: DVC shares what it links with
its cache, where writing to one would destroy the other.
"""

import argparse
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from stages.files import put_folder, write_text
from stages.results.record import RECORD, sealed

CHECKPOINT = "checkpoint.pt"  # of an unfinished one, in .scratch/<hash>/


def scratch() -> Path:
    """The folder for unfinished work and kept runs: the repository's, also in the temporary copy of an experiment."""
    return Path(os.environ.get("DVC_ROOT", ".")) / ".scratch"


def folder_of(configuration: str, root: Path | None = None) -> Path:
    """Where the run of the configuration with this hash is kept, or would be."""
    return (root or scratch()) / "kept" / configuration


def copy(kept: Path, out: Path, aside: Path, names: dict[str, Any]) -> None:
    """Put a copy of a kept run in the place of `out`, made in the folder `aside` first.

    `names` are what its record calls it there: a study and the main pipeline share runs, under names of their own.
    Raises OSError, with what was there untouched.
    """
    shutil.rmtree(aside, ignore_errors=True)
    shutil.copytree(kept, aside, copy_function=shutil.copyfile)
    record = json.loads((aside / RECORD).read_text(encoding="utf-8"))
    write_text(aside / RECORD, json.dumps(sealed(record | names), indent=1) + "\n")
    put_folder(aside, out)


class Kept(NamedTuple):
    """A kept run: its folder, its record, its size in bytes, and the time at which it was finished."""

    folder: Path
    record: dict[str, Any]
    size: int
    finished: float


def listed(root: Path | None = None) -> Iterator[Kept]:
    """The kept runs, the latest first; a folder without a readable record has an empty one."""
    folders = (folder for folder in folder_of("", root).glob("*/") if not folder.name.startswith("."))
    for folder in sorted(folders, key=lambda folder: -folder.stat().st_mtime):
        try:
            record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            record = {}
        size = sum(file.stat().st_size for file in folder.iterdir())
        yield Kept(folder, record, size, folder.stat().st_mtime)


def prune(days: float, root: Path | None = None) -> list[Kept]:
    """Remove what is kept for at least so many days, and return it."""
    old = [kept for kept in listed(root) if time.time() - kept.finished >= days * 86400]
    for kept in old:
        shutil.rmtree(kept.folder)
    return old


def _line(kept: Kept) -> str:
    record = kept.record
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(kept.finished))
    name = f"{record.get('run', 'damaged')}  {record.get('title', '')}, {record.get('epochs', '?')} epochs"
    reads = {key: value for key, value in record.get("params", {}).items() if key != "train"}
    return f"{kept.folder.name[:12]}  {when}  {kept.size / 2**20:5.0f} MB  {name}  {json.dumps(reads) if reads else ''}"


def main() -> None:
    parser = argparse.ArgumentParser(description="List or remove the finished runs that are kept in .scratch/kept.")
    parser.add_argument(
        "--prune", metavar="DAYS", type=float, nargs="?", const=0.0, help="remove those older than this"
    )
    days = parser.parse_args().prune
    found = list(listed()) if days is None else prune(days)
    for kept in found:
        print(_line(kept))
    total = sum(kept.size for kept in found) / 2**20
    print(f"{len(found)} runs, {total:.0f} MB{' removed' if days is not None else ''}")


if __name__ == "__main__":
    main()
