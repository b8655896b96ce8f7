"""What has been cropped so far, in a scratch folder outside the store, so that an interrupted run goes on where it
stopped.

DVC deletes a stage's outs before it runs, so nothing of a half-made store may lie in them. The scratch folder is
named after everything that determines the crops; a run with other parameters, other pictures or other code does not
find it.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import PIL

_CODE = Path(__file__).parent


def scratch_name(*, fingerprint, images, **settings):
    """The scratch folder's name for a list of (path, box), the source's fingerprint and the settings that shape the crops."""
    digest = hashlib.sha256(
        json.dumps([fingerprint, settings, PIL.__version__, np.__version__], sort_keys=True).encode()
    )
    for path in sorted(_CODE.glob("*.py")):
        digest.update(path.read_bytes())
    for image in images:
        digest.update(repr(image).encode())
    return f"crops-{digest.hexdigest()[:16]}"


class Journal:
    """The outcomes of each split's images so far, one line for each finished task.

    An outcome is (16-byte digest, treatments) of a crop, or the reason why there is none. A line is written after its
    crops, so that the images file holds at least the rows that the journal speaks of.
    """

    def __init__(self, folder):
        self.outcomes = {}
        self._path = Path(folder) / "journal.jsonl"
        good = 0
        if self._path.exists():
            with open(self._path, "rb") as file:
                for line in file:
                    # A killed process leaves at most one unfinished line, the last.
                    if not line.endswith(b"\n"):
                        break
                    record = json.loads(line)
                    self.of(record["split"]).extend(
                        entry if isinstance(entry, str) else (bytes.fromhex(entry[0]), tuple(entry[1:]))
                        for entry in record["outcomes"]
                    )
                    good += len(line)
        self._file = open(self._path, "ab")
        self._file.truncate(good)

    def of(self, split):
        """The outcomes of a split so far, in the order of its samples."""
        return self.outcomes.setdefault(split, [])

    def add(self, split, outcomes):
        entries = [entry if isinstance(entry, str) else [entry[0].hex(), *entry[1]] for entry in outcomes]
        self._file.write(json.dumps({"split": split, "outcomes": entries}).encode() + b"\n")
        self._file.flush()
        self.of(split).extend(outcomes)

    def close(self):
        self._file.close()

    def __len__(self):
        return sum(len(outcomes) for outcomes in self.outcomes.values())
