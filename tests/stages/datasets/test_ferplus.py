"""FERPlus: the majority against the authors' rule written out, and which votes are of which picture."""

import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.datasets.ferplus import CODES, VOTES, majority
from tests.stages.datasets.trees import counts, problems, read, refusal, touch

USAGE = ("Training", "PublicTest", "PrivateTest")
HEADER = ("Usage", "Image name", "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt",
          "unknown", "NF")  # fmt: skip
few = settings(deadline=None, max_examples=60, derandomize=True, database=None)


def write(path, rows, **dialect):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as file:
        csv.writer(file, **({"lineterminator": "\n"} | dialect)).writerows(rows)


def write_pictures(root, count, header=("emotion", "pixels", "Usage")):
    rows = [(i % 7, " ".join([str(i % 256)] * 48 * 48), USAGE[i * 3 // count])[: len(header)] for i in range(count)]
    write(root / "fer2013.csv", [header, *rows])


def votes_of(code, count=10):
    return [count if place == code else 0 for place in range(10)]


def rows_of_votes(count, vote=lambda i: votes_of(i % 8)):
    return [(USAGE[i * 3 // count], f"fer{i:07}.png", *vote(i)) for i in range(count)]


def write_votes(root, rows, header=HEADER, **dialect):
    write(root / "fer2013new.csv", [header, *rows], **dialect)


def authors_majority(counts):
    """Majority mode of the authors' reader, as its documentation words it: votes of one are outliers, and the peak
    needs more than half.
    """
    counts = [0.0 if count <= 1 else float(count) for count in counts]
    if max(counts) > 0.5 * sum(counts):
        return int(np.argmax(counts))
    return 8  # unknown


@pytest.mark.parametrize("spelled", ["{}", "{}.0"])
def test_majority_equals_the_authors_rule(spelled):
    generator = np.random.default_rng(0)
    labels = set()
    for _ in range(2000):
        votes = generator.multinomial(10, generator.dirichlet(np.full(10, 0.3)))
        label, soft, problem = majority([spelled.format(count) for count in votes])
        expected = authors_majority(votes)
        labels.add(label)
        if expected >= 8:
            assert label in ("no majority", "unknown", "not a face") and soft is None and problem is None
            continue
        assert label == CODES[expected] and problem is None
        counts = np.where(votes[:8] > 1, votes[:8], 0)
        np.testing.assert_allclose(soft, counts / counts.sum())
    assert labels == {*CODES, "no majority", "unknown", "not a face"}


@pytest.mark.parametrize("cell", ["", "x", "-1", "0.5", "nan", "inf"])
def test_cells_that_are_no_votes(cell):
    assert majority(["9", cell, *["0"] * 8]) == (None, None, "unreadable votes")


def test_joins_and_keeps_the_distribution(tmp_path):
    write_pictures(tmp_path, 6)
    votes = [
        [10, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [1, 7, 2, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 6, 4, 0],
        [5, 5, 0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 10],
        [0, 0, 0, 0, 0, 0, 0, 0, 10, 0],
    ]
    write_votes(tmp_path, rows_of_votes(6, lambda i: votes[i]))
    samples, notes = read("ferplus", tmp_path)
    assert [s.label for s in samples] == ["Neutral", "Happiness", "Contempt", "no majority", "not a face", "unknown"]
    assert problems(samples) == {} and notes == []
    np.testing.assert_allclose(samples[1].soft, [0, 7 / 9, 2 / 9, 0, 0, 0, 0, 0])
    assert samples[2].soft == (0, 0, 0, 0, 0, 0, 0, 1)
    assert (samples[4].pixels() == 4).all() and samples[4].path == "fer2013.csv#5"
    assert tuple(name.lower() for name in HEADER[2:]) == VOTES


@given(data=st.data(), count=st.integers(3, 30))
@few
def test_each_picture_has_its_own_votes_or_none(tmp_path_factory, data, count):
    """Whatever rows are gone, moved or short of a name: no picture gets the votes of another one."""
    root = tmp_path_factory.mktemp("ferplus")
    write_pictures(root, count)
    nameless = data.draw(st.sets(st.integers(0, count - 1)))
    if len(nameless) == count:
        nameless.clear()
    deleted = data.draw(st.sets(st.integers(0, count - 1), max_size=count - 1))
    rows = rows_of_votes(count)
    kept = [
        (usage, "" if i in nameless else name, *(votes_of(9) if i in nameless else votes))
        for i, (usage, name, *votes) in enumerate(rows)
        if i not in deleted
    ]
    if data.draw(st.booleans()) and not nameless:
        kept = data.draw(st.permutations(kept))
    if all(not name for _, name, *_ in kept):
        return
    write_votes(root, kept, lineterminator=data.draw(st.sampled_from(["\n", "\r\n", "\n\n"])))
    samples, _ = read("ferplus", root)
    assert len(samples) == count
    for i, sample in enumerate(samples):
        if i in deleted or i in nameless:
            assert sample.problem == "no votes" or sample.label == "not a face"
        else:
            assert (sample.label, sample.problem) == (CODES[i % 8], None)


def test_rows_without_votes_are_said(tmp_path):
    write_pictures(tmp_path, 9)
    rows = rows_of_votes(9)
    rows[4] = rows[4][:1]
    del rows[6]
    write_votes(tmp_path, [*rows, [""] * 12])
    samples, _ = read("ferplus", tmp_path)
    assert [s.path for s in samples if s.problem == "row too short"] == ["fer2013.csv#5"]
    assert [s.path for s in samples if s.problem == "no votes"] == ["fer2013.csv#7"]
    assert problems(samples) == {"row too short": 1, "no votes": 1}


def test_without_names_the_order_counts_and_both_must_be_whole(tmp_path):
    write_pictures(tmp_path, 9)
    rows = [(usage, *votes) for usage, _, *votes in rows_of_votes(9)]
    write_votes(tmp_path, rows, (HEADER[0], *HEADER[2:]))
    samples, _ = read("ferplus", tmp_path)
    assert [s.label for s in samples] == [CODES[i % 8] for i in range(9)]
    write_votes(tmp_path, rows[1:], (HEADER[0], *HEADER[2:]))
    assert "8 rows for 9 pictures: different numbers of rows" in refusal("ferplus", tmp_path)


def test_the_usage_of_votes_is_that_of_pictures_without(tmp_path):
    write_pictures(tmp_path, 9, ("emotion", "pixels"))
    write_votes(tmp_path, rows_of_votes(9))
    samples, notes = read("ferplus", tmp_path)
    assert [s.split for s in samples] == ["train"] * 3 + ["val"] * 3 + ["test"] * 3 and notes == []


def test_files_that_do_not_belong_together(tmp_path):
    assert "no fer2013.csv in" in refusal("ferplus", tmp_path)
    write_pictures(tmp_path, 6)
    assert "no fer2013new.csv in" in refusal("ferplus", tmp_path)
    write_votes(tmp_path, rows_of_votes(4))
    assert "in the same order: usage differs at fer2013.csv#" in refusal("ferplus", tmp_path)
    write_votes(tmp_path, rows_of_votes(7))
    line = refusal("ferplus", tmp_path)
    assert "votes on fer0000006.png" in line and "only 6 rows" in line
    write_votes(tmp_path, [rows_of_votes(6)[0]] * 2)
    assert "row 3 names fer0000000.png, as a row before it does" in refusal("ferplus", tmp_path)
    write_votes(tmp_path, [("Training", "anna.png", *votes_of(0))])
    assert "row 2 has the image name 'anna.png', expected fer0000042.png" in refusal("ferplus", tmp_path)
    write_votes(tmp_path, [], HEADER[:-1])
    assert "no column nf" in refusal("ferplus", tmp_path)


def write_authors_folders(root, splits=("Train", "Valid", "Test"), pictures=True):
    """As the authors' program writes them: without headers, with the whole picture as the box."""
    for split in splits:
        rows = []
        for i in range(8):
            name = f"fer{i:07}.png"
            if pictures:
                touch(root / f"FER2013{split}" / name)
            rows.append((name, "(0, 0, 48, 48)", *votes_of(i)))
        write(root / f"FER2013{split}/label.csv", rows)


@pytest.mark.parametrize("below", ["", "FERPlus/data"])
def test_folders_of_the_authors(tmp_path, below):
    write_authors_folders(tmp_path / below)
    touch(tmp_path / below / "FER2013Test/._fer0000001.png")
    samples, notes = read("ferplus", tmp_path)
    assert counts(samples) == {(split, label): 1 for split in ("train", "val", "test") for label in CODES}
    assert all((tmp_path / sample.path).is_file() and sample.box is None for sample in samples) and notes == []


def test_folders_of_the_authors_with_dirt(tmp_path):
    write_authors_folders(tmp_path)
    touch(tmp_path / "FER2013Train/fer0000099.png")
    touch(tmp_path / "FER2013Train/README", b"of the third of May")
    (tmp_path / "FER2013Train/fer0000003.png").unlink()
    with open(tmp_path / "FER2013Train/label.csv", "a") as file:
        file.write(f'fer0000000.png,"(4, 6, 40, 44)",{",".join(map(str, votes_of(1)))}\nfer0000005.png\n')
    samples, _ = read("ferplus", tmp_path)
    assert problems(samples) == {"missing": 1, "no votes": 1, "row too short": 1, "not a picture file": 1}
    assert [sample.box for sample in samples if sample.box] == [(4, 6, 36, 38)]


def test_folders_of_the_authors_beside_the_tables(tmp_path):
    write_authors_folders(tmp_path, pictures=False)  # as the authors' repository has them
    assert "no fer2013.csv in" in refusal("ferplus", tmp_path)
    write_authors_folders(tmp_path, ["Train", "Test"])
    samples, notes = read("ferplus", tmp_path)
    assert len(samples) == 16 and notes == ["no FER2013Valid with pictures and a label.csv"]
    write_pictures(tmp_path, 9)
    write_votes(tmp_path, rows_of_votes(9))
    samples, notes = read("ferplus", tmp_path)
    assert len(samples) == 9
    assert notes == ["FER2013Test, FER2013Train not read, because fer2013.csv and fer2013new.csv are there"]
