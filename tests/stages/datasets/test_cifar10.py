"""CIFAR-10, against torchvision's own class; what its pickles may not do."""

import hashlib
import pickle
import struct

import numpy as np
import pytest

from stages.datasets import SETS, cifar10
from tests.stages.datasets.trees import read, refusal, touch

FOLDER = "cifar-10-batches-py"


def string_of_python_2(text):
    return b"T" + struct.pack("<i", len(text)) + text


def batch_of_python_2(pictures, codes):
    """As the published batches were pickled: by Python 2, whose text was bytes."""
    count, size = pictures.shape
    text = string_of_python_2
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85" + text(b"b") + b"\x87R"
    array += b"(K\1K" + bytes([count]) + b"M" + struct.pack("<H", size) + b"\x86"
    array += b"cnumpy\ndtype\n" + text(b"u1") + b"K\0K\1\x87R(K\3" + text(b"|") + b"NNN" + b"J\xff\xff\xff\xff" * 2
    array += b"K\0tb\x89" + text(pictures.tobytes()) + b"tb"
    labels = b"](" + b"".join(b"K" + bytes([code]) for code in codes) + b"e"
    return b"\x80\2}(" + text(b"data") + array + text(b"labels") + labels + b"u."


def batch_of_today(pictures, codes):
    return pickle.dumps({"data": pictures, "labels": codes, "batch_label": "x", "filenames": ["a", "b"]})


def publish(monkeypatch, folder, batches):
    """Write the batches, and let their sums be those that were published."""
    for name, content in batches.items():
        touch(folder / name, content)
        monkeypatch.setitem(cifar10.MD5, name, hashlib.md5(content).hexdigest())


@pytest.fixture(params=[batch_of_python_2, batch_of_today])
def pictures(request, tmp_path, monkeypatch):
    """uint8 (6, 2, 32, 32, 3): two pictures for each of the six batches in tmp_path, of codes 3 and 9."""
    pictures = np.random.default_rng(0).integers(0, 256, (6, 2, 32, 32, 3), dtype=np.uint8)
    planes = pictures.transpose(0, 1, 4, 2, 3).reshape(6, 2, -1)  # of red, green, blue, row by row
    batches = zip(cifar10.MD5, planes, strict=True)
    publish(monkeypatch, tmp_path / FOLDER, {name: request.param(batch, [3, 9]) for name, batch in batches})
    return pictures


def test_equals_torchvision(tmp_path, pictures, monkeypatch):
    from torchvision.datasets import CIFAR10

    classes = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    meta = pickle.dumps({"label_names": classes})
    touch(tmp_path / FOLDER / "batches.meta", meta)
    sums = [[name, cifar10.MD5[name]] for name in cifar10.MD5]
    monkeypatch.setattr(CIFAR10, "train_list", sums[:5])
    monkeypatch.setattr(CIFAR10, "test_list", sums[5:])
    monkeypatch.setattr(CIFAR10, "meta", CIFAR10.meta | {"md5": hashlib.md5(meta).hexdigest()})
    samples, notes = read("cifar10", tmp_path)
    for split in ("train", "test"):
        theirs = CIFAR10(tmp_path, train=split == "train")
        ours = [sample for sample in samples if sample.split == split]
        np.testing.assert_array_equal(np.stack([pickle.loads(pickle.dumps(s.pixels))() for s in ours]), theirs.data)
        assert [s.label for s in ours] == [classes[code] for code in theirs.targets]
        assert [s.path for s in ours] == [f"{FOLDER}/{split}#{i}" for i in range(len(ours))]
    assert len(samples) == 12 and notes == [] and SETS["cifar10"].classes == tuple(classes)


def test_names_the_sums_that_torchvision_does():
    from torchvision.datasets import CIFAR10

    assert dict([*CIFAR10.train_list, *CIFAR10.test_list]) == cifar10.MD5


@pytest.mark.parametrize("root", [FOLDER, "."])
@pytest.mark.parametrize("below", ["", "archive/data"])
def test_wherever_it_lies(tmp_path, pictures, root, below):
    if below:
        (tmp_path / below).mkdir(parents=True)
        (tmp_path / FOLDER).rename(tmp_path / below / FOLDER)
        root = f"{below}/{FOLDER}" if root == FOLDER else root
    samples, _ = read("cifar10", tmp_path / root)
    np.testing.assert_array_equal(np.stack([s.pixels() for s in samples]), pictures.reshape(12, 32, 32, 3))
    assert samples[0].path == f"{FOLDER}/train#0"


def test_damaged_and_missing_files(tmp_path, pictures):
    batch = tmp_path / FOLDER / "data_batch_3"
    content = batch.read_bytes()
    for damaged in (b"", content[:-1], b"\0" + content, bytes([content[0] ^ 1]) + content[1:]):
        batch.write_bytes(damaged)
        line = refusal("cifar10", tmp_path)
        assert f"{batch} is not as published" in line and "unpack cifar-10-python.tar.gz" in line
    batch.unlink()
    assert f"{batch} is missing" in refusal("cifar10", tmp_path)


def test_nothing_that_a_pickle_names_is_called(tmp_path, pictures, monkeypatch):
    class Planted:
        def __reduce__(self):
            return (tmp_path / "planted").mkdir, ()

    publish(monkeypatch, tmp_path / FOLDER, {"data_batch_1": pickle.dumps(Planted())})
    assert "which is not loaded" in refusal("cifar10", tmp_path)
    assert not (tmp_path / "planted").exists()


def test_a_file_that_changes_before_the_crops_are_made(tmp_path, pictures):
    samples, _ = read("cifar10", tmp_path)
    (tmp_path / FOLDER / "data_batch_1").write_bytes(b"")
    with pytest.raises(ValueError):
        samples[0].pixels()


def test_wrong_places_are_named(tmp_path):
    line = refusal("cifar10", tmp_path)
    assert f"no folder {FOLDER} in {tmp_path}" in line and "unpack cifar-10-python.tar.gz" in line
