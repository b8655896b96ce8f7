"""FERPlus: the votes of ten annotators on FER2013's pictures.

Barsoum, Zhang, Canton Ferrer, Zhang: Training deep networks for facial expression recognition with crowd-sourced
label distribution, ICMI 2016. fer2013new.csv has one row for each row of fer2013.csv, in the same order: Usage, Image
name, and the votes for eight expressions, "unknown" and "NF" (not a face).
"""

import csv
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

from stages.datasets.fer2013 import read_table
from stages.datasets.sample import EXPRESSIONS, DataSet, DataSetError, Sample, first_existing, split_of

CODES = ("Neutral", "Happiness", "Surprise", "Sadness", "Anger", "Disgust", "Fear", "Contempt")
VOTES = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "nf")


def read(root: Path) -> Iterator[Sample]:
    """Yields FER2013's pictures with the majority's label, and the votes for expressions as their distribution.

    As the authors' own reader does in its majority mode: a single vote counts as none, and a picture without more
    than half of the votes for one expression (or with it for "unknown" or "NF") is left out. Raises DataSetError when a
    file or a column is missing, and when the two files are not of the same pictures in the same order.
    """
    pictures, votes = first_existing(root, "fer2013.csv", "icml_face_data.csv"), first_existing(root, "fer2013new.csv")
    if pictures is None or votes is None:
        raise DataSetError(f"no {'fer2013.csv' if pictures is None else 'fer2013new.csv'} in {root}")
    with open(votes, newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        rows.fieldnames = [name.strip().lower() for name in rows.fieldnames or []]
        if missing := {"usage", *VOTES} - set(rows.fieldnames):
            raise DataSetError(f"{votes}: the header lacks {', '.join(sorted(missing))}")
        for sample, row in zip_longest(read_table(root, pictures), rows):
            if sample is None or row is None:
                lengths = f"{votes} and {pictures} have different numbers of rows"
                raise DataSetError(f"{lengths}; they must be of the same pictures, in order")
            if sample.split != split_of(row["usage"]):
                order = f"{votes} and {pictures.name} are not in the same order"
                raise DataSetError(f"{order}: usage differs at {sample.path}")
            sample.label = None
            if sample.problem in (None, "unknown label code"):
                sample.label, sample.soft, sample.problem = majority([row[name] for name in VOTES])
            yield sample


def majority(cells: Sequence[str]) -> tuple[str | None, tuple[float, ...] | None, str | None]:
    """(label, distribution over CODES, problem) of ten cells of votes.

    The label is "no majority", "unknown" or "not a face" where the annotators did not agree on an expression: classes
    that nobody chooses, and no failures of reading.
    """
    try:
        votes = [int(cell) for cell in cells]
    except (TypeError, ValueError):
        return None, None, "unreadable votes"
    votes = [count if count > 1 else 0 for count in votes]
    winner = max(range(len(votes)), key=votes.__getitem__)
    if votes[winner] * 2 <= sum(votes):
        return "no majority", None, None
    if winner >= len(CODES):
        return ("unknown", "not a face")[winner - len(CODES)], None, None
    expressions = votes[: len(CODES)]
    return CODES[winner], tuple(count / sum(expressions) for count in expressions), None


DATA_SETS = {
    "ferplus": DataSet(
        title="FERPlus",
        read=read,
        root="FERPLUS_ROOT",
        layout="fer2013.csv and fer2013new.csv",
        size=48,
        channels=1,
        flip=True,
        classes=CODES,
        subsets=EXPRESSIONS,
        place=10,
    )
}
