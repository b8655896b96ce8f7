"""CK+, on trees in the published layout and in the widely copied ones, and as people have them."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.datasets import SETS
from stages.datasets.division import divide
from tests.stages.datasets.trees import counts, problems, read, refusal, touch

CK = {0: "Neutral", 1: "Anger", 2: "Contempt", 3: "Disgust", 4: "Fear", 5: "Happiness", 6: "Sadness", 7: "Surprise"}
FOLDERS = {
    "anger": "Anger",
    "contempt": "Contempt",
    "disgust": "Disgust",
    "fear": "Fear",
    "happy": "Happiness",
    "sadness": "Sadness",
    "surprise": "Surprise",
}
few = settings(deadline=None, max_examples=20, derandomize=True, database=None)


def write_folders(base, splits=("",), subjects=("S010", "S999")):
    for split in splits:
        for folder in FOLDERS:
            for subject in subjects:
                touch(base / split / folder / f"{subject}_004_00000017.png")


@pytest.mark.parametrize("below", ["", "CK+48", "archive/CK+48"])
def test_folders(tmp_path, below):
    write_folders(tmp_path / below)
    touch(tmp_path / below / "anger/picture.png")
    touch(tmp_path / below / "anger/._S010_004_00000017.png")
    samples, _ = read("ckplus", tmp_path)
    good = [s for s in samples if s.problem is None]
    assert sorted((s.label, s.subject) for s in good) == sorted(
        (label, subject) for label in FOLDERS.values() for subject in ("S010", "S999")
    )
    assert {s.split for s in samples} == {None}
    assert problems(samples) == {"no subject (S###_) in the name": 1}


def test_splits_by_image_are_all_read_and_divided_anew_by_subject(tmp_path):
    subjects = [f"S{i:03}" for i in range(20)]
    write_folders(tmp_path, ("train", "Test"), subjects)
    samples, notes = read("ckplus", tmp_path)
    assert {s.split for s in samples} == {None} and len(samples) == 280
    assert notes == ["the splits test, train of the root are not used: CK+ is split by subject"]
    division = divide(SETS["ckplus"], SETS["ckplus"].samples(tmp_path), tmp_path)
    persons = [{sample.subject for sample in part} for part in division.samples.values()]
    assert not persons[0] & persons[1] and not persons[0] & persons[2] and not persons[1] & persons[2]


def test_folders_without_subjects_are_refused(tmp_path):
    for folder in FOLDERS:
        touch(tmp_path / folder / "1.png")
    line = refusal("ckplus", tmp_path)
    assert "names its subject" in line and "anger/1.png" in line
    assert f"dataset: folders and FOLDERS_ROOT={tmp_path}" in line


@pytest.mark.parametrize("codes", [range(7), range(1, 8), range(8)])
def test_numbered_folders_are_refused(tmp_path, codes):
    for code in codes:
        touch(tmp_path / str(code) / "S010_004_00000017.png")
    line = refusal("ckplus", tmp_path)
    assert f"the class folders {', '.join(map(str, codes))} in" in line and "anger, happy" in line


def write_published(root, sequences, landmarks=True, parts=("cohn-kanade-images", "Emotion", "Landmarks"), frames=10):
    """sequences are (subject, sequence, code or None); the landmarks are those of `points`."""
    for subject, sequence, code in sequences:
        for frame in range(1, frames + 1):
            stem = f"{subject}_{sequence}_{frame:08}"
            touch(root / parts[0] / subject / sequence / f"{stem}.png")
            if landmarks:
                touch(root / parts[2] / subject / sequence / f"{stem}_landmarks.txt", points(frame))
        if code is not None:
            path = root / parts[1] / subject / sequence / f"{subject}_{sequence}_{frames:08}_emotion.txt"
            touch(path, f"   {code:.7e}\n".encode())
    return root


def points(frame, count=68):
    """From 200 + frame to 320 from left to right, and from the brows, 140, to the chin, 300."""
    corners = [(200 + frame, 140), (320, 180), (260, 300)]
    inside = [(250, 200)] * (count - 3)
    return "".join(f"   {x:.7e}   {y:.7e}\n" for x, y in corners + inside).encode()


THREE = (("S005", "001", 3), ("S011", "001", 7), ("S012", "001", None))


@pytest.mark.parametrize(
    "parts",
    [
        ("cohn-kanade-images", "Emotion", "Landmarks"),
        ("extended-cohn-kanade-images/cohn-kanade-images", "Emotion_labels/Emotion", "Landmarks/Landmarks"),
        ("CK+/cohn-kanade-images/cohn-kanade-images", "CK+/emotion", "landmarks"),
        ("cohn-kanade-images", "labels", "points/of all faces"),
        ("cohn-kanade-images", "cohn-kanade-images", "cohn-kanade-images"),
    ],
)
def test_as_published(tmp_path, parts):
    samples, notes = read("ckplus", write_published(tmp_path, THREE, parts=parts))
    assert [(s.path[-20:-4], s.label, s.subject) for s in samples] == [
        *((f"S005_001_{frame:08}"[-16:], CK[3], "S005") for frame in (8, 9, 10)),
        ("S005_001_00000001"[-16:], "Neutral", "S005"),
        *((f"S011_001_{frame:08}"[-16:], CK[7], "S011") for frame in (8, 9, 10)),
        ("S011_001_00000001"[-16:], "Neutral", "S011"),
    ]
    # The box rises a quarter of the distance from brows to chin above the brows.
    assert samples[2].box == (210, 100, 110, 200) and samples[3].box == (201, 100, 119, 200)
    assert notes == ["1 sequences have no emotion label, as most of the published set"]
    assert all((tmp_path / s.path).is_file() for s in samples) and {s.split for s in samples} == {None}


def test_without_landmarks_whole_pictures_are_taken_and_that_is_said(tmp_path):
    samples, notes = read("ckplus", write_published(tmp_path, THREE[:2], landmarks=False))
    assert {s.box for s in samples} == {None} and problems(samples) == {}
    assert notes == ["no landmarks: the pictures are taken whole, not cropped to the face"]
    (tmp_path / "Landmarks").mkdir()
    line = refusal("ckplus", tmp_path)
    assert "*_landmarks.txt in" in line and "remove the folder" in line


@given(
    content=st.one_of(
        st.binary(max_size=60),
        st.integers(0, 67).map(lambda count: points(8, max(count, 3))),
        st.sampled_from(
            [b"", b"NaN garbage\n", points(8)[:-20], points(8) + b"1 2\n", points(8).replace(b"2.0", b"inf")]
        ),
    )
)
@few
def test_a_frame_with_damaged_landmarks_is_left_out(tmp_path_factory, content):
    root = write_published(tmp_path_factory.mktemp("ck"), THREE[:1])
    touch(root / "Landmarks/S005/001/S005_001_00000008_landmarks.txt", content)
    samples, _ = read("ckplus", root)
    assert problems(samples) == {"unreadable landmarks": 1} and len(samples) == 4


def test_a_frame_without_landmarks_is_left_out(tmp_path):
    write_published(tmp_path, THREE[:1])
    (tmp_path / "Landmarks/S005/001/S005_001_00000008_landmarks.txt").unlink()
    assert problems(read("ckplus", tmp_path)[0]) == {"no landmarks": 1}


@given(content=st.one_of(st.binary(max_size=20), st.sampled_from([b"", b"8", b"-1", b"1.5", b"nan", b"3 3", b"\xff"])))
@few
def test_a_sequence_with_a_damaged_label_is_left_out(tmp_path_factory, content):
    root = write_published(tmp_path_factory.mktemp("ck"), THREE[:2])
    touch(root / "Emotion/S005/001/S005_001_00000010_emotion.txt", content)
    samples, _ = read("ckplus", root)
    first = [sample for sample in samples if sample.subject == "S005"]
    if re.fullmatch(rb"\s*\+?0*[0-7](\.0*)?\s*", content):
        assert problems(samples) == {}
    else:
        assert {sample.problem for sample in first} == {"unreadable emotion label"} and len(first) == 3
    assert sum(sample.problem is None for sample in samples if sample.subject == "S011") == 4


def test_litter_of_every_kind(tmp_path):
    write_published(tmp_path, THREE[:2])
    before = [(s.path, s.label, s.box) for s in read("ckplus", tmp_path)[0]]
    for path in list(tmp_path.rglob("*.*")):
        touch(path.parent / f"._{path.name}", b"\0\5\26\7Mac OS X \xb0\xff")
        touch(path.parent / f"@eaDir/{path.name}/SYNOFILE_THUMB_M.jpg")
    touch(tmp_path / "__MACOSX/cohn-kanade-images/S005/001/S005_001_00000001.png")
    samples, notes = read("ckplus", tmp_path)
    assert [(s.path, s.label, s.box) for s in samples] == before and notes == []


def test_frames_that_are_gone_and_frames_that_are_there_twice(tmp_path):
    write_published(tmp_path, THREE[:2])
    for frame in (tmp_path / "cohn-kanade-images/S005/001").iterdir():
        frame.unlink()
    samples, _ = read("ckplus", tmp_path)
    assert problems(samples) == {"missing": 1}
    touch(tmp_path / "cohn-kanade-images/copy/S011/001/S011_001_00000003.png")
    assert "are of one name" in refusal("ckplus", tmp_path)


def write_table(path, codes):
    pixels = " ".join(map(str, np.arange(48 * 48) % 256))
    usages = ("Training", "PublicTest", "PrivateTest")
    rows = [f"{code},{pixels},{usage}" for usage in usages for code in codes]
    touch(path, "\n".join(["emotion,pixels,Usage", *rows, ""]).encode())


@pytest.mark.parametrize("place", ["ckextended.csv", "archive/ckextended.csv", "ckextended.csv/ckextended.csv"])
def test_table(tmp_path, place):
    write_table(tmp_path / place, range(8))
    samples, notes = read("ckplus", tmp_path)
    names = ["Anger", "Disgust", "Fear", "Happiness", "Sadness", "Surprise", "Neutral", "Contempt"]
    assert counts(samples) == {(split, label): 1 for split in ("train", "val", "test") for label in names}
    assert [s.label for s in samples[:8]] == names and samples[0].subject is None
    np.testing.assert_array_equal(samples[0].pixels().ravel(), np.arange(48 * 48) % 256)
    assert notes == [f"{place} names no persons: the same may stand in training and test"]


def test_several_layouts(tmp_path):
    write_table(tmp_path / "ckextended.csv", range(8))
    write_folders(tmp_path / "CK+48")
    samples, notes = read("ckplus", tmp_path)
    assert len(samples) == 14 and notes == ["read the class folders, not ckextended.csv"]
    write_published(tmp_path, THREE[:2])
    samples, notes = read("ckplus", tmp_path)
    assert len(samples) == 8 and notes == ["read cohn-kanade-images, not ckextended.csv, CK+48"]


def test_wrong_places_are_named(tmp_path):
    assert "neither cohn-kanade-images nor class folders" in refusal("ckplus", tmp_path)
    (tmp_path / "cohn-kanade-images").mkdir()
    assert "no folder Emotion beside" in refusal("ckplus", tmp_path)
    (tmp_path / "Emotion").mkdir()
    assert "_emotion.txt" in refusal("ckplus", tmp_path)
