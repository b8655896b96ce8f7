"""Damaged artefacts of any kind: a line that names the file, or a result that the damage has not touched."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stages.ending import Mistake
from stages.results.collect import finished_runs
from stages.results.inputs import BadInput
from stages.results.predictions import identity
from stages.results.record import must_be_its_own, read_record, sealed
from tests.stages.results.test_collect import write_run

FILES = ["record.json", "curves.csv", "in_force.csv", "best.pt", "last.pt", "0.npz"]
fuzz = settings(
    deadline=None,
    max_examples=40,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture
def root(tmp_path):
    for seed in (0, 1):
        write_run(tmp_path / "good", "baseline", seed)
    write_run(tmp_path / "good", "dropout", 0)
    return tmp_path


def place(root, name, seed=0, variant="baseline"):
    folder = root / ("predictions" if name.endswith(".npz") else ".") / variant
    return folder / f"{seed}.npz" if name.endswith(".npz") else folder / str(seed) / name


def read(root):
    """All that the stages read of a run: its weights in evaluate, the rest in measure."""
    for run in finished_runs(root / "baseline", root / "predictions" / "baseline"):
        folder = root / "baseline" / str(run.record["seed"])
        must_be_its_own(folder, run.record, ["best.pt", "last.pt"])
        yield run


def same(one, other):
    return (
        one.record == other.record
        and one.curves.equals(other.curves)
        and one.in_force.equals(other.in_force)
        and one.said.keys() == other.said.keys()
        and all(np.array_equal(one.said[name], other.said[name]) for name in one.said)
    )


@st.composite
def damages(draw):
    """A function of the bytes of a file."""
    kind = draw(st.sampled_from(["cut", "flipped", "zeroed", "exchanged", "longer", "random"]))
    start, length = draw(st.floats(0, 1)), draw(st.integers(1, 40))
    other = draw(st.binary(min_size=1, max_size=60))

    def damage(content):
        at = min(int(start * len(content)), len(content) - 1)
        if kind == "cut":
            return content[:at]
        if kind == "flipped":
            return content[:at] + bytes([content[at] ^ (1 << length % 8)]) + content[at + 1 :]
        if kind == "zeroed":
            return content[:at] + bytes(len(content[at : at + length])) + content[at + length :]
        if kind == "exchanged":
            return content[at:] + content[:at]
        if kind == "longer":
            return content + other
        return content[:at] + other + content[at + len(other) :]

    return damage


@fuzz
@given(name=st.sampled_from(FILES), damage=damages())
def test_damaged_bytes_are_a_line_that_names_the_file_or_change_nothing(root, name, damage):
    shutil.rmtree(root / "runs", ignore_errors=True)
    shutil.copytree(root / "good", root / "runs")
    before = list(read(root / "runs"))
    file = place(root / "runs", name)
    file.write_bytes(damage(file.read_bytes()))
    try:
        after = list(read(root / "runs"))
    except Mistake as error:
        assert len(str(error).splitlines()) == 1 and str(file) in str(error), error
    else:
        assert all(map(same, before, after))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


@fuzz
@given(data=st.data(), value=VALUES, sealing=st.booleans())
def test_an_entry_of_a_record_is_of_its_kind_or_the_file_is_named(root, data, value, sealing):
    """Also one that was sealed so: nothing else than the kinds and their agreement can tell."""
    shutil.rmtree(root / "runs", ignore_errors=True)
    shutil.copytree(root / "good", root / "runs")
    file = place(root / "runs", "record.json")
    record = json.loads(file.read_text())
    name = data.draw(st.sampled_from(sorted(record)))
    record[name] = value
    file.write_text(json.dumps(sealed(record) if sealing else record))
    try:
        read_record(file.parent, root / "runs" / "baseline")
    except Mistake as error:
        assert len(str(error).splitlines()) == 1 and str(file) in str(error), error


@pytest.mark.parametrize("name", ["record.json", "best.pt", "last.pt", "0.npz"])
@pytest.mark.parametrize(("variant", "seed"), [("baseline", 1), ("dropout", 0)], ids=["seed", "variant"])
def test_a_file_of_another_run_is_not_taken_for_this_ones(root, name, variant, seed):
    good = root / "good"
    other = place(good, name.replace("0.npz", "x.npz"), seed, variant)
    place(good, name).write_bytes(other.read_bytes())
    with pytest.raises(BadInput) as error:
        list(read(good))
    assert f"baseline/0/{name}" in str(error.value) or "baseline/0.npz" in str(error.value)


def test_a_whole_run_in_the_place_of_another_is_not_taken_for_it(root):
    good = root / "good"
    shutil.rmtree(good / "baseline" / "0")
    shutil.copytree(good / "baseline" / "1", good / "baseline" / "0")
    with pytest.raises(BadInput, match=r"baseline/0/record.json: of another run, baseline/1 and not baseline/0"):
        list(read(good))


CLASSES = np.array([0, 1, 1], np.uint8)
ARRAYS = {
    "a label beyond the classes": {"test_last_predicted": CLASSES + 1},
    "signed labels": {"test_last_predicted": CLASSES.astype(int)},
    "another order of the pictures": {"test_actual": CLASSES[:1].repeat(3)},
    "fewer pictures": {"val_best_predicted": CLASSES[:2]},
    "no number": {"val_best_probability": np.full((3, 2), np.nan, np.float16)},
    "an infinite loss": {"val_last_loss": np.array(np.inf)},
    "a loss for each picture": {"val_last_loss": np.zeros(3)},
    "an array missing": {"test_best_loss": None},
    "of other weights": {"of": identity({"files": {"best.pt": "a", "last.pt": "b"}, "crops": "x"})},
    "of no weights that it names": {"of": None},
    "objects": {"test_actual": np.array([0, 1, "x"], object)},
}


@pytest.mark.parametrize("changed", ARRAYS.values(), ids=ARRAYS)
def test_predictions_that_cannot_be_those_of_the_run_are_named(root, changed):
    file = place(root / "good", "0.npz")
    with np.load(file) as arrays:
        said = {name: value for name, value in (dict(arrays) | changed).items() if value is not None}
    np.savez(file, **said)
    with pytest.raises(
        BadInput, match=r"baseline/0.npz: .*of the stage that evaluates baseline/0 writes it anew"
    ) as error:
        list(read(root / "good"))
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("name", FILES)
def test_what_is_missing_or_no_file_is_named(root, name):
    file = place(root / "good", name)
    file.unlink()
    if name != "record.json":  # without which there is no run
        with pytest.raises(BadInput, match=f"{file}: missing"):
            list(read(root / "good"))
    file.mkdir()
    with pytest.raises((BadInput, OSError)) as error:
        list(read(root / "good"))
    assert str(file) in str(error.value)
    assert Path(file).is_dir()
