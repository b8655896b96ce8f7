"""Stores of which bytes or the summary are damaged: refused in one line, or whole enough to be trained on."""

import json
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stages.crops.stores import FILES, SIZES, use, used_or_refused


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
