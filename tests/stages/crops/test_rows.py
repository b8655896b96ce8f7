"""The file that grows row by row, against np.save."""

import hashlib

import numpy as np
import pytest

from stages.crops.rows import RowsFile, holds


def test_rows_appended_and_continued_equal_np_save(tmp_path):
    rows = np.random.default_rng(0).integers(0, 256, (23, 5, 5, 3), dtype=np.uint8)
    file = RowsFile(tmp_path / "a.npy", (5, 5, 3))
    file.append(rows[:7])
    file.append(rows[7:15])
    # Killed here: no close(), and the last rows are not in the writer's log.
    file = RowsFile(tmp_path / "a.npy", (5, 5, 3), rows=10)
    file.append(rows[10:])
    file.close()
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), rows)


def test_no_rows_at_all(tmp_path):
    RowsFile(tmp_path / "a.npy", (5, 5, 3)).close()
    assert np.load(tmp_path / "a.npy").shape == (0, 5, 5, 3)


def test_continuing_a_shorter_file_is_an_error(tmp_path):
    file = RowsFile(tmp_path / "a.npy", (2,))
    file.append(np.zeros((3, 2)))
    file.close()
    with pytest.raises(ValueError, match="fewer than 4 rows"):
        RowsFile(tmp_path / "a.npy", (2,), rows=4)


def test_rows_that_are_not_those_of_their_digests_are_found(tmp_path):
    rows = np.random.default_rng(0).integers(0, 256, (9, 5, 5, 3), dtype=np.uint8)
    digests = [hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in rows]
    path = tmp_path / "a.npy"
    assert holds(path, (5, 5, 3), []) and not holds(path, (5, 5, 3), digests)
    RowsFile(path, (5, 5, 3)).append(rows)  # never closed: the header does not know of the rows
    assert holds(path, (5, 5, 3), digests) and holds(path, (5, 5, 3), digests[4:7], start=4)
    assert not holds(path, (5, 5, 3), digests[4:7], start=3)
    whole = path.read_bytes()
    for damaged in (whole[:-1], whole[:-75], whole[:-75] + bytes(75), whole[:-1] + bytes([whole[-1] ^ 1])):
        path.write_bytes(damaged)
        assert holds(path, (5, 5, 3), digests[:8]) and not holds(path, (5, 5, 3), digests)
