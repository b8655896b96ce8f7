"""The stages `source` and `prepare`, run as DVC runs them."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from ruamel.yaml import YAML

from stages import prepare, source
from stages.crops.store import open_crops
from stages.ending import Mistake

PARAMS = Path("params.yaml").resolve()


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """A folder with params.yaml; returns a function that changes a line of it."""
    text = PARAMS.read_text()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    for name in ("FER2013_ROOT", "AFFECTNET_ROOT"):
        monkeypatch.delenv(name, raising=False)

    def configure(**values):
        lines = text.splitlines()
        for key, value in values.items():
            at = next(i for i, line in enumerate(lines) if line.split("#")[0].strip().startswith(f"{key}:"))
            indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
            lines[at] = f"{indent}{key}: {value}"
        Path("params.yaml").write_text("\n".join(lines) + "\n")

    return configure


def write_fer(root, per_class=3):
    generator = np.random.default_rng(0)
    for split in ("train", "public_test", "private_test"):
        for name in ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"):
            folder = root / split / name
            folder.mkdir(parents=True)
            for i in range(per_class):
                Image.fromarray(generator.integers(0, 256, (48, 48), dtype=np.uint8)).save(folder / f"{i}.png")


def write_affectnet(root, per_class=8):
    folder = root / "Manually_Annotated_Images/1"
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    rows = {"training": [], "validation": []}
    for code in range(11):
        for i in range(per_class):
            name = f"{code}_{i}.jpg"
            Image.fromarray(generator.integers(0, 256, (60, 80, 3), dtype=np.uint8)).save(folder / name)
            rows["training" if i < per_class - 2 else "validation"].append(f"1/{name},10,5,40,44,0;0,{code},0.5,-2")
    header = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal"
    (root / "training.csv").write_text("\n".join([header, *rows["training"]]))
    (root / "validation.csv").write_text("\n".join(rows["validation"]))


def test_external_set_from_root_to_crops(workspace, tmp_path, monkeypatch, capsys):
    workspace(dataset="fer2013", workers=1, limit=14, side="null")
    monkeypatch.setenv("FER2013_ROOT", str(tmp_path / "mine"))
    write_fer(tmp_path / "mine")
    source.main([])
    record = json.loads(Path("data/source.json").read_text())
    assert record["dataset"] == "fer2013" and record["files"] == 63 and str(tmp_path) not in json.dumps(record)
    prepare.main([])
    crops = open_crops()
    assert crops["train"].images.shape == (14, 48, 48, 1) and len(crops["val"]) == len(crops["test"]) == 21
    assert str(tmp_path) not in "".join(path.read_text() for path in Path("data/crops").rglob("*.[cj]s*"))
    made = capsys.readouterr().out
    prepare.main(["--describe"])
    described = capsys.readouterr().out
    assert (
        described in made
        and "FER2013: 48 px, grey, 7 classes" in described
        and "not chosen: beyond the limit: 7" in described
    )

    # Without the variable the fingerprint stays, but the pictures cannot be read.
    monkeypatch.delenv("FER2013_ROOT")
    source.main([])
    assert json.loads(Path("data/source.json").read_text()) == record
    with pytest.raises(Mistake, match="^FER2013_ROOT is not set; it must name the folder of FER2013: fer2013.csv, or"):
        prepare.main([])
    assert len(open_crops()["train"]) == 14

    # Files that changed after `source` ran would be recorded under the old fingerprint.
    monkeypatch.setenv("FER2013_ROOT", str(tmp_path / "mine"))
    (tmp_path / "mine/train/angry/0.png").unlink()
    with pytest.raises(Mistake, match="^data/source.json is not of the files in"):
        prepare.main([])


def test_source_of_another_set_is_not_kept(workspace, tmp_path, monkeypatch):
    workspace(dataset="fer2013")
    with pytest.raises(Mistake, match="^FER2013_ROOT is not set; it must name"):
        source.main([])
    monkeypatch.setenv("FER2013_ROOT", str(tmp_path / "nowhere"))
    with pytest.raises(Mistake, match="^fer2013: .*nowhere is no folder"):
        source.main([])
    workspace(dataset="fer2014")
    with pytest.raises(Mistake, match="^no data set 'fer2014'"):
        source.main([])


def test_faces_in_affectnets_layout(workspace, tmp_path):
    workspace(workers=1, test_share=0.2, test_of_val=0, side=40)
    source.main([])
    assert json.loads(Path("data/source.json").read_text()) == {"dataset": "faces"}
    write_affectnet(Path("data/raw/faces"))
    prepare.main([])
    crops = open_crops()
    assert crops.summary["classes"] == ["Neutral", "Happiness", "Sadness", "Surprise", "Fear", "Disgust", "Anger"]
    assert crops.summary["not_chosen"] == {
        "class Contempt": 8,
        "class None": 8,
        "class Uncertain": 8,
        "class No-Face": 8,
    }
    assert (
        len(crops["train"]) + len(crops["test"]) == 42
        and len(crops["val"]) == 14
        and crops.summary["carved"] == {"test": 0.2}
    )
    np.testing.assert_array_equal(crops["val"].affect[:, 0], 0.5)
    assert np.isnan(crops["val"].affect[:, 1]).all()
    row = crops["val"].manifest[0]
    assert row["box"] == "10 5 40 44" and row["path"] == "Manually_Annotated_Images/1/0_6.jpg"
    square = Image.open(Path("data/raw/faces") / row["path"]).crop((8, 5, 52, 49))
    np.testing.assert_array_equal(crops["val"].images[0], np.asarray(square.resize((40, 40))))


def test_a_study_has_crops_of_its_own(workspace, tmp_path, monkeypatch, capsys):
    """With its own parameters, source and folder, beside those of the pipeline."""
    monkeypatch.setenv("FER2013_ROOT", str(tmp_path / "mine"))
    write_fer(tmp_path / "mine")
    workspace(dataset="fer2013", workers=1)
    parts = YAML(typ="safe").load(Path("params.yaml"))
    with open("study.yaml", "w") as file:
        YAML().dump({"vary": {}, "dataset": "fer2013", "data": parts["data"]}, file)
    workspace(workers=1, test_of_val=0.5, side=40)
    write_affectnet(Path("data/raw/faces"))
    source.main([])
    prepare.main([])
    before = {path: path.read_bytes() for path in Path("data").rglob("*.*") if path.is_file()}
    place = ["--params", "study.yaml", "--source", "runs/study/source.json", "--out", "runs/study/crops"]
    source.main([*place[:2], "--out", place[3]])
    prepare.main(place)
    assert {path: path.read_bytes() for path in Path("data").rglob("*.*") if path.is_file()} == before
    assert open_crops("runs/study/crops").summary["dataset"] == "fer2013"
    capsys.readouterr()
    prepare.main(["--describe", "--out", "runs/study/crops"])
    assert capsys.readouterr().out.startswith("FER2013: 48 px, grey")
    assert sorted(path.name for path in Path("runs/study").iterdir()) == ["crops", "source.json"]
    (tmp_path / "mine/train/angry/0.png").unlink()
    with pytest.raises(Mistake, match="^runs/study/source.json is not of the files in"):
        prepare.main(place)


def test_failures_are_one_line(workspace, tmp_path, capsys):
    workspace()
    with pytest.raises(Mistake, match="^no crops in data/crops; make them with"):
        prepare.main(["--describe"])
    with pytest.raises(Mistake, match="^faces: data/raw/faces is no folder; run the stage `faces` first$"):
        prepare.main([])
    write_affectnet(Path("data/raw/faces"))
    shutil.rmtree("data/raw/faces/Manually_Annotated_Images/1")
    workspace(workers=1, test_share=0.2)
    with pytest.raises(Mistake, match=r"^(already|no usable picture) .*: missing \(\d+, such as Manually"):
        prepare.main([])


@pytest.mark.parametrize("damaged", ["summary.json", "train/images.npy", "val/labels.npy"])
def test_damaged_crops_are_not_described(workspace, tmp_path, monkeypatch, damaged):
    workspace(dataset="fer2013", workers=1)
    monkeypatch.setenv("FER2013_ROOT", str(tmp_path / "mine"))
    write_fer(tmp_path / "mine")
    prepare.main([])
    path = Path("data/crops") / damaged
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(Mistake, match=f"^data/crops/{damaged}: not what stage prepare left there .*dvc repro prepare"):
        prepare.main(["--describe"])
    path.unlink()
    with pytest.raises(Mistake, match=f"^data/crops/{damaged}: no such part of the crops; make them with"):
        prepare.main(["--describe"])


def test_a_damaged_fingerprint_is_none(workspace, tmp_path, monkeypatch):
    workspace(dataset="fer2013", workers=1)
    monkeypatch.setenv("FER2013_ROOT", str(tmp_path / "mine"))
    write_fer(tmp_path / "mine")
    Path("data").mkdir()
    for content in (b"", b"{", b"[]", b"\xff\0"):
        Path("data/source.json").write_bytes(content)
        with pytest.raises(Mistake, match="^data/source.json is not of the files in"):
            prepare.main([])


@pytest.mark.parametrize("drop", [False, True])
def test_the_limit_counts_what_is_left(workspace, tmp_path, monkeypatch, drop):
    """Two in each class of train are copies of one of test."""
    workspace(dataset="fer2013", workers=1, limit=14, drop_duplicates=str(drop).lower())
    monkeypatch.setenv("FER2013_ROOT", str(tmp_path / "mine"))
    write_fer(tmp_path / "mine", per_class=4)
    for folder in (tmp_path / "mine/train").iterdir():
        for i in (1, 3):
            shutil.copy(tmp_path / "mine/private_test" / folder.name / "0.png", folder / f"{i}.png")
    prepare.main([])
    crops = open_crops()
    assert len(crops["train"]) == 14
    held_out = {image.tobytes() for split in ("val", "test") for image in crops[split].images}
    clean = sum(image.tobytes() not in held_out for image in crops["train"].images)
    assert clean == 14 if drop else clean < 14
    assert all(count == 2 for count in crops.summary["counts"]["train"].values())
