"""Write drawn faces as AffectNet's 2017 release is laid out (Mollahosseini, Hasani & Mahoor 2017).

    <folder>/Manually_Annotated_Images/<number>/<hash>.jpg
    <folder>/training.csv     with a header
    <folder>/validation.csv   without one: distributed copies differ, so a reader has to take both

with the columns `COLUMNS`; `facial_landmarks` holds "x;y;x;y;..." of 68 points, `expression` AffectNet's code 0 to 10.
"""

import csv
import hashlib
import multiprocessing
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from stages.drawn_faces.expressions import BASIC, CODES
from stages.drawn_faces.scene import take_snapshot
from stages.files import new_folder
from stages.interruptions import parent_decides

COLUMNS = (
    "subDirectory_filePath",
    "face_x",
    "face_y",
    "face_width",
    "face_height",
    "facial_landmarks",
    "expression",
    "valence",
    "arousal",
)
#: Manually annotated training pictures per expression in AffectNet (Mollahosseini et al. 2017, Table 3).
AFFECTNET_TRAINING = {
    "neutral": 74874,
    "happiness": 134415,
    "sadness": 25459,
    "surprise": 14090,
    "fear": 6378,
    "disgust": 3803,
    "anger": 24882,
}
#: Share of pictures with AffectNet's codes 7 to 10, which a seven-class reader leaves out, half a hundredth each.
BESIDES = 0.02
FOLDER_SIZE = 200  # pictures per numbered folder


@dataclass(frozen=True)
class Order:
    """One picture to draw: what it shows and which expression the list says."""

    shown: str
    said: str
    seed: np.random.SeedSequence


def class_counts(total: int, balanced: bool) -> dict[str, int]:
    """How many of `total` pictures show each of the eleven codes' expressions.

    Balanced sets hold the basic seven equally often, as AffectNet's validation list does. Others follow the square
    root of AffectNet's training counts: the order and the kind of its imbalance, but 6 to 1 between the commonest and
    the rarest instead of 35 to 1, so that a set of some thousand pictures still has a hundred of the rarest.
    """
    shares = dict.fromkeys(CODES[7:], BESIDES / 4)
    weights = {name: 1.0 if balanced else AFFECTNET_TRAINING[name] ** 0.5 for name in BASIC}
    shares |= {name: (1 - BESIDES) * weight / sum(weights.values()) for name, weight in weights.items()}
    # Largest remainders, so that the counts add up to the total.
    counts = {name: int(total * shares[name]) for name in CODES}
    by_remainder = sorted(CODES, key=lambda name: total * shares[name] % 1, reverse=True)
    for name in by_remainder[: total - sum(counts.values())]:
        counts[name] += 1
    return counts


def plan(total: int, wrong_labels: float, seed: np.random.SeedSequence, balanced: bool) -> list[Order]:
    """The pictures of one list, in random order.

    Each picture of the basic seven gets, with probability `wrong_labels`, the label of one of the other six. The same
    seed gives the same pictures at any share, and those that are wrong at a small share are wrong at a larger one.
    """
    ordering, *seeds = seed.spawn(total + 1)
    rng = np.random.default_rng(ordering)
    shown = rng.permutation(
        [name for name, count in class_counts(total, balanced).items() for _ in range(count)]
    ).tolist()
    wrong, steps = rng.random(total) < wrong_labels, rng.integers(1, len(BASIC), total)
    said = [
        BASIC[(BASIC.index(name) + steps[i]) % len(BASIC)] if wrong[i] and name in BASIC else name
        for i, name in enumerate(shown)
    ]
    return [Order(*each) for each in zip(shown, said, seeds)]


def write_affectnet(
    folder: Path, train: int, val: int, wrong_labels: float, seed: int, workers: int | None = None
) -> dict[str, Counter]:
    """Draw both lists into `folder`, which appears whole or not at all; an old one is replaced.

    `train` and `val` are numbers of pictures. `wrong_labels` is the share of wrong training labels; validation labels
    are right, so that a score on them measures what was learnt. The result does not depend on `workers` (processes;
    one for each core by default). Returns the labels' counts by list, "training" and "validation". Raises OSError, with
    an old set untouched.
    """
    orders = {
        "training": plan(train, wrong_labels, np.random.SeedSequence((seed, 0)), balanced=False),
        "validation": plan(val, 0.0, np.random.SeedSequence((seed, 1)), balanced=True),
    }
    every = [order for planned in orders.values() for order in planned]
    with new_folder(folder) as unfinished:
        images = unfinished / "Manually_Annotated_Images"
        for number in range(1, 2 + len(every) // FOLDER_SIZE):
            (images / str(number)).mkdir(parents=True)
        jobs = [(order, images, str(1 + i // FOLDER_SIZE)) for i, order in enumerate(every)]
        rows = iter(_draw_all(jobs, workers or _cores()))
        for split, planned in orders.items():
            with open(unfinished / f"{split}.csv", "w", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                if split == "training":
                    writer.writerow(COLUMNS)
                writer.writerows(next(rows) for _ in planned)
    said = {split: Counter(order.said for order in planned) for split, planned in orders.items()}
    return {split: Counter({name: counts[name] for name in CODES if counts[name]}) for split, counts in said.items()}


def _cores() -> int:
    """The cores that this process may use; where the platform does not tell (macOS, Windows), all of them."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _draw_all(jobs: list, workers: int) -> list[tuple]:
    """The list's rows in the order of the jobs, drawn by `workers` processes."""
    # "spawn" behaves alike on every platform and never copies a parent's threads.
    with parent_decides():
        drawing = multiprocessing.get_context("spawn").Pool(workers)
    with drawing as pool:
        return list(
            tqdm(pool.imap(_draw, jobs, chunksize=16), "drawing faces", len(jobs), unit=" pictures", smoothing=0.05)
        )


def _draw(job: tuple[Order, Path, str]) -> tuple:
    """Draw one picture, write it and return its row."""
    order, images, number = job
    snapshot = take_snapshot(order.shown, np.random.default_rng(order.seed))
    name = f"{number}/{hashlib.sha224(snapshot.jpeg).hexdigest()}.jpg"
    (images / name).write_bytes(snapshot.jpeg)
    points = ";".join(f"{value:.2f}" for value in snapshot.points.ravel())
    return name, *snapshot.box, points, CODES.index(order.said), snapshot.valence, snapshot.arousal
