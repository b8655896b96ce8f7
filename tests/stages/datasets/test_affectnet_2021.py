"""AffectNet's release of 2021, on trees in the published layout, and as people have them."""

import io
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stages.datasets.trees import read, refusal, touch

few = settings(deadline=None, max_examples=30, derandomize=True, database=None)


def write_2021(root, splits=(("train_set", (0, 2, 10, 5)), ("val_set", (0, 7))), save=np.save):
    for split, ids in splits:
        for key in ids:
            touch(root / split / f"images/{key}.jpg")
            annotations = root / split / "annotations"
            annotations.mkdir(exist_ok=True)
            save(annotations / f"{key}_exp.npy", np.array(str(key % 8)))
            save(annotations / f"{key}_val.npy", np.array("-0.5"))
            save(annotations / f"{key}_aro.npy", np.array("0.25", dtype="<U9"))  # padded with zeros
            np.save(annotations / f"{key}_lnd.npy", np.zeros(136))
    return root


WHOLE = [
    ("train", "train_set/images/0.jpg", "Neutral"),
    ("train", "train_set/images/2.jpg", "Sadness"),
    ("train", "train_set/images/5.jpg", "Disgust"),
    ("train", "train_set/images/10.jpg", "Sadness"),
    ("val", "val_set/images/0.jpg", "Neutral"),
    ("val", "val_set/images/7.jpg", "Contempt"),
]


SAVES = {
    "strings": lambda text: np.array(text),
    "padded": lambda text: np.array([text], dtype="<U21"),
    "of another machine": lambda text: np.array([text], dtype=">U5"),
    "bytes": lambda text: np.array([[text.encode()]]),
    "numbers": lambda text: np.array(float(text)),
    "few bits": lambda text: np.array([float(text)], dtype=np.float16),
    "whole numbers": lambda text: np.array(float(text)) if "." in text else np.array([int(text)], dtype=np.uint8),
    "in Fortran's order": lambda text: np.asfortranarray(np.array([[float(text)]])),
}


@pytest.mark.parametrize("saved", SAVES)
def test_2021_ids_are_known_by_split(tmp_path, saved):
    def save(path, array):
        np.save(path, SAVES[saved](str(array)))

    samples, notes = read("affectnet2021", write_2021(tmp_path, save=save))
    assert [(s.split, s.path, s.label) for s in samples] == WHOLE
    assert {s.affect for s in samples} == {(-0.5, 0.25)} and {s.box for s in samples} == {None} and notes == []


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_2021_versions_of_the_format(tmp_path, version):
    def save(path, array):
        with open(path, "wb") as file:
            np.lib.format.write_array(file, array, version)

    samples, _ = read("affectnet2021", write_2021(tmp_path, save=save))
    assert [(s.split, s.path, s.label) for s in samples] == WHOLE and {s.affect for s in samples} == {(-0.5, 0.25)}


@pytest.mark.parametrize("below", ["AffectNet", "archive/AffectNet"])
@pytest.mark.parametrize("splits", [("train_set", "val_set"), ("Train_Set", "VAL_SET"), ("train", "val")])
def test_2021_wherever_it_lies(tmp_path, below, splits):
    write_2021(tmp_path / below, ((splits[0], (1, 2)), (splits[1], (3,)), ("test_set", (4,))))
    samples, _ = read("affectnet2021", tmp_path)
    assert [(s.split, s.path) for s in samples] == [
        ("train", f"{below}/{splits[0]}/images/1.jpg"),
        ("train", f"{below}/{splits[0]}/images/2.jpg"),
        ("val", f"{below}/{splits[1]}/images/3.jpg"),
        ("test", f"{below}/test_set/images/4.jpg"),
    ]


def test_2021_litter(tmp_path):
    write_2021(tmp_path)
    for path in [*tmp_path.rglob("*.npy"), *tmp_path.rglob("*.jpg")]:
        touch(path.parent / f"._{path.name}", b"\0\5\26\7" + b"\0" * 100)
        touch(path.parent / "@eaDir" / path.name / "x.jpg")
    samples, _ = read("affectnet2021", tmp_path)
    assert [(s.split, s.path, s.label) for s in samples] == WHOLE


