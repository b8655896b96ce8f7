"""CIFAR-10 and Stanford Cars."""

import hashlib
import pickle

import numpy as np
import pytest
from PIL import Image

from stages.datasets import SETS, DataSetError


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
