"""What launchers of jobs set in the environment: the place of one of several, or nothing that concerns a training."""

import pytest

from stages.ending import Mistake
from stages.running.place import is_one_of_several

NAMES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_RUN_ID", "SLURM_PROCID")
WHOLE = {"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": "29500"}


@pytest.fixture
def environment(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    return lambda values: [monkeypatch.setenv(*each) for each in values.items()]


@pytest.mark.parametrize(
    ("values", "several"),
    [
        ({}, False),
        ({"RANK": "0"}, False),
        ({"RANK": "3", "WORLD_SIZE": "4"}, False),
        ({"SLURM_PROCID": "3", "SLURM_NTASKS": "4"}, False),
        ({"LOCAL_RANK": "0"}, False),
        ({"LOCAL_RANK": "0", "RANK": "0", "WORLD_SIZE": "1"}, False),
        (WHOLE, True),
        ({"TORCHELASTIC_RUN_ID": "none", "LOCAL_RANK": "0", "WORLD_SIZE": "1"}, True),
    ],
    ids=str,
)
def test_whether_a_process_is_one_of_several(environment, values, several):
    environment(values)
    assert is_one_of_several() == several


@pytest.mark.parametrize("name", [name for name in WHOLE if name not in ("LOCAL_RANK", "WORLD_SIZE")])
def test_what_a_launcher_leaves_out_is_named(environment, name):
    environment({other: value for other, value in WHOLE.items() if other != name})
    with pytest.raises(Mistake, match=f"^LOCAL_RANK and WORLD_SIZE are set by a job launcher, and {name} not: start"):
        is_one_of_several()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RANK", "first"),
        ("RANK", "-1"),
        ("RANK", "2"),
        ("LOCAL_RANK", "0.0"),
        ("WORLD_SIZE", "two"),
        ("MASTER_PORT", "x"),
    ],
)
def test_what_a_launcher_sets_wrongly_is_one_line(environment, name, value):
    environment(WHOLE | {name: value})
    with pytest.raises(
        Mistake, match=rf"^{name} is set to '?{value}'? by a job launcher.* unset LOCAL_RANK to train alone$"
    ):
        is_one_of_several()
