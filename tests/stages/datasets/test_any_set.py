"""Class folders, CSVs, and the sets that torchvision reads."""

import hashlib
import math
import pickle

import numpy as np
import pytest
from PIL import Image

from stages.datasets import SETS, DataSetError


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")


def test_folders_with_and_without_splits(tmp_path):
    for path in (
        "train/cat/b.jpg",
        "train/cat/A.JPEG",
        "train/dog/deep/er/x.TIFF",
        "valid/cat/c.bmp",
        "testing/dog/d.webp",
        "docs/readme.md",
    ):
        touch(tmp_path / "splits" / path)
    samples = list(SETS["folders"].samples(tmp_path / "splits"))
    assert [(s.path, s.label, s.split, s.problem) for s in samples] == [
        ("docs", None, None, "not a split"),
        ("testing/dog/d.webp", "dog", "test", None),
        ("train/cat/A.JPEG", "cat", "train", None),
        ("train/cat/b.jpg", "cat", "train", None),
        ("train/dog/deep/er/x.TIFF", "dog", "train", None),
        ("valid/cat/c.bmp", "cat", "val", None),
    ]
    # Vehicles: here "train" is a class.
    for path in ("train/1.png", "bus/1.png", "bus/.hidden", "bus/notes.txt"):
        touch(tmp_path / "classes" / path)
    samples = list(SETS["folders"].samples(tmp_path / "classes"))
    assert [(s.path, s.label, s.split, s.problem) for s in samples] == [
        ("bus/1.png", "bus", None, None),
        ("bus/notes.txt", "bus", None, "not a picture file"),
        ("train/1.png", "train", None, None),
    ]


def test_folders_wrong_places_are_named(tmp_path):
    with pytest.raises(
        DataSetError, match=r"Class folders: no class folders in .*; expected <split>/<class>/<name>.jpg"
    ):
        list(SETS["folders"].samples(tmp_path))
    touch(tmp_path / "train/cat/a.jpg")
    touch(tmp_path / "test/a.jpg")
    with pytest.raises(DataSetError, match="no class folders in .*test"):
        list(SETS["folders"].samples(tmp_path))


def test_csv_with_every_column(tmp_path):
    (tmp_path / "my.csv").write_text(
        "Path, Label ,box,split,subject,valence,arousal\n"
        "a.jpg,cat,1 2 30 40,train,p1,0.5,-1\n"
        'b.jpg,dog,"1,2,30.5,40",Validation,p2,,0\n'
        "c.jpg,dog,,test,,NULL,1\n"
        "d.jpg,dog,1 2 3,test,,0,0\n"
        "e.jpg,dog,NULL,test,,0,0\n"
        "f.jpg,,1 2 3 4,test,,0,0\n"
        "g.jpg,cat,1 2 3 4,holdout,,0,0\n"
        ",cat\n"
        "h.jpg,cat\n"
    )
    a, b, c, d, e, f, g, empty, h = SETS["csv"].samples(tmp_path)
    assert (a.path, a.label, a.box, a.split, a.subject, a.affect, a.problem) == (
        "a.jpg",
        "cat",
        (1, 2, 30, 40),
        "train",
        "p1",
        (0.5, -1),
        None,
    )
    assert (b.box, b.split) == ((1, 2, 30.5, 40), "val") and math.isnan(b.affect[0])
    assert (c.box, c.split, c.subject, c.problem) == (None, "test", None, None)
    assert d.problem == e.problem == "box is NULL"
    assert (f.problem, g.problem, empty.problem) == ("unknown label code", "unknown split", "row too short")
    assert (h.label, h.split, h.box, h.problem) == ("cat", None, None, None)


def test_csv_with_four_columns_for_the_box(tmp_path):
    (tmp_path / "other.csv").write_text("path,label\n")
    (tmp_path / "labels.csv").write_text(
        "path,label,x,y,width,height\na.jpg,cat,1,2,30,40\nb.jpg,cat,,,,\nc.jpg,cat,1,2,,\n"
    )
    a, b, c = SETS["csv"].samples(tmp_path)
    assert (a.box, b.box, b.problem, c.problem) == ((1, 2, 30, 40), None, None, "box is NULL")


