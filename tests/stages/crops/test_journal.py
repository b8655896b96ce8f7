"""The journal of an unfinished build, and the name of the folder that it lies in."""

import json

import pytest

from stages.crops.journal import Journal, scratch_name
from stages.crops.outcome import Outcome

FIRST = [Outcome(bytes(16), ("grey", "flat")), Outcome(reason="truncated")]
SECOND = [Outcome(b"\xff" * 16)]


def test_outcomes_are_read_back(tmp_path):
    journal = Journal(tmp_path)
    journal.add("test", FIRST)
    journal.add("train", SECOND)
    journal.close()
    again = Journal(tmp_path)
    assert again.outcomes == journal.outcomes == {"test": FIRST, "train": SECOND}
    assert len(again) == 3 and again.so_far("val") == []


@pytest.mark.parametrize("torn", ["{", '{"split": "test", "outcomes": []}', "\xff"])
def test_a_torn_line_is_cut_off_before_the_next_is_written(tmp_path, torn):
    """Else the next line would be glued to it, and lost with all that follow when the build is killed again."""
    journal = Journal(tmp_path)
    journal.add("test", FIRST)
    journal.close()
    with open(tmp_path / "journal.jsonl", "ab") as file:
        file.write(torn.encode("latin-1"))
    journal = Journal(tmp_path)
    assert journal.outcomes == {"test": FIRST}
    journal.add("train", SECOND)
    journal.close()
    assert Journal(tmp_path).outcomes == {"test": FIRST, "train": SECOND}
    lines = (tmp_path / "journal.jsonl").read_text().splitlines()
    assert [json.loads(line)["split"] for line in lines] == ["test", "train"]


def test_everything_that_determines_the_crops_is_in_the_name():
    usual = {"target": "data/crops", "fingerprint": {"digest": "a"}, "images": [("a.jpg", (1, 2, 3, 4))], "size": 48}
    changes = [
        {"target": "runs/studies/cifar10/crops"},
        {"fingerprint": {"digest": "b"}},
        {"images": [("b.jpg", (1, 2, 3, 4))]},
        {"images": [("a.jpg", (1, 2, 3, 5))]},
        {"images": [("a.jpg", None)]},
        {"images": [("a.jpg", (1, 2, 3, 4))] * 2},
        {"size": 49},
    ]
    names = [scratch_name(**usual | change) for change in [{}, *changes]]
    assert names[0] == scratch_name(**usual)
    assert len(set(names)) == len(names)
