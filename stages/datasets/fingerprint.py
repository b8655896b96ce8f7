"""Whether an external set is still the same, without reading it."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from stages.datasets.listing import Folder


def fingerprint(root: Path) -> dict[str, int | str]:
    """{"files": n, "bytes": n, "digest": hex} of names, sizes and times of all files below root, or of the file root.

    The digest is the first half of SHA-256 over a line "<path>\\0<bytes>\\0<seconds of modification>" for each file,
    folder by folder, files and folders together by name. Times count in whole seconds: archives and copying tools keep
    those, so that a faithful copy of a set has the same fingerprint. Litter does not count, links are followed: what
    the readers see. Takes about 0.2 s for 20,000 files.
    """
    digest, files, size = hashlib.sha256(), 0, 0
    for path, status in _walk(Folder(root)) if root.is_dir() else [(root.name, root.stat())]:
        digest.update(f"{path}\0{status.st_size}\0{int(status.st_mtime)}\n".encode("utf-8", "surrogateescape"))
        files, size = files + 1, size + status.st_size
    return {"files": files, "bytes": size, "digest": digest.hexdigest()[:32]}


def _walk(folder: Folder) -> Iterator[tuple[str, os.stat_result]]:
    inner = {each.name: each for each in folder.folders}
    for name in sorted([*inner, *folder.files]):
        if name in inner:
            yield from _walk(inner[name])
        else:
            yield folder.below(name), os.stat(folder.path / name)
