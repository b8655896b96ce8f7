"""What has been cropped so far: in a scratch folder outside the store, so that an interrupted run goes on from there.

DVC deletes a stage's outs before it runs, so nothing of a half-made store may lie in them. The scratch folder is
named after everything that determines the crops; a run with other parameters, other pictures or other code does not
find it.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import PIL

from stages.crops.outcome import Outcome

_CODE = Path(__file__).parent


def scratch_name(target: str | Path, *, fingerprint: dict, images: Iterable[tuple], **settings: object) -> str:
    """The scratch folder's name: crops-<8 digits of the store's path>-<16 digits of what determines the crops>.

    fingerprint is of the source, images are (path, box) in order, and settings are what else shapes the crops.
    """
    digest = hashlib.sha256(
        json.dumps([fingerprint, settings, PIL.__version__, np.__version__], sort_keys=True).encode()
    )
    for path in sorted(_CODE.glob("*.py")):
        digest.update(path.read_bytes())
    for image in images:
        digest.update(repr(image).encode())
    return f"crops-{_place(target)}-{digest.hexdigest()[:16]}"


def scratch_names(target: str | Path) -> str:
    """The pattern of all scratch folders' names of a store."""
    return f"crops-{_place(target)}-*"


def _place(target: str | Path) -> str:
    return hashlib.sha256(str(target).encode()).hexdigest()[:8]


class Journal:
    """The outcomes of each split's images so far, one line for each finished task.

    A line is written after its crops, so that the images file holds at least the rows that the journal speaks of.
    """

    def __init__(self, folder: str | Path):
        """Opens the journal in a folder, or begins it. What a killed process wrote of a line is cut off."""
        self.outcomes: dict[str, list[Outcome]] = {}
        self._path = Path(folder) / "journal.jsonl"
        whole = 0
        if self._path.exists():
            with open(self._path, "rb") as file:
                for line in file:
                    # A killed process leaves at most one unfinished line, the last.
                    if not line.endswith(b"\n"):
                        break
                    record = json.loads(line)
                    self.so_far(record["split"]).extend(map(_from_json, record["outcomes"]))
                    whole += len(line)
        self._file = open(self._path, "ab")
        self._file.truncate(whole)

    def so_far(self, split: str) -> list[Outcome]:
        """The outcomes of a split so far, in the order of its samples."""
        return self.outcomes.setdefault(split, [])

    def add(self, split: str, outcomes: Sequence[Outcome]) -> None:
        """Write down the outcomes of the split's next samples, and hand them to the operating system."""
        record = {"split": split, "outcomes": [_to_json(outcome) for outcome in outcomes]}
        self._file.write(json.dumps(record).encode() + b"\n")
        self._file.flush()
        self.so_far(split).extend(outcomes)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __len__(self) -> int:
        return sum(len(outcomes) for outcomes in self.outcomes.values())


def _to_json(outcome: Outcome) -> str | list[str]:
    """The reason, or the digest in hex and the treatments."""
    return [outcome.digest.hex(), *outcome.treatments] if outcome.cropped else outcome.reason


def _from_json(entry: str | list[str]) -> Outcome:
    if isinstance(entry, str):
        return Outcome(reason=entry)
    digest, *treatments = entry
    return Outcome(bytes.fromhex(digest), tuple(treatments))
