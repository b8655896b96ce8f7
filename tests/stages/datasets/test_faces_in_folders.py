"""RAF-DB and CK+, on trees in the published layouts and in the widely copied ones."""

import pytest

from stages.datasets import SETS, DataSetError

RAF = {1: "Surprise", 2: "Fear", 3: "Disgust", 4: "Happiness", 5: "Sadness", 6: "Anger", 7: "Neutral"}
CK = {0: "Neutral", 1: "Anger", 2: "Contempt", 3: "Disgust", 4: "Fear", 5: "Happiness", 6: "Sadness", 7: "Surprise"}


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")


@pytest.mark.parametrize("below", ["", "basic", "RAF-DB"])
def test_rafdb_as_published(tmp_path, below):
    base = tmp_path / below
    lines = [f"{split}_{code:05}.jpg {code}" for split in ("train", "test") for code in RAF]
    (base / "EmoLabel").mkdir(parents=True)
    (base / "EmoLabel/list_patition_label.txt").write_text(
        "\n".join([*lines, "train_00008.jpg 8", "train_00009.jpg", "spare_1.jpg 1", ""])
    )
    (base / "Image/aligned").mkdir(parents=True)
    samples = list(SETS["rafdb"].samples(tmp_path))
    prefix = f"{below}/" if below else ""
    assert [(s.path, s.label, s.split) for s in samples[:14]] == [
        (f"{prefix}Image/aligned/{split}_{code:05}_aligned.jpg", label, split)
        for split in ("train", "test")
        for code, label in RAF.items()
    ]
    assert [s.problem for s in samples] == [None] * 14 + ["unknown label code", "row too short", "unknown split"]


def write_raf_folders(base):
    for split in ("train", "test"):
        rows = ["image,label"]
        for code in RAF:
            name = f"{split}_{code:05}_aligned.jpg"
            touch(base / split / str(code) / name)
            rows.append(f"{name},{code}")
        (base / f"{split}_labels.csv").write_text("\n".join(rows) + "\n")


@pytest.mark.parametrize("below", ["", "DATASET"])
@pytest.mark.parametrize("lists", [True, False])
def test_rafdb_folders(tmp_path, below, lists):
    base = tmp_path / below
    write_raf_folders(base)
    if not lists:
        (base / "train_labels.csv").unlink()
        (base / "test_labels.csv").unlink()
    samples = list(SETS["rafdb"].samples(tmp_path))
    assert sorted((s.split, s.label) for s in samples) == sorted(
        (split, label) for split in ("train", "test") for label in RAF.values()
    )
    assert all(s.problem is None and (tmp_path / s.path).exists() for s in samples)


def test_rafdb_folders_and_lists_that_disagree(tmp_path):
    write_raf_folders(tmp_path)
    (tmp_path / "train/1/train_00001_aligned.jpg").rename(tmp_path / "train/2/train_00001_aligned.jpg")
    touch(tmp_path / "train/3/new.jpg")
    (tmp_path / "test/7/test_00007_aligned.jpg").unlink()
    problems = {s.path: s.problem for s in SETS["rafdb"].samples(tmp_path) if s.problem}
    assert problems == {
        "train/2/train_00001_aligned.jpg": "folder and list disagree",
        "train/3/new.jpg": "not in the list",
        "test/7/test_00007_aligned.jpg": "missing",
    }


def test_rafdb_wrong_places_are_named(tmp_path):
    with pytest.raises(DataSetError, match="RAF-DB: neither EmoLabel/list_patition_label.txt nor a folder train/1 in"):
        list(SETS["rafdb"].samples(tmp_path))
    touch(tmp_path / "EmoLabel/list_patition_label.txt")
    with pytest.raises(DataSetError, match="no folder Image/aligned in"):
        list(SETS["rafdb"].samples(tmp_path))


@pytest.mark.parametrize("below", ["", "CK+48"])
def test_ckplus_folders(tmp_path, below):
    folders = {
        "anger": "Anger",
        "contempt": "Contempt",
        "disgust": "Disgust",
        "fear": "Fear",
        "happy": "Happiness",
        "sadness": "Sadness",
        "surprise": "Surprise",
    }
    for folder in folders:
        for subject in ("S010", "S999"):
            touch(tmp_path / below / folder / f"{subject}_004_00000017.png")
    touch(tmp_path / below / "anger/picture.png")
    samples = list(SETS["ckplus"].samples(tmp_path))
    good = [s for s in samples if s.problem is None]
    assert sorted((s.label, s.subject) for s in good) == sorted(
        (label, subject) for label in folders.values() for subject in ("S010", "S999")
    )
    assert {s.split for s in samples} == {None}
    assert [s.problem for s in samples if s.problem] == ["no subject (S###_) in the name"]


def test_ckplus_splits_by_image_are_all_read(tmp_path):
    for split in ("train", "test"):
        touch(tmp_path / split / "anger/S010_004_00000017.png")
    samples = list(SETS["ckplus"].samples(tmp_path))
    assert [(s.path, s.split) for s in samples] == [
        ("test/anger/S010_004_00000017.png", None),
        ("train/anger/S010_004_00000017.png", None),
    ]


def test_ckplus_as_published(tmp_path):
    for subject, code in (("S005", 3), ("S011", 7), ("S012", None)):
        for frame in range(1, 11):
            touch(tmp_path / f"cohn-kanade-images/{subject}/001/{subject}_001_{frame:08}.png")
        emotion = tmp_path / f"Emotion/{subject}/001"
        emotion.mkdir(parents=True)
        if code:
            (emotion / f"{subject}_001_00000010_emotion.txt").write_text(f"   {code:.7e}\n")
    points = tmp_path / "Landmarks/S005/001/S005_001_00000010_landmarks.txt"
    points.parent.mkdir(parents=True)
    points.write_text("".join(f"   {x:.7e}   {y:.7e}\n" for x, y in [(200, 140), (320, 180), (260, 300)]))
    samples = list(SETS["ckplus"].samples(tmp_path))
    assert [(s.path[-16:], s.label, s.subject) for s in samples] == [
        *((f"005_001_{frame:08}"[-12:] + ".png", CK[3], "S005") for frame in (8, 9, 10)),
        ("001_00000001.png", "Neutral", "S005"),
        *((f"011_001_{frame:08}"[-12:] + ".png", CK[7], "S011") for frame in (8, 9, 10)),
        ("001_00000001.png", "Neutral", "S011"),
    ]
    # The landmarks reach from the brows, 140, to the chin, 300; the box rises a quarter of that above the brows.
    assert samples[2].box == (200, 100, 120, 200)
    assert samples[0].box is None


def test_ckplus_wrong_places_are_named(tmp_path):
    with pytest.raises(DataSetError, match=r"CK\+: neither cohn-kanade-images nor class folders"):
        list(SETS["ckplus"].samples(tmp_path))
    (tmp_path / "cohn-kanade-images").mkdir()
    with pytest.raises(DataSetError, match="no folder Emotion beside"):
        list(SETS["ckplus"].samples(tmp_path))
