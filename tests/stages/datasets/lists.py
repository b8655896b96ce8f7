"""A list of pictures, written and read."""

import csv
import io

from stages.datasets import SETS, Note, Sample

LIST = SETS["csv"]


def write(path, rows, encoding="utf-8", **dialect):
    buffer = io.StringIO(newline="")
    csv.writer(buffer, **dialect).writerows(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(buffer.getvalue().encode(encoding))


def read(root):
    """(samples, texts of the notes)."""
    items = list(LIST.samples(root))
    return [i for i in items if isinstance(i, Sample)], [i.text for i in items if isinstance(i, Note)]
