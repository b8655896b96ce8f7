"""Stores whose arrays are not those that the summary tells of."""

import json
import os
import time

import numpy as np
import pytest

from stages.crops.store import open_crops
from tests.stages.crops.stores import used_or_refused, write


def changed(name, change):
    return pytest.param(name, change, id=f"{name} {change.__doc__}")


def _as(dtype):
    def change(array):
        return array.astype(dtype)

    change.__doc__ = f"as {dtype}"
    return change


def shorter(array):
    "shorter"
    return array[:-1]


def one_more(array):
    "longer"
    return np.concatenate([array, array[:1]])


def flattened(array):
    "flattened"
    return array.reshape(len(array), -1)


def of_zeros(array):
    "all zero"
    return np.zeros_like(array)


def zeros_at_the_end(array):
    "zeros at the end"
    return np.concatenate([array[:-2], np.zeros_like(array[-2:])])


def fortran(array):
    "in Fortran order"
    return np.asfortranarray(array)


def too_large(array):
    "with a value too large"
    return np.concatenate([array[:-1], np.full_like(array[-1:], 2)])


def negative(array):
    "with a negative value"
    return np.concatenate([array[:-1], np.full_like(array[-1:], -1)])


def reversed_(array):
    "of other counts"
    return np.concatenate([array[:-1], 1 - array[-1:]])


def not_a_number(array):
    "with NaN"
    return np.concatenate([array[:-1], np.full_like(array[-1:], np.nan)])


def infinite(array):
    "with an infinite value"
    return np.concatenate([array[:-1], np.full_like(array[-1:], np.inf)])


@pytest.mark.parametrize(
    "name, change",
    [
        *(changed("images", _as(dtype)) for dtype in ("int8", "uint16", "float32", "float64", "bool", "S1")),
        *(changed("images", f) for f in (shorter, one_more, flattened, of_zeros, zeros_at_the_end, fortran)),
        *(changed("labels", _as(dtype)) for dtype in ("uint8", "int32", ">i8", "float64", "S1")),
        *(changed("labels", f) for f in (shorter, one_more, of_zeros, too_large, negative, reversed_)),
        *(changed("soft", _as(dtype)) for dtype in ("float64", "float16", "int64")),
        *(changed("soft", f) for f in (shorter, one_more, of_zeros, too_large, negative, not_a_number, infinite)),
        *(changed("affect", f) for f in (_as("float64"), shorter, one_more, infinite)),
    ],
)
def test_arrays_that_are_not_those_of_the_summary(store, name, change):
    path = store / "val" / f"{name}.npy"
    np.save(path, change(np.load(path)))
    assert not used_or_refused(store)


def test_arrays_that_are_none(store):
    path = store / "val/labels.npy"
    np.savez(store / "a.npz", np.zeros(5))
    pickled = store / "pickled.npy"
    np.save(pickled, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    for content in ((store / "a.npz").read_bytes(), pickled.read_bytes(), b"", b"\x93NUMPY", b"PK\3\4" + bytes(40)):
        path.write_bytes(content)
        assert not used_or_refused(store)


def test_black_pictures_are_no_damage_where_the_summary_counts_them(store):
    images = np.load(store / "train/images.npy")
    images[[3, 7]] = 0
    np.save(store / "train/images.npy", images)
    assert not used_or_refused(store)
    summary = json.loads((store / "summary.json").read_text())
    (store / "summary.json").write_text(json.dumps(summary | {"treated": {"flat": 2}}))
    assert used_or_refused(store)


def test_opening_does_not_read_the_images(tmp_path):
    """A store of 2 GB, nearly all of it a hole."""
    store = write(tmp_path / "crops")
    rows, size = 50_000, 120
    header = tmp_path / "header.npy"
    images = np.lib.format.open_memmap(header, mode="w+", dtype=np.uint8, shape=(rows, size, size, 3))
    images[:: rows // 64, 0] = images[-1, 0] = 1
    del images
    os.replace(header, store / "train/images.npy")
    np.save(store / "train/labels.npy", np.arange(rows) % 2)
    for name in ("soft.npy", "affect.npy"):
        (store / "train" / name).unlink()
    summary = json.loads((store / "summary.json").read_text()) | {"size": size}
    summary["counts"]["train"] = {"a": rows // 2, "b": rows // 2}
    (store / "summary.json").write_text(json.dumps(summary))
    start = time.process_time()
    assert len(open_crops(store)["train"].images) == rows
    assert time.process_time() - start < 1
