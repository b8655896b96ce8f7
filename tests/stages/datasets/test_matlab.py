"""MATLAB's files against SciPy, which writes them and reads them too."""

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import loadmat, savemat

from stages.datasets import DataSetError
from stages.datasets.matlab import read_matlab

few = settings(deadline=None, max_examples=60, derandomize=True, database=None)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)
numbers = st.one_of(st.integers(0, 255), st.integers(-(2**31), 2**31 - 1), st.floats(allow_nan=False))


def plain(value):
    """What SciPy read, as lists, str and numbers."""
    if isinstance(value, np.ndarray) and value.dtype.names:
        return [{name: plain(row[name]) for name in value.dtype.names} for row in np.atleast_1d(value)]
    if isinstance(value, np.ndarray):
        return [plain(each) for each in np.atleast_1d(value)]
    return value.item() if isinstance(value, np.generic) else value


@given(
    rows=st.lists(st.tuples(numbers, texts, numbers), min_size=2, max_size=6),
    compressed=st.booleans(),
    types=st.sampled_from([object, np.uint8, np.float32, np.int64]),
)
@few
def test_equals_scipy(tmp_path_factory, rows, compressed, types):
    path = tmp_path_factory.mktemp("mat") / "x.mat"
    table = np.array(rows, dtype=[("bbox_x1", object), ("fname", object), ("class", object)])
    column = np.array([abs(int(min(row[0], 99))) % 100 for row in rows]).astype(types)
    names = np.array([text for _, text, _ in rows], dtype=object)
    savemat(path, {"other": 1, "annotations": table, "names": names, "column": column}, do_compression=compressed)
    theirs = loadmat(path, squeeze_me=True)
    for name in ("annotations", "names", "column"):
        assert read_matlab(path, name) == plain(theirs[name])
    assert read_matlab(path, "other") == 1


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    path = tmp_path_factory.mktemp("mat") / "x.mat"
    record = [(name, object) for name in ("bbox_x1", "class", "fname")]
    savemat(path, {"annotations": np.array([(1, 2, "00001.jpg"), (300, 4.5, "00002.jpg")], dtype=record)})
    return path.read_bytes()


def test_every_damaged_byte_ends_in_one_line_or_in_a_value(tmp_path, content):
    path = tmp_path / "x.mat"
    refused = 0
    for place in range(len(content)):
        flipped = (0xFF, 0x01, 0x80)[place % 3]
        path.write_bytes(content[:place] + bytes([content[place] ^ flipped]) + content[place + 1 :])
        try:
            read_matlab(path, "annotations")
        except DataSetError as error:
            assert "\n" not in str(error) and "get it anew" in str(error)
            refused += 1
    assert refused > len(content) / 3


def test_every_cut_is_refused(tmp_path, content):
    path = tmp_path / "x.mat"
    for size in range(0, len(content), 3):
        path.write_bytes(content[:size])
        with pytest.raises(DataSetError, match="is no MATLAB file that holds annotations"):
            read_matlab(path, "annotations")


@given(data=st.binary(max_size=300))
@few
def test_any_bytes_after_a_header(tmp_path_factory, content, data):
    path = tmp_path_factory.mktemp("mat") / "x.mat"
    path.write_bytes(content[:128] + data)
    with contextlib.suppress(DataSetError):
        read_matlab(path, "annotations")
