"""Stage corrupt: what the last weights say of each spoiled picture, and a line for runs that are damaged."""

import numpy as np
import pytest
import torch

from stages import corrupt, evaluate, measure
from stages.corruptions import predictions
from stages.corruptions.strengths import names
from stages.crops.store import open_crops
from stages.params import read
from stages.results import tables
from stages.results.corrupted import read_corrupted
from stages.results.inputs import BadInput
from stages.results.record import read_record, sealed
from stages.running.each_run import Piece
from tests.stages.running.finished import read as record_of
from tests.stages.running.test_damaged_runs import told_of

pytestmark = pytest.mark.usefixtures("small_network")


@pytest.fixture
def spoiled(run, workspace):
    """Do what the stage's process does of the run; returns its file."""

    def work():
        file = workspace / "corrupted" / "periodic" / "0.npz"
        corrupt.work(run.parent, workspace / "data/crops", read().machine, Piece(run, file, None), "cpu", print)
        return file

    return work


def test_of_pictures_that_nothing_spoils_it_says_what_the_evaluation_says(run, spoiled, workspace, monkeypatch):
    monkeypatch.setattr(predictions, "corrupt", lambda images, name, rows: images)
    said, file = read_corrupted(spoiled(), record_of(run)), workspace / "predictions" / "periodic" / "0.npz"
    evaluate.work(run.parent, workspace / "data/crops", read().machine, Piece(run, file, None), "cpu", print)
    with np.load(file) as arrays:
        assert said.corruptions == names(1) and len(names(1)) == 24
        assert (said.predicted == arrays["test_last_predicted"]).all()
        np.testing.assert_allclose(said.loss, arrays["test_last_loss"], rtol=1e-6)
    measure.main(workspace / "runs", workspace / "predictions", ["periodic"], workspace / "t", workspace / "corrupted")
    rows = tables.read(workspace / "t").measures.query("weights == 'last' and split == 'test'")
    value = rows.set_index(["corruption", "measure"])["value"].to_dict()
    assert set(rows["corruption"]) == {"", "mean", *names(1)} and value["mean", "macro_f1_lost"] == 0
    for name in ("macro_f1", "accuracy", "loss"):
        assert value["", name] == value["mean", name] == value["blur-3", name]


def test_every_picture_is_spoiled_by_its_name_and_its_row(run, spoiled, workspace, monkeypatch):
    test, seen = open_crops(workspace / "data/crops")["test"].images, {}
    monkeypatch.setattr("stages.training.evaluation.BATCH", 7)

    def noted(images, name, rows):
        for image, row in zip(images, rows):
            seen.setdefault(name, {})[row] = image.permute(1, 2, 0).numpy().copy()
        return torch.zeros_like(images)

    monkeypatch.setattr(predictions, "corrupt", noted)
    said = read_corrupted(spoiled(), record_of(run))
    assert list(seen) == names(1) and all(list(rows) == list(range(30)) for rows in seen.values())
    assert all((image == test[row]).all() for rows in seen.values() for row, image in rows.items())
    assert (said.predicted == said.predicted[0, 0]).all(), "what the network sees is what was spoiled"


def test_the_same_weights_say_the_same_of_really_spoiled_pictures(run, spoiled):
    said, again = (read_corrupted(spoiled(), read_record(run, run.parent)) for _ in range(2))
    assert (said.predicted == again.predicted).all() and (said.loss == again.loss).all()
    assert len(set(said.loss)) == 24


def test_weights_that_say_what_is_no_number_are_named(run, spoiled, workspace):
    state = torch.load(run / "last.pt", weights_only=True)
    torch.save({name: value - 1000 if name.endswith("running_var") else value for name, value in state.items()},
               run / "last.pt")  # fmt: skip
    told_of(run)
    with pytest.raises(BadInput, match=rf"^{run}/last.pt: .*says of test, noise-1, what is no number; `dvc repro` of"):
        spoiled()
    assert not (workspace / "corrupted").exists()


def put(change):
    """Write the file anew with its arrays changed."""

    def damage(file):
        with np.load(file) as arrays:
            said = dict(arrays)
        change(said)
        np.savez(file, **said)

    return damage


DAMAGED = {
    "missing": (lambda file: file.unlink(), "missing; "),
    "cut": (lambda file: file.write_bytes(file.read_bytes()[:300]), "not the arrays of, corruptions, predicted, loss"),
    "other weights": (put(lambda said: said["of"].__setitem__(0, "0" * 64)), "made of other weights or crops"),
    "fewer pictures": (
        put(lambda said: said.update(predicted=said["predicted"][:, 1:])),
        r"predicted is uint8 \(24, 29",
    ),
    "twice": (put(lambda said: said["corruptions"].__setitem__(1, "noise-1")), r"corruptions is <U12 \(24,\), exp"),
    "no number": (put(lambda said: said["loss"].__setitem__(3, np.nan)), "no number"),
    "another class": (put(lambda said: said["predicted"].__setitem__((0, 0), 9)), "label beyond the classes"),
}


def test_a_damaged_file_is_a_line_that_names_it(run, spoiled):
    record, file = sealed(record_of(run)), spoiled()
    whole = file.read_bytes()
    for spoil, told in DAMAGED.values():
        file.write_bytes(whole)
        spoil(file)
        with pytest.raises(BadInput, match=rf"^{file}: .*{told}") as end:
            read_corrupted(file, record)
        assert len(str(end.value).splitlines()) == 1 and "of the stage that corrupts periodic/0" in str(end.value)
