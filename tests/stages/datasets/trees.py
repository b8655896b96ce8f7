"""Small trees on a disk, and what a reader says of them."""

from collections import Counter

import pytest

from stages.datasets import SETS, DataSetError, Note

JPEG = b"\xff\xd8\xff\xe0"


def touch(path, content=JPEG):
    """A file that begins as a JPEG does: readers look no further."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def plant(root, *paths):
    """Files below a folder, which it returns."""
    for path in paths:
        touch(root / path, b"x")
    return root


def read(name, root):
    """(samples, notes) of a data set."""
    stream = list(SETS[name].samples(root))
    notes = [item.text for item in stream if isinstance(item, Note)]
    return [item for item in stream if not isinstance(item, Note)], notes


def refusal(name, root):
    """The line with which a data set is refused."""
    with pytest.raises(DataSetError) as caught:
        list(SETS[name].samples(root))
    line = str(caught.value)
    assert "\n" not in line and line.startswith(f"{SETS[name].title}: ") and SETS[name].layout in line
    return line


def problems(samples):
    return dict(Counter(sample.problem for sample in samples if sample.problem))


def counts(samples):
    """{(split, label): number} of the samples without a problem."""
    return dict(Counter((sample.split, sample.label) for sample in samples if sample.problem is None))
