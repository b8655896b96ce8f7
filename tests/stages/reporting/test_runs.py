import json
import shutil

import numpy as np
import pandas as pd
import pytest

from stages.reporting.runs import BadInput, read_runs
from stages.reporting.signs import flipped_share, turn_together
from tests.stages.reporting.simulated import CLASSES, SITES, algorithm_1, write_csv, write_run


def write_signs(folder, flags):
    """signs.csv of flags, bool (sites, steps), an epoch being one step."""
    rows = [
        (f"site{site}", step + 1, step + 1, -1 if row[step] else 1)
        for site, row in enumerate(flags)
        for step in range(len(row))
        if step == 0 or row[step] != row[step - 1]
    ]
    write_csv(folder / "signs.csv", ["site", "step", "epoch", "sign"], rows)


@pytest.mark.parametrize("interval", [1, 2, 3, 5, 7, 40, 90])
def test_run_lengths_unfold_into_the_flag_of_algorithm_1(tmp_path, interval):
    write_run(tmp_path / "periodic-0", "periodic", 0, epochs=83, steps_per_epoch=1)
    flag = algorithm_1(interval, 83)
    write_signs(tmp_path / "periodic-0", [flag, flag])
    run = read_runs(tmp_path, ["periodic"], [0], CLASSES)["periodic"][0]
    assert run.flipped.tolist() == [flag.tolist()] * 2


def test_irregular_signs_unfold_into_what_was_written(tmp_path):
    write_run(tmp_path / "dynamic-0", "dynamic", 0, epochs=25, steps_per_epoch=2)
    flags = np.random.default_rng(0).random((3, 50)) < 0.4
    write_signs(tmp_path / "dynamic-0", flags)
    run = read_runs(tmp_path, ["dynamic"], [0], CLASSES)["dynamic"][0]
    assert run.flipped.tolist() == flags.tolist()
    assert not turn_together([run])


def test_a_variant_without_sites_has_no_signs(project):
    run = read_runs(project / "reports/eval", ["baseline"], [0], CLASSES)["baseline"][0]
    assert run.flipped.shape == (0, 12 * 41)


def test_shares_of_stretches_by_hand():
    flipped = np.array([[0, 1, 1, 0, 0, 1]], bool)
    assert flipped_share(flipped, 3).tolist() == [[0.5, 0.5, 0.5]]
    assert flipped_share(flipped, 2)[0] == pytest.approx([2 / 3, 1 / 3])
    assert flipped_share(flipped, 4)[0] == pytest.approx(
        [0.5 / 1.5, 1, 0, 1 / 1.5]
    )  # the border at 1.5 cuts step 2 in half
    assert flipped_share(flipped, 12)[0].tolist() == [0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1]


def test_only_the_seeds_asked_for_are_read(project):
    runs = read_runs(project / "reports/eval", ["baseline", "dynamic"], [1], CLASSES)
    assert {variant: list(of) for variant, of in runs.items()} == {"baseline": [1], "dynamic": [1]}
    assert runs["dynamic"][1].record["sites"] == SITES


def edited(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def cell(path, row, column, value):
    table = pd.read_csv(path).astype(object)
    table.loc[row, column] = value
    table.to_csv(path, index=False)


DAMAGE = {
    "missing run": (lambda run: shutil.rmtree(run), r"periodic-0/curves.csv: missing; `dvc repro evaluate`"),
    "missing file": (lambda run: (run / "signs.csv").unlink(), r"signs.csv: missing"),
    "empty file": (lambda run: (run / "curves.csv").write_text(""), r"curves.csv: not a table"),
    "no rows": (
        lambda run: (run / "curves.csv").write_text("epoch,step,train_loss,val_macro_f1,val_accuracy,flipped\n"),
        "no rows",
    ),
    "binary": (
        lambda run: (run / "predictions.csv").write_bytes(b"\xff\xfe\x00,\x9c"),
        r"predictions.csv: not a table",
    ),
    "no such column": (
        lambda run: (run / "curves.csv").write_text("epoch,loss\n1,2\n"),
        "no column step, .*; found epoch, loss",
    ),
    "NaN": (lambda run: cell(run / "curves.csv", 2, "train_loss", "nan"), "curves.csv: line 4: train_loss is nan"),
    "infinite": (lambda run: cell(run / "curves.csv", 0, "val_macro_f1", "inf"), "line 2: val_macro_f1 is"),
    "a word": (
        lambda run: cell(run / "curves.csv", 1, "val_macro_f1", "good"),
        "line 3: val_macro_f1 is good, expected a finite number",
    ),
    "late start": (
        lambda run: cell(run / "signs.csv", 0, "step", 2),
        "steps of site layer1.0 must rise from 1 to at most 492",
    ),
    "beyond the end": (lambda run: cell(run / "signs.csv", 2, "step", 5000), "must rise from 1 to at most 492"),
    "unknown class": (
        lambda run: cell(run / "predictions.csv", 0, "predicted", "Boredom"),
        "no such class in the data set: Boredom",
    ),
    "not JSON": (lambda run: (run / "metrics.json").write_text('{"test": '), "metrics.json: not JSON"),
    "a list": (lambda run: (run / "record.json").write_text("[]"), "record.json: expected an object, got list"),
    "half a record": (
        lambda run: (run / "record.json").write_text("{}"),
        "record.json: expected the keys injected and warnings",
    ),
    "no test": (
        lambda run: edited(run / "metrics.json", test={"macro_f1": 0.5}),
        "metrics.json: expected test.macro_f1, test.accuracy",
    ),
    "NaN score": (
        lambda run: edited(
            run / "metrics.json",
            test=dict(macro_f1=float("nan"), accuracy=0.5, per_class_f1=dict.fromkeys(CLASSES, 0.5)),
        ),
        "a score lies outside 0 to 1",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_missing_or_damaged_input_gives_one_clear_line(project, tmp_path, name):
    damage, line = DAMAGE[name]
    run = tmp_path / "periodic-0"
    shutil.copytree(project / "reports/eval/periodic-0", run)
    damage(run)
    with pytest.raises(BadInput, match=line) as error:
        read_runs(tmp_path, ["periodic"], [0], CLASSES)
    assert len(str(error.value).splitlines()) == 1 and str(error.value).startswith(str(tmp_path))
