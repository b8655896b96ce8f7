"""AffectNet's two releases, on trees in the published layouts."""

import csv
import math

import numpy as np
import pytest

from stages.datasets import SETS, DataSetError

HEADER = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal"
# The official codes, as the release notes list them.
CODES = {0: "Neutral", 1: "Happiness", 2: "Sadness", 3: "Surprise", 4: "Fear", 5: "Disgust", 6: "Anger", 7: "Contempt"}
LANDMARKS = ";".join(f"{i}.5" for i in range(136))


def write_2017(root, lists="Manually_Annotated_file_lists", header=True):
    (root / "Manually_Annotated_Images/103").mkdir(parents=True)
    (root / lists).mkdir(parents=True, exist_ok=True)
    rows = [f"103/a{code}.jpg,10,20,100,110,{LANDMARKS},{code},0.5,-0.25" for code in range(11)]
    dirt = [
        f"103/n.JPG,NULL,NULL,NULL,NULL,{LANDMARKS},1,0.1,0.2",
        f"103/u.jpg,1,2,3,4,{LANDMARKS},11,0.1,0.2",
        f"103/v.png,1,2,3,4,{LANDMARKS},NULL,0.1,0.2",
        f"103/w.bmp,-5,-6,30,40,{LANDMARKS},3,-2,-2",
        "103/short.jpg,1,2",
    ]
    (root / lists / "training.csv").write_text("\n".join(([HEADER] if header else []) + rows + dirt) + "\n")
    (root / lists / "validation.csv").write_text("\n".join(rows[:7]) + "\n")
    return root


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("lists", ["Manually_Annotated_file_lists", "."])
def test_2017_manual(tmp_path, header, lists):
    samples = list(SETS["affectnet2017"].samples(write_2017(tmp_path, lists, header)))
    train, val = ([s for s in samples if s.split == split] for split in ("train", "val"))
    assert len(train) == 16 and len(val) == 7
    for code, sample in enumerate(train[:8]):
        assert (sample.path, sample.label) == (f"Manually_Annotated_Images/103/a{code}.jpg", CODES[code])
        assert sample.box == (10, 20, 100, 110) and sample.affect == (0.5, -0.25) and sample.problem is None
    assert [s.label for s in train[8:11]] == ["None", "Uncertain", "No-Face"]
    null, unknown, no_code, outside, short = train[11:]
    assert (null.problem, null.box) == ("box is NULL", None)
    assert unknown.problem == no_code.problem == "unknown label code"
    assert outside.box == (-5, -6, 30, 40) and all(map(math.isnan, outside.affect)) and outside.problem is None
    assert short.problem == "row too short" and short.path.startswith("training.csv#")
    assert [s.label for s in val] == list(CODES.values())[:7]


def test_2017_below_a_folder_and_with_a_reordered_header(tmp_path):
    write_2017(tmp_path / "AffectNet")
    path = tmp_path / "AffectNet/Manually_Annotated_file_lists/training.csv"
    with open(path, newline="") as file:
        rows = [row[::-1] for row in csv.reader(file) if len(row) == 9]
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows(rows)
    first = next(iter(SETS["affectnet2017"].samples(tmp_path)))
    assert first.path == "AffectNet/Manually_Annotated_Images/103/a0.jpg"
    assert first.box == (10, 20, 100, 110) and first.label == "Neutral"


def test_2017_automatic_takes_the_manual_validation_list(tmp_path):
    write_2017(tmp_path)
    (tmp_path / "Automatically_Annotated_Images/7").mkdir(parents=True)
    (tmp_path / "Automatically_annotated_file_list").mkdir()
    table = tmp_path / "Automatically_annotated_file_list/automatically_annotated.csv"
    table.write_text(f"{HEADER}\n7/x.jpg,1,2,30,30,{LANDMARKS},6,0,0\n")
    samples = list(SETS["affectnet2017-automatic"].samples(tmp_path))
    assert samples[0].path == "Automatically_Annotated_Images/7/x.jpg" and samples[0].label == "Anger"
    assert [s.split for s in samples] == ["train"] + ["val"] * 7
    (tmp_path / "Manually_Annotated_file_lists/validation.csv").unlink()
    assert len(list(SETS["affectnet2017-automatic"].samples(tmp_path))) == 1


