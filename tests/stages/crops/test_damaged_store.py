"""Stores that something happened to: refused in one line, or whole enough to be trained on."""

import json
import os
import shutil
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.crops.description import describe
from stages.crops.store import CropsError, open_crops

SIZES = {"train": 12, "val": 5, "test": 6}
CLASSES = ["a", "b"]
FILES = ["summary.json"] + [f"{split}/{name}" for split in SIZES for name in ("images.npy", "labels.npy")]
FILES += ["train/soft.npy", "val/affect.npy", "test/manifest.csv"]


def write(folder, channels=3, size=4, seed=0):
    """A store with every part that the format has, of two classes."""
    generator = np.random.default_rng(seed)
    counts = {}
    for split, rows in SIZES.items():
        labels = np.arange(rows, dtype=np.int64) % 2
        (folder / split).mkdir(parents=True)
        np.save(folder / split / "labels.npy", labels)
        np.save(folder / split / "images.npy", generator.integers(1, 256, (rows, size, size, channels), dtype=np.uint8))
        np.save(folder / split / "soft.npy", np.eye(2, dtype=np.float32)[labels])
        np.save(folder / split / "affect.npy", np.full((rows, 2), np.nan, np.float32))
        table = [
            "path,label,box,subject,treatment",
            *(f"{row}.png,{CLASSES[label]},,," for row, label in enumerate(labels)),
        ]
        (folder / split / "manifest.csv").write_text("\n".join(table) + "\n")
        counts[split] = dict(zip(CLASSES, np.bincount(labels).tolist(), strict=True))
    summary = {
        "dataset": "made",
        "title": "Made",
        "size": size,
        "channels": channels,
        "flip": True,
        "classes": CLASSES,
        "mean": [0.5] * channels,
        "std": [0.25] * channels,
        "counts": counts,
        "left_out": {"missing": 2},
        "not_chosen": {},
        "treated": {"grey": 1},
        "duplicates": dict.fromkeys(("groups", "images", "across_splits", "conflicting", "dropped_from_train"), 0),
        "carved": {"test": 0.15},
        "notes": ["a note"],
        "digest": "0" * 32,
    }
    (folder / "summary.json").write_text(json.dumps(summary, indent=2))
    return folder


def use(folder):
    """What the stages after `prepare` do with a store, down to the numbers that a network would see."""
    crops = open_crops(folder)
    classes = len(crops.summary["classes"])
    assert isinstance(describe(crops.summary), str)
    for split in crops.splits:
        part = crops[split]
        assert len(part.manifest) == len(part) == len(part.images) > 0
        seen = (part.images / 255 - np.array(crops.summary["mean"])) / np.array(crops.summary["std"])
        assert seen.shape[-1] in (1, 3) and np.isfinite(seen).all()
        assert 0 <= part.labels.min() <= part.labels.max() < classes
        assert list(crops.summary["counts"][split].values()) == np.bincount(part.labels, minlength=classes).tolist()
        if part.soft is not None:
            np.testing.assert_allclose(part.soft.sum(1), 1, atol=1e-3)
    assert len(crops.examples()) == classes


def used_or_refused(folder):
    """Whether it is used; asserts that it is refused in one line otherwise."""
    try:
        use(folder)
    except CropsError as error:
        assert len(str(error).splitlines()) == 1 and str(folder) in str(error) and "dvc repro prepare" in str(error)
        return False
    return True


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """(a store, another one of grey pictures), not to be changed."""
    folder = tmp_path_factory.mktemp("stores")
    return write(folder / "colour"), write(folder / "grey", channels=1, seed=1)


@pytest.fixture
def store(stores, tmp_path):
    return shutil.copytree(stores[0], tmp_path / "crops")


def test_a_whole_store_is_used(store):
    use(store)
    for split in SIZES:
        (store / split / "soft.npy").unlink()
        (store / split / "affect.npy").unlink()
    use(store)


FUZZ = settings(deadline=None, max_examples=60, derandomize=True, database=None)


@FUZZ
@given(
    st.sampled_from(FILES),
    st.sampled_from(["cut", "zeros", "flip", "gone", "longer", "folder", "exchanged", "of another store"]),
    st.floats(0, 1, exclude_max=True),
    st.integers(0, 7),
    st.sampled_from(FILES),
)
def test_damaged_bytes(stores, tmp_path_factory, name, damage, where, bit, other):
    store = shutil.copytree(stores[0], tmp_path_factory.mktemp("damaged") / "crops")
    path = store / name
    whole = path.read_bytes()
    at = int(where * len(whole))
    if damage in ("gone", "folder"):
        path.unlink()
        if damage == "folder":
            path.mkdir()
    elif damage == "exchanged":
        other = (store / other).rename(store / "moved")
        path.rename(other) if path.exists() else None
        (store / "moved").rename(path)
    else:
        path.write_bytes(
            {
                "cut": whole[:at],
                "zeros": whole[:at] + bytes(len(whole) - at),
                "flip": whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :],
                "longer": whole + whole[:at],
                "of another store": (stores[1] / name).read_bytes(),
            }[damage]
        )
    used_or_refused(store)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 1 << 70) | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "train", "flat"]), inner, max_size=3)
    ),
    max_leaves=4,
)


@FUZZ
@given(st.data())
def test_any_value_at_any_place_of_the_summary(stores, tmp_path_factory, data):
    store = shutil.copytree(stores[0], tmp_path_factory.mktemp("summary") / "crops")
    summary = json.loads((store / "summary.json").read_text())
    place, key = summary, data.draw(st.sampled_from(sorted(summary)))
    while isinstance(place[key], dict | list) and place[key] and data.draw(st.booleans()):
        place = place[key]
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
    if data.draw(st.booleans()):
        place[key] = data.draw(JSON)
    else:
        del place[key]
    (store / "summary.json").write_text(json.dumps(summary))
    used_or_refused(store)


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "1e999", "{", "[" * 100_000, '{"a": NaN}', "\0\0\0", '{"title": "\\ud800"}']
)
def test_summaries_that_are_none(store, text):
    (store / "summary.json").write_text(text)
    assert not used_or_refused(store)
    (store / "summary.json").write_bytes(text.encode() + b"\xff")
    assert not used_or_refused(store)


@pytest.mark.parametrize("key", ["title", "notes", "classes"])
def test_text_that_is_none(store, key):
    path = store / "summary.json"
    summary = json.loads(path.read_text())
    odd = {"title": "\ud800", "notes": ["\udce9"], "classes": ["a", "\udcff"]}
    summary |= {key: odd[key]}
    summary["counts"] = {split: dict(zip(summary["classes"], of.values())) for split, of in summary["counts"].items()}
    path.write_text(json.dumps(summary))
    assert not used_or_refused(store)


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
