"""RAF-DB, the basic subset with its aligned 100 x 100 faces.

Li, Deng, Du: Reliable crowdsourcing and deep locality-preserving learning for expression recognition in the wild,
CVPR 2017. As published: EmoLabel/list_patition_label.txt (spelt so) with lines "train_00001.jpg 5", and
Image/aligned/train_00001_aligned.jpg. As widely copied: {train,test}/<code>/<name>.jpg with {train,test}_labels.csv
of image,label.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

from stages.datasets.folders import read_class_folders
from stages.datasets.sample import DataSet, DataSetError, Sample, first_existing, split_of

# Codes 1 to 7.
CODES = ("Surprise", "Fear", "Disgust", "Happiness", "Sadness", "Anger", "Neutral")
_BY_CODE = {str(code): name for code, name in enumerate(CODES, 1)}
LAYOUT = "EmoLabel/list_patition_label.txt with Image/aligned/<name>_aligned.jpg, or {train,test}/<1 to 7>/<name>.jpg"


def read(root: Path) -> Iterator[Sample]:
    """Yields train and test; there is no published validation split.

    Raises DataSetError when neither of the two layouts is there.
    """
    labels = first_existing(
        root, "EmoLabel/list_patition_label.txt", "basic/EmoLabel/list_patition_label.txt", "list_patition_label.txt"
    )
    if labels:
        yield from _read_published(root, labels)
        return
    train = first_existing(root, "train/1", "train/01")
    if train is None:
        raise DataSetError(f"neither EmoLabel/list_patition_label.txt nor a folder train/1 in {root}")
    yield from _read_folders(root, train.parent.parent)


def _read_published(root, labels):
    aligned = first_existing(root, "Image/aligned", "basic/Image/aligned", "aligned")
    if aligned is None:
        raise DataSetError(f"no folder Image/aligned in {root}")
    folder = aligned.relative_to(root).as_posix()
    for number, line in enumerate(labels.read_text(encoding="utf-8-sig").splitlines(), 1):
        if not line.strip():
            continue
        name, _, code = line.strip().partition(" ")
        label, split = _BY_CODE.get(code.strip()), split_of(name.partition("_")[0])
        if split is None or not code:
            yield Sample(f"{labels.name}#{number}", None, None, problem="unknown split" if code else "row too short")
            continue
        stem, _, suffix = name.rpartition(".")
        yield Sample(f"{folder}/{stem}_aligned.{suffix}", label, split, problem=None if label else "unknown label code")


def _read_folders(root, base):
    listed = {}
    for split in ("train", "test"):
        table = base / f"{split}_labels.csv"
        if table.exists():
            with open(table, newline="", encoding="utf-8-sig") as file:
                listed |= {(split, row["image"]): row["label"].strip() for row in csv.DictReader(file)}
    seen = set()
    for sample in read_class_folders(root, base, lambda folder: _BY_CODE.get(folder.lstrip("0"))):
        key = sample.split, sample.path.rpartition("/")[2]
        seen.add(key)
        # Folder and list say the same twice; where they disagree nobody knows which is right.
        if listed and sample.problem is None and _BY_CODE.get(listed.get(key)) != sample.label:
            sample.problem = "folder and list disagree" if key in listed else "not in the list"
        yield sample
    for split, name in sorted(listed.keys() - seen):
        code = listed[split, name]
        path = base / split / code / name
        yield Sample(path.relative_to(root).as_posix(), _BY_CODE.get(code), split, problem="missing")


DATA_SETS = {
    "rafdb": DataSet(
        title="RAF-DB",
        read=read,
        root="RAFDB_ROOT",
        layout=LAYOUT,
        size=100,
        channels=3,
        flip=True,
        classes=CODES,
        subsets={7: CODES},
        place=10,
    )
}