def test_2021_dirt(tmp_path):
    annotations = write_2021(tmp_path) / "train_set/annotations"
    (annotations / "0_exp.npy").unlink()
    (tmp_path / "train_set/images/2.jpg").unlink()
    np.save(annotations / "5_exp.npy", np.array(["8"]))
    (annotations / "10_exp.npy").write_bytes(b"")
    (annotations / "10_val.npy").unlink()
    touch(tmp_path / "val_set/images/7.png")
    touch(tmp_path / "val_set/images/notes.txt", b"of the third of May")
    np.save(tmp_path / "val_set/annotations/7_val.npy", np.array("-2"))
    samples, _ = read("affectnet2021", tmp_path)
    assert {s.path: s.problem for s in samples} == {
        "train_set/images/0.jpg": "no annotation",
        "train_set/images/2.jpg": "missing",
        "train_set/images/5.jpg": "unknown label code",
        "train_set/images/10.jpg": "unreadable annotation",
        "val_set/images/0.jpg": None,
        "val_set/images/7.jpg": None,
        "val_set/images/7.png": "second picture of its id",
        "val_set/images/notes.txt": "not a picture file",
    }
    (seventh,) = [s for s in samples if s.path == "val_set/images/7.jpg"]
    assert math.isnan(seventh.affect[0]) and seventh.affect[1] == 0.25


def saved(array, **options):
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


GOOD = saved(np.array(["3"]))


@given(
    content=st.one_of(
        st.sampled_from(
            [
                b"PK\3\4" + b"\0" * 40,
                saved(np.array([{"a": 1}], dtype=object), allow_pickle=True),
                saved(np.array(["3", "4"])),
                saved(np.array([], dtype="<U1")),
                saved(np.array([3 + 1j])),
                saved(np.array([b"\xff"])),
                GOOD[:12] + b"(" * 18 + GOOD[30:],
                GOOD.replace(b"<U1", b"<U9"),
                GOOD[:-4] + b"\xff" * 4,
            ]
        ),
        st.binary(max_size=200),
        st.integers(0, len(GOOD) - 1).map(lambda count: GOOD[:count]),
    )
)
@few
def test_2021_a_damaged_annotation_costs_one_picture(tmp_path_factory, content):
    root = write_2021(tmp_path_factory.mktemp("affectnet"))
    (root / "train_set/annotations/2_exp.npy").write_bytes(content)
    (root / "train_set/annotations/5_val.npy").write_bytes(content)
    samples, _ = read("affectnet2021", root)
    assert [(s.path, s.problem) for s in samples if s.problem] == [("train_set/images/2.jpg", "unreadable annotation")]
    assert math.isnan(samples[2].affect[0]) and samples[2].affect[1] == 0.25


def test_2021_wrong_places_are_named(tmp_path):
    (tmp_path / "train_set/images").mkdir(parents=True)
    assert "no folder train_set/annotations in" in refusal("affectnet2021", tmp_path)
    write_2021(tmp_path / "a")
    write_2021(tmp_path / "b")
    assert "a/train_set and b/train_set fit equally" in refusal("affectnet2021", tmp_path)


def test_2021_an_empty_split_is_refused(tmp_path):
    write_2021(tmp_path)
    for path in [*tmp_path.glob("val_set/*/*")]:
        path.unlink()
    assert "val_set/images holds no picture" in refusal("affectnet2021", tmp_path)


def test_2021_class_folders_have_another_reader(tmp_path):
    for split in ("train", "val"):
        for code in range(8):
            touch(tmp_path / split / str(code) / "1.jpg")
    line = refusal("affectnet2021", tmp_path)
    assert "no folder train_set/images in" in line and f"dataset: folders with FOLDERS_ROOT={tmp_path}" in line