def test_2017_wrong_places_are_named(tmp_path):
    with pytest.raises(
        DataSetError, match=r"AffectNet \(2017, manual\): no training.csv in .*; expected Manually_Annotated_Images"
    ):
        list(SETS["affectnet2017"].samples(tmp_path))
    (tmp_path / "training.csv").write_text(HEADER)
    with pytest.raises(DataSetError, match="no validation.csv in"):
        list(SETS["affectnet2017"].samples(tmp_path))
    (tmp_path / "validation.csv").write_text("")
    with pytest.raises(DataSetError, match="no folder Manually_Annotated_Images in"):
        list(SETS["affectnet2017"].samples(tmp_path))
    (tmp_path / "Manually_Annotated_Images").mkdir()
    (tmp_path / "training.csv").write_text("subDirectory_filePath,expression\n")
    with pytest.raises(DataSetError, match="training.csv: the header lacks arousal, face_height"):
        list(SETS["affectnet2017"].samples(tmp_path))


def write_2021(root):
    for split, ids in (("train", (0, 2, 10, 5)), ("val", (0, 7))):
        images, annotations = root / f"{split}_set/images", root / f"{split}_set/annotations"
        images.mkdir(parents=True)
        annotations.mkdir()
        for key in ids:
            (images / f"{key}.jpg").write_bytes(b"")
            np.save(annotations / f"{key}_exp.npy", np.array(str(key % 8)))
            np.save(annotations / f"{key}_val.npy", np.array("-0.5"))
            np.save(annotations / f"{key}_aro.npy", np.array("0.25", dtype="<U9"))  # padded with zeros
            np.save(annotations / f"{key}_lnd.npy", np.zeros(136))
    return root


def test_2021_ids_are_known_by_split(tmp_path):
    samples = list(SETS["affectnet2021"].samples(write_2021(tmp_path)))
    assert [(s.split, s.path, s.label) for s in samples] == [
        ("train", "train_set/images/0.jpg", "Neutral"),
        ("train", "train_set/images/2.jpg", "Sadness"),
        ("train", "train_set/images/5.jpg", "Disgust"),
        ("train", "train_set/images/10.jpg", "Sadness"),
        ("val", "val_set/images/0.jpg", "Neutral"),
        ("val", "val_set/images/7.jpg", "Contempt"),
    ]
    assert {s.affect for s in samples} == {(-0.5, 0.25)} and {s.box for s in samples} == {None}


def test_2021_dirt(tmp_path):
    annotations = write_2021(tmp_path) / "train_set/annotations"
    (annotations / "0_exp.npy").unlink()
    (tmp_path / "train_set/images/2.jpg").unlink()
    np.save(annotations / "5_exp.npy", np.array(["8"]))
    (annotations / "10_exp.npy").write_bytes(b"")
    (annotations / "10_val.npy").unlink()
    np.save(tmp_path / "val_set/annotations/7_val.npy", np.array("-2"))
    train = {s.path: s for s in SETS["affectnet2021"].samples(tmp_path) if s.split == "train"}
    assert {path: s.problem for path, s in train.items()} == {
        "train_set/images/0.jpg": "no annotation",
        "train_set/images/2.jpg": None,  # counted as missing when it is opened
        "train_set/images/5.jpg": "unknown label code",
        "train_set/images/10.jpg": "unknown label code",
    }
    (last,) = [s for s in SETS["affectnet2021"].samples(tmp_path) if s.path == "val_set/images/7.jpg"]
    assert math.isnan(last.affect[0]) and last.affect[1] == 0.25


def test_2021_wrong_place_is_named(tmp_path):
    (tmp_path / "train_set/images").mkdir(parents=True)
    with pytest.raises(DataSetError, match="no folder train_set/annotations in .*; expected {train,val}_set/images"):
        list(SETS["affectnet2021"].samples(tmp_path))
