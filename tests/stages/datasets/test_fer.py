"""FER2013 in its layouts, and FERPlus against the authors' rule written out."""

import numpy as np
import pytest

from stages.datasets import SETS, DataSetError
from stages.datasets.ferplus import CODES, VOTES, majority

# The competition's codes.
EMOTIONS = {0: "Anger", 1: "Disgust", 2: "Fear", 3: "Happiness", 4: "Sadness", 5: "Surprise", 6: "Neutral"}
USAGE = ("Training", "PublicTest", "PrivateTest")
VOTES_HEADER = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"


def pixels(seed):
    return np.random.default_rng(seed).integers(0, 256, 48 * 48)


def write_csv(root, rows=14, header="emotion,pixels,Usage"):
    lines = [header]
    for i in range(rows):
        cells = {"emotion": str(i % 7), "pixels": " ".join(map(str, pixels(i))), "Usage": USAGE[i * 3 // rows]}
        lines.append(",".join(cells[name.strip()] for name in header.split(",")))
    (root / "fer2013.csv").write_text("\n".join(lines) + "\n")
    return root


@pytest.mark.parametrize("header", ["emotion,pixels,Usage", "emotion, Usage, pixels"])
def test_csv(tmp_path, header):
    samples = list(SETS["fer2013"].samples(write_csv(tmp_path, header=header)))
    assert [s.label for s in samples] == [EMOTIONS[i % 7] for i in range(14)]
    assert [s.split for s in samples] == ["train"] * 5 + ["val"] * 5 + ["test"] * 4
    assert samples[3].path == "fer2013.csv#4"
    for i, sample in enumerate(samples):
        assert sample.pixels.dtype == np.uint8
        np.testing.assert_array_equal(sample.pixels.ravel(), pixels(i))


def test_csv_dirt(tmp_path):
    write_csv(tmp_path, rows=1)
    whole = " ".join(map(str, pixels(0)))
    rows = [
        f"7,{whole},Training",
        f"0,{whole},Holdout",
        "0,1 2 3,Training",
        f"0,{whole[:-3]}999,Training",
        "0,a b,Training",
        "0",
    ]
    with open(tmp_path / "fer2013.csv", "a") as file:
        file.write("\n".join(rows) + "\n")
    assert [s.problem for s in SETS["fer2013"].samples(tmp_path)] == [
        None,
        "unknown label code",
        "unknown split",
        "unreadable",
        "unreadable",
        "unreadable",
        "row too short",
    ]


@pytest.mark.parametrize(
    "splits",
    [
        {"train": "train", "public_test": "val", "private_test": "test"},
        {"Training": "train", "PublicTest": "val", "PrivateTest": "test"},
        {"train": "train", "test": "test"},
        {"train": "train", "validation": "val"},
    ],
)
@pytest.mark.parametrize("below", ["", "fer2013", "images"])
def test_folders(tmp_path, splits, below):
    names = {
        "angry": "Anger",
        "disgust": "Disgust",
        "fear": "Fear",
        "happy": "Happiness",
        "sad": "Sadness",
        "surprise": "Surprise",
        "neutral": "Neutral",
    }
    for split in splits:
        for name in names:
            folder = tmp_path / below / split / name
            folder.mkdir(parents=True)
            for file in ("b.jpg", "a.PNG", ".DS_Store"):
                (folder / file).write_bytes(b"")
    samples = list(SETS["fer2013"].samples(tmp_path))
    prefix = f"{below}/" if below else ""
    expected = {
        (f"{prefix}{split}/{name}/{file}", label, splits[split])
        for split in splits
        for name, label in names.items()
        for file in ("a.PNG", "b.jpg")
    }
    assert {(s.path, s.label, s.split) for s in samples} == expected and len(samples) == len(expected)
    assert {s.problem for s in samples} == {None}


def test_folders_by_code_and_an_unknown_one(tmp_path):
    for code in range(8):
        (tmp_path / f"train/{code}").mkdir(parents=True)
        (tmp_path / f"train/{code}/a.jpg").write_bytes(b"")
    samples = list(SETS["fer2013"].samples(tmp_path))
    assert [s.label for s in samples] == [*EMOTIONS.values(), None]
    assert samples[-1].problem == "unknown label code"


def test_wrong_places_are_named(tmp_path):
    with pytest.raises(
        DataSetError, match="FER2013: neither fer2013.csv nor a folder train in .*; expected fer2013.csv, or"
    ):
        list(SETS["fer2013"].samples(tmp_path))
    (tmp_path / "fer2013.csv").write_text("label,image\n")
    with pytest.raises(DataSetError, match="fer2013.csv: the header lacks emotion, pixels, usage"):
        list(SETS["fer2013"].samples(tmp_path))


def write_votes(root, votes):
    rows = [f"{USAGE[i * 3 // len(votes)]},fer{i:07}.png,{','.join(map(str, row))}" for i, row in enumerate(votes)]
    (root / "fer2013new.csv").write_text("\n".join([VOTES_HEADER, *rows]) + "\n")


def authors_majority(counts):
    """Majority mode of the authors' reader, as its documentation words it: votes of one are outliers, and the peak
    needs more than half.
    """
    counts = [0.0 if count <= 1 else float(count) for count in counts]
    if max(counts) > 0.5 * sum(counts):
        return int(np.argmax(counts))
    return 8  # unknown


def test_ferplus_majority_equals_the_authors_rule():
    generator = np.random.default_rng(0)
    labels = set()
    for _ in range(2000):
        votes = generator.multinomial(10, generator.dirichlet(np.full(10, 0.3)))
        label, soft, problem = majority([str(count) for count in votes])
        expected = authors_majority(votes)
        labels.add(label)
        if expected >= 8:
            assert label in ("no majority", "unknown", "not a face") and soft is None and problem is None
            continue
        assert label == CODES[expected] and problem is None
        counts = np.where(votes[:8] > 1, votes[:8], 0)
        np.testing.assert_allclose(soft, counts / counts.sum())
    assert labels == {*CODES, "no majority", "unknown", "not a face"}


def test_ferplus_joins_by_row(tmp_path):
    write_csv(tmp_path, rows=6)
    votes = [
        [10, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [1, 7, 2, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 6, 4, 0],
        [5, 5, 0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 10],
        [0, 0, 0, 0, 0, 0, 0, 0, 10, 0],
    ]
    write_votes(tmp_path, votes)
    samples = list(SETS["ferplus"].samples(tmp_path))
    assert [s.label for s in samples] == ["Neutral", "Happiness", "Contempt", "no majority", "not a face", "unknown"]
    assert {s.problem for s in samples} == {None}
    np.testing.assert_allclose(samples[1].soft, [0, 7 / 9, 2 / 9, 0, 0, 0, 0, 0])
    assert samples[2].soft == (0, 0, 0, 0, 0, 0, 0, 1)
    np.testing.assert_array_equal(samples[4].pixels.ravel(), pixels(4))
    assert tuple(name.lower() for name in VOTES_HEADER.split(",")[2:]) == VOTES


def test_ferplus_files_that_do_not_belong_together(tmp_path):
    with pytest.raises(DataSetError, match="FERPlus: no fer2013.csv in"):
        list(SETS["ferplus"].samples(tmp_path))
    write_csv(tmp_path, rows=6)
    with pytest.raises(DataSetError, match="FERPlus: no fer2013new.csv in"):
        list(SETS["ferplus"].samples(tmp_path))
    write_votes(tmp_path, [[10] + [0] * 9] * 4)
    with pytest.raises(DataSetError, match="not in the same order: usage differs"):
        list(SETS["ferplus"].samples(tmp_path))
    write_votes(tmp_path, [[10] + [0] * 9] * 6)
    with open(tmp_path / "fer2013new.csv", "a") as file:
        file.write("PrivateTest,,10,0,0,0,0,0,0,0,0,0\n")
    with pytest.raises(DataSetError, match="different numbers of rows"):
        list(SETS["ferplus"].samples(tmp_path))
