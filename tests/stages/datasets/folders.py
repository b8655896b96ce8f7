"""Class folders on a disk, and what their reader says of them."""

from collections import Counter

from stages.datasets import SETS, Note, Sample
from tests.stages.datasets.trees import plant

FOLDERS = SETS["folders"]


def grown(root, places, per=3):
    """Pictures in each of the places, which are written as the shell does: "{train,test}/{a,b}"."""
    heads = [""]
    for part in places.replace("}/", "}").split("}"):
        before, _, several = part.partition("{")
        heads = [head + before + each + "/" * bool(several) for head in heads for each in (several or "").split(",")]
    return plant(root, *[f"{head.rstrip('/')}/{i}.jpg" for head in heads for i in range(per)])


def read(root):
    """({(path, label, split)}, texts of the notes, {(path, problem)}) of what the reader yields."""
    items = list(FOLDERS.samples(root))
    samples = [item for item in items if isinstance(item, Sample)]
    usable = {(s.path, s.label, s.split) for s in samples if s.problem is None}
    return usable, [i.text for i in items if isinstance(i, Note)], {(s.path, s.problem) for s in samples if s.problem}


def counts(root):
    return Counter((split, label) for _, label, split in read(root)[0])
