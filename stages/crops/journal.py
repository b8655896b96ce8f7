"""What has been cropped so far: in a scratch folder outside the store, so that an interrupted run goes on from there.

DVC deletes a stage's outs before it runs, so nothing of a half-made store may lie in them. The scratch folder is
named after everything that determines the store; a run with other parameters, other pictures or other code does not
find it.
"""

import hashlib
import json
import os
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import PIL

from stages.crops.opening import DISK
from stages.crops.outcome import Outcome
from stages.crops.rows import holds
from stages.datasets.division import Division

_CODE = Path(__file__).parent


def scratch_name(target: str | Path, division: Division, **settings: object) -> str:
    """The scratch folder's name: crops-<8 digits of the store's path>-<16 digits of what determines the store>.

    settings are what else shapes it: the fingerprint of the source, size, channels and so on.
    """
    versions = [settings, list(division.classes), PIL.__version__, np.__version__]
    name = hashlib.sha256(json.dumps(versions, sort_keys=True).encode())
    for path in sorted(_CODE.glob("*.py")):
        name.update(path.read_bytes())
    for split, samples in division.samples.items():
        for sample, label in zip(samples, division.labels[split].tolist(), strict=True):
            listed = split, label, sample.path, sample.box, sample.soft, sample.affect, sample.subject
            name.update(repr(listed).encode())
    return f"crops-{place(target)}-{name.hexdigest()[:16]}"


def place(target: str | Path) -> str:
    """8 digits of the store's path, in the names of all its scratch folders."""
    return hashlib.sha256(os.fsencode(target)).hexdigest()[:8]


class Journal:
    """The outcomes of each split's images so far, one line for each finished task, beside the images files.

    A line is written after its crops, so that a killed process leaves at least the rows that the journal speaks of.
    After a loss of power both may hold anything: each line begins with a checksum of all up to it, and the rows are
    held against their digests.
    """

    def __init__(self, folder: str | Path, row_shape: Sequence[int], drop_duplicates: bool = False):
        """Opens the journal in a folder, or begins it, and cuts off what is torn, damaged, or to be tried again.

        row_shape is that of a crop. With drop_duplicates the images file of train lacks what val or test hold too.
        """
        self.outcomes: dict[str, list[Outcome]] = {}
        self.cut = False  # whether more was cut off than the unfinished line of a killed process
        self._folder, self._row_shape, self._drop = Path(folder), tuple(row_shape), drop_duplicates
        self._rows: dict[str, int] = {}
        self._held_out: set[bytes] = set()
        self._checksum = 0
        self._file = open(self._folder / "journal.jsonl", "a+b")
        self._file.seek(0)
        whole = 0
        for line in self._file:
            if not self._take(line):
                self.cut = line.endswith(b"\n")
                break
            whole += len(line)
        self._file.truncate(whole)

    def so_far(self, split: str) -> list[Outcome]:
        """The outcomes of a split so far, in the order of its samples."""
        return self.outcomes.setdefault(split, [])

    def rows(self, split: str) -> int:
        """The number of rows of the split's images file so far."""
        return self._rows.get(split, 0)

    def kept(self, split: str, outcomes: Iterable[Outcome]) -> list[bool]:
        """Which outcomes are crops of the store: decoded, and not dropped from train."""
        dropped = self._held_out if split == "train" else set()
        return [outcome.cropped and outcome.digest not in dropped for outcome in outcomes]

    def add(self, split: str, outcomes: Sequence[Outcome]) -> None:
        """Write down the outcomes of the split's next samples, and hand them to the operating system."""
        content = json.dumps({"split": split, "outcomes": [_to_json(outcome) for outcome in outcomes]}).encode()
        self._file.write(b"%08x %s\n" % (zlib.crc32(content, self._checksum), content))
        self._file.flush()
        self._count(content, split, outcomes)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __len__(self) -> int:
        return sum(len(outcomes) for outcomes in self.outcomes.values())

    def _take(self, line: bytes) -> bool:
        """Count a line that is whole, whose crops are there and whose pictures could be read; whether it is."""
        checksum, _, content = line.removesuffix(b"\n").partition(b" ")
        if not line.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(content, self._checksum):
            return False
        record = json.loads(content)
        split, outcomes = record["split"], list(map(_from_json, record["outcomes"]))
        if any(outcome.reason.startswith(DISK) for outcome in outcomes):
            return False
        pairs = zip(outcomes, self.kept(split, outcomes), strict=True)
        digests = [outcome.digest for outcome, kept in pairs if kept]
        images = self._folder / split / "images.npy"
        if not holds(images, self._row_shape, digests, start=self.rows(split)):
            return False
        self._count(content, split, outcomes)
        return True

    def _count(self, content: bytes, split: str, outcomes: Sequence[Outcome]) -> None:
        self._checksum = zlib.crc32(content, self._checksum)
        self.so_far(split).extend(outcomes)
        self._rows[split] = self.rows(split) + sum(self.kept(split, outcomes))
        if self._drop and split != "train":
            self._held_out.update(outcome.digest for outcome in outcomes if outcome.cropped)


def _to_json(outcome: Outcome) -> str | list[str]:
    """The reason, or the digest in hex and the treatments."""
    return [outcome.digest.hex(), *outcome.treatments] if outcome.cropped else outcome.reason


def _from_json(entry: str | list[str]) -> Outcome:
    if isinstance(entry, str):
        return Outcome(reason=entry)
    digest, *treatments = entry
    return Outcome(bytes.fromhex(digest), tuple(treatments))