def test_csv_wrong_places_are_named(tmp_path):
    with pytest.raises(DataSetError, match="CSV of pictures: no CSV in .*; expected one CSV"):
        list(SETS["csv"].samples(tmp_path))
    (tmp_path / "a.csv").write_text("file,class\n")
    with pytest.raises(DataSetError, match="a.csv: the header lacks label, path"):
        list(SETS["csv"].samples(tmp_path))
    (tmp_path / "b.csv").write_bytes(b"path,label\n\xff\xfe.jpg,cat\n")
    with pytest.raises(DataSetError, match="more than one CSV in"):
        list(SETS["csv"].samples(tmp_path))
    (tmp_path / "a.csv").unlink()
    with pytest.raises(DataSetError, match="CSV of pictures: 'utf-8' codec"):
        list(SETS["csv"].samples(tmp_path))


def test_cifar10(tmp_path, monkeypatch):
    from torchvision.datasets import CIFAR10

    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    generator = np.random.default_rng(0)
    pictures = generator.integers(0, 256, (6, 2, 32, 32, 3), dtype=np.uint8)
    names = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
    sums = {}
    for name, batch in zip(names, pictures, strict=True):
        # A batch is planes of red, green, blue, row by row.
        content = pickle.dumps({"data": batch.transpose(0, 3, 1, 2).reshape(2, -1), "labels": [3, 9]})
        (folder / name).write_bytes(content)
        sums[name] = hashlib.md5(content).hexdigest()
    classes = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": classes}))
    sums["batches.meta"] = hashlib.md5((folder / "batches.meta").read_bytes()).hexdigest()
    monkeypatch.setattr(CIFAR10, "train_list", [[name, sums[name]] for name in names[:5]])
    monkeypatch.setattr(CIFAR10, "test_list", [[names[5], sums[names[5]]]])
    monkeypatch.setattr(CIFAR10, "meta", CIFAR10.meta | {"md5": sums["batches.meta"]})
    for root in (tmp_path, folder):
        samples = list(SETS["cifar10"].samples(root))
        assert [s.split for s in samples] == ["train"] * 10 + ["test"] * 2
        assert [s.label for s in samples] == ["cat", "truck"] * 6
        np.testing.assert_array_equal(np.stack([s.pixels for s in samples]), pictures.reshape(12, 32, 32, 3))
    assert SETS["cifar10"].classes == tuple(classes)
    (folder / "test_batch").unlink()
    with pytest.raises(
        DataSetError, match="CIFAR-10: no complete cifar-10-batches-py in .*: unpack cifar-10-python.tar.gz"
    ):
        list(SETS["cifar10"].samples(tmp_path))


def test_cars(tmp_path):
    from scipy.io import savemat

    base = tmp_path / "stanford_cars"
    (base / "devkit").mkdir(parents=True)
    classes = np.array(["AM General Hummer SUV 2000", "Acura RL Sedan 2012", "Acura TL Sedan 2012"], dtype=object)
    savemat(base / "devkit/cars_meta.mat", {"class_names": classes})
    record = [(name, np.dtype(object)) for name in ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2", "class", "fname")]
    for split, table in (("train", "devkit/cars_train_annos.mat"), ("test", "cars_test_annos_withlabels.mat")):
        (base / f"cars_{split}").mkdir()
        rows = [(1, 2, 3, 4, code, f"{code:05}.jpg") for code in (3, 1, 2)]
        for *_, name in rows:
            Image.new("RGB", (6, 4)).save(base / f"cars_{split}" / name)
        savemat(base / table, {"annotations": np.array(rows, dtype=record)})
    samples = list(SETS["cars"].samples(tmp_path))
    assert [(s.path, s.label, s.split) for s in samples] == [
        (f"stanford_cars/cars_{split}/{code:05}.jpg", classes[code - 1], split)
        for split in ("train", "test")
        for code in (3, 1, 2)
    ]
    assert [s.path for s in SETS["cars"].samples(base)] == [s.path.removeprefix("stanford_cars/") for s in samples]
    with pytest.raises(DataSetError, match="Stanford Cars: no complete train split in .*; expected stanford_cars/"):
        list(SETS["cars"].samples(tmp_path / "stanford_cars/devkit"))
