"""Groups of equal digests, against groups formed by a dictionary."""

from collections import defaultdict

import numpy as np

from stages.crops.duplicates import find_duplicates


def test_groups_equal_those_of_a_dictionary():
    generator = np.random.default_rng(0)
    # Few values, ending in zero bytes: digests are bytes, not C strings.
    digests = [bytes(15) + bytes([value]) for value in generator.integers(0, 60, 100)] + [b"\1" + bytes(15)] * 2
    splits, labels = generator.integers(0, 3, 102), generator.integers(0, 2, 102)
    expected = defaultdict(list)
    for image, digest in enumerate(digests):
        expected[digest].append(image)
    expected = [group for group in expected.values() if len(group) > 1]
    found = find_duplicates(digests, splits, labels)
    assert [group.tolist() for group in found.groups] == expected
    assert found.across_splits.tolist() == [len({splits[i] for i in group}) > 1 for group in expected]
    assert found.conflicting.tolist() == [len({labels[i] for i in group}) > 1 for group in expected]


def test_none():
    found = find_duplicates([bytes([i] * 16) for i in range(5)], np.zeros(5), np.zeros(5))
    assert found.groups == [] and found.across_splits.sum() == found.conflicting.sum() == 0
