"""The journal of an unfinished build, and the name of the folder that it lies in."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.crops.journal import Journal, scratch_name
from stages.crops.outcome import Outcome, digest
from stages.crops.rows import RowsFile
from stages.datasets.division import Division
from stages.datasets.sample import Sample

SHAPE = (2, 2, 1)
CROPS = np.arange(1, 33, dtype=np.uint8).reshape(8, *SHAPE)
KNOWN = [Outcome(digest(crop)) for crop in CROPS]
# The tasks of a build, in order: (split, outcomes, rows of CROPS that the images file of the split gets).
TASKS = [
    ("test", [KNOWN[0]._replace(treatments=("grey", "flat")), Outcome(reason="truncated")], [0]),
    ("test", [KNOWN[1]], [1]),
    ("val", [KNOWN[2], KNOWN[2]], [2, 2]),
    ("train", [Outcome(reason="missing")], []),
    ("train", [KNOWN[3], KNOWN[1], KNOWN[4]], [3, 4]),  # the second is dropped: test holds it
    ("train", [KNOWN[2], KNOWN[5], KNOWN[5]], [5, 5]),
]


def write(folder, tasks=TASKS, journal=None):
    """Works the tasks off, after those of the journal, as a build does; the journal."""
    journal = Journal(folder, SHAPE, drop_duplicates=True) if journal is None else journal
    for split, outcomes, rows in tasks:
        (folder / split).mkdir(exist_ok=True)
        images = RowsFile(folder / split / "images.npy", SHAPE, rows=journal.rows(split))
        images.append(CROPS[rows])
        images.close()
        journal.add(split, outcomes)
    journal.close()
    return journal


def state(folder):
    """(outcomes, contents of the files) of a scratch folder."""
    journal = Journal(folder, SHAPE, drop_duplicates=True)
    journal.close()
    files = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}
    return {split: outcomes for split, outcomes in journal.outcomes.items() if outcomes}, files


@pytest.mark.parametrize("count", range(len(TASKS) + 1))
def test_outcomes_are_read_back(tmp_path, count):
    journal = write(tmp_path, TASKS[:count])
    again = Journal(tmp_path, SHAPE, drop_duplicates=True)
    assert again.outcomes == journal.outcomes and not again.cut
    expected = [outcome for _, outcomes, _ in TASKS[:count] for outcome in outcomes]
    assert [outcome for outcomes in again.outcomes.values() for outcome in outcomes] == expected
    for split in ("test", "val", "train"):
        assert again.rows(split) == sum(len(rows) for of, _, rows in TASKS[:count] if of == split)


@pytest.mark.parametrize("torn", ["{", '{"split": "test", "outcomes": []}', "\xff"])
def test_a_torn_line_is_cut_off_before_the_next_is_written(tmp_path, torn):
    """Else the next line would be glued to it, and lost with all that follow when the build is killed again."""
    write(tmp_path / "torn", TASKS[:1], journal=(tmp_path / "torn").mkdir())
    with open(tmp_path / "torn/journal.jsonl", "ab") as file:
        file.write(torn.encode("latin-1"))
    journal = Journal(tmp_path / "torn", SHAPE, drop_duplicates=True)
    assert journal.outcomes == {"test": TASKS[0][1]} and not journal.cut
    write(tmp_path / "torn", TASKS[1:], journal)
    write(tmp_path / "straight", journal=(tmp_path / "straight").mkdir())
    assert state(tmp_path / "torn") == state(tmp_path / "straight")


@settings(deadline=None, max_examples=80, derandomize=True, database=None)
@given(
    st.sampled_from(["journal.jsonl", "test/images.npy", "val/images.npy", "train/images.npy"]),
    st.sampled_from(["cut", "zeros", "flip", "doubled", "gone", "glued"]),
    st.floats(0, 1, exclude_max=True),
    st.integers(0, 7),
)
def test_whatever_the_disk_makes_of_it_the_build_ends_the_same(tmp_path_factory, name, damage, where, bit):
    folder, straight = (tmp_path_factory.mktemp("damaged"), tmp_path_factory.mktemp("straight"))
    write(straight)
    write(folder)
    path = folder / name
    whole = path.read_bytes()
    at = int(where * len(whole))
    if damage == "gone":
        path.unlink()
    else:
        line = whole[whole.rfind(b"\n", 0, at) + 1 :].partition(b"\n")[0] + b"\n"
        path.write_bytes(
            {
                "cut": whole[:at],
                "zeros": whole[:at] + bytes(len(whole) - at),
                "flip": whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :],
                "doubled": whole.replace(line, line + line, 1),
                "glued": whole + whole,
            }[damage]
        )
    journal = Journal(folder, SHAPE, drop_duplicates=True)
    done = sum(bool(outcomes) and len(outcomes) for outcomes in journal.outcomes.values())
    ends = np.cumsum([0] + [len(outcomes) for _, outcomes, _ in TASKS]).tolist()
    assert done in ends
    write(folder, TASKS[ends.index(done) :], journal)
    for split in ("test", "val", "train"):
        RowsFile(folder / split / "images.npy", SHAPE, rows=journal.rows(split)).close()  # with nothing left to do
        np.testing.assert_array_equal(np.load(folder / split / "images.npy"), np.load(straight / split / "images.npy"))
    assert state(folder)[0] == state(straight)[0]


def test_what_the_disk_refused_is_tried_again(tmp_path):
    """An error of the disk, or a missing permission, is of the moment; a damaged picture stays one."""
    refused = [("val", [Outcome(reason="unreadable: Input/output error")], []), *TASKS[2:]]
    write(tmp_path, [*TASKS[:2], *refused])
    journal = Journal(tmp_path, SHAPE, drop_duplicates=True)
    assert journal.outcomes == {"test": TASKS[0][1] + TASKS[1][1]} and journal.cut


def division(**changes):
    sample = Sample("a.jpg", "a", "train", box=(1, 2, 3, 4))
    return Division(("a", "b"), {"train": [replace(sample, **changes)]}, {"train": np.zeros(1, np.int64)}, [], [])


def test_everything_that_determines_the_store_is_in_the_name():
    usual = {"target": "data/crops", "division": division(), "fingerprint": {"digest": "a"}, "size": 48}
    twice = division()
    twice.samples["train"] *= 2
    twice.labels["train"] = np.zeros(2, np.int64)
    relabelled, renamed = division(), division()
    relabelled.labels["train"] = np.ones(1, np.int64)
    renamed.classes = ("a", "c")
    divisions = [
        *(division(box=box) for box in ((1, 2, 3, 5), None)),
        *(division(path=path) for path in ("b.jpg", "\udce9.jpg")),
        division(soft=(0.5, 0.5)),
        division(affect=(0.5, 0.5)),
        division(subject="S1"),
        twice,
        relabelled,
        renamed,
    ]
    changes = [
        {"target": "runs/studies/cifar10/crops"},
        {"target": "\udce9/crops"},
        {"fingerprint": {"digest": "b"}},
        {"size": 49},
        {"limit": 3},
        *({"division": changed} for changed in divisions),
    ]
    names = [scratch_name(**usual | change) for change in [{}, *changes]]
    assert names[0] == scratch_name(**usual | {"division": division()})
    assert len(set(names)) == len(names)
