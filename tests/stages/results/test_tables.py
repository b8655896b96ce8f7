import csv
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from stages.results import tables
from stages.results.tables import BadInput
from tests.stages.results.simulated import CLASSES, VARIANTS, results_of, simulate, simulate_run


@pytest.fixture(scope="module")
def results():
    return simulate()


@pytest.fixture(scope="module")
def folder(results, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    tables.write(folder, results)
    return folder


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_what_is_written_is_read_back(results, folder):
    read = tables.read(folder)
    assert read.varied == () and set(read.parameters) == {
        "train.epochs",
        "train.learning_rate",
        "interval",
        "dropout.p",
    }
    for name in ("runs", "measures", "curves", "events", "turns"):
        written, back = getattr(results, name), getattr(read, name)
        assert len(written) == len(back) > 0
        for column in written.columns.drop(list(read.parameters), errors="ignore"):
            if pd.api.types.is_float_dtype(back[column].dtype):
                np.testing.assert_allclose(back[column], written[column].astype(float), rtol=5e-6)
            else:
                assert [None if pd.isna(v) else v for v in back[column]] == [
                    None if pd.isna(v) else v for v in written[column]
                ], column
    ours, back = results.predictions, read.predictions
    assert back.runs == [f"{variant}/{seed}" for variant in VARIANTS for seed in (0, 1)] and back.classes == CLASSES
    assert (back.actual == ours.actual).all() and (back.predicted == ours.predicted).all()
    assert back.predicted.dtype == np.uint8 and back.truth.dtype == np.float16
    np.testing.assert_allclose(back.truth, ours.truth, atol=5e-4)


def test_the_files_are_plain_csv_with_the_documented_columns(folder):
    head = {
        name: (folder / f"{name}.csv").read_text().splitlines()[0] for name in ("measures", "curves", "events", "turns")
    }
    assert head["measures"] == "run,variant,seed,weights,split,corruption,measure,value"
    assert head["turns"] == "run,variant,seed,site,quantity,step,epoch,value"
    assert head["events"] == "run,variant,seed,epoch,turns,loss_jump,f1_drop,recovery"
    losses = "train_loss,train_eval_loss,update,flipped,val_loss"
    assert head["curves"] == f"run,variant,seed,epoch,step,lr,{losses},val_macro_f1,val_accuracy,predicted_classes"
    first = rows(folder / "runs.csv")[0]
    assert list(first)[:3] == ["run", "variant", "seed"] and list(first)[-1] == "warnings"
    assert (first["interval"], first["train.epochs"], first["train.learning_rate"]) == ("", "12", "0.0001")
    assert b"\r" not in b"".join(path.read_bytes() for path in folder.glob("*.csv"))


def test_the_same_results_give_the_same_bytes(results, folder, tmp_path):
    tables.write(tmp_path, replace(results, curves=results.curves[results.curves.columns[::-1]]))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(tables.FILES)
    for name in tables.FILES:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name
    tables.write(tmp_path, tables.read(folder))  # and reading loses nothing
    for name in tables.FILES:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name


NAMES = ["0", "01", "True", "nan", "1e3", "", "NA", 'a, "b"', "two\nlines", "Überraschung"]


def test_names_are_text_whatever_they_look_like(tmp_path):
    variants = ["baseline", "01", "1e3", "nan", "True"]
    runs = [
        simulate_run(variant, 0, epochs=2, classes=NAMES, values={"which": name}, title="007", hardware="1e5")
        for variant, name in zip(variants, ["0", "01", "True", "nan", "1e3"])
    ]
    tables.write(tmp_path, results_of(runs, varied=("which",)))
    read = tables.read(tmp_path)
    assert read.varied == ("which",)
    assert read.runs["variant"].tolist() == variants and read.runs["which"].tolist() == [
        "0",
        "01",
        "True",
        "nan",
        "1e3",
    ]
    assert set(read.runs["title"]) == {"007"} and set(read.runs["hardware"]) == {"1e5"}
    assert read.predictions.classes == NAMES == json.loads(read.runs["classes"][0])
    assert {f"f1/{name}" for name in NAMES} < set(read.measures["measure"])
    assert read.curves["variant"].unique().tolist() == variants


def test_numbers_keep_their_digits(tmp_path):
    made = simulate(["baseline", "periodic"], seeds=(4294967295,), epochs=2)
    made.runs["steps"] = 15_308_642
    made.runs["first_turn"] = pd.Series([None, 12_345_678.0])  # as pandas makes it of [None, 12345678]
    made.runs["seconds"] = [0.0001234567, 123456.7]
    tables.write(tmp_path, made)
    first, second = rows(tmp_path / "runs.csv")
    assert (first["first_turn"], second["first_turn"]) == ("", "12345678") and first["seed"] == "4294967295"
    assert (first["seconds"], second["seconds"], second["steps"]) == ("0.000123457", "123457", "15308642")


def test_what_a_cell_may_be_given_as(tmp_path):
    made = simulate(["baseline"], seeds=(0,), epochs=2)
    made.runs["train.augment.flip"], made.runs["train.ema"] = True, None
    made.runs["data.classes"] = [["a", "b"]]
    made.runs["classes"] = [CLASSES]
    tables.write(tmp_path, made)
    (row,) = rows(tmp_path / "runs.csv")
    assert (row["train.augment.flip"], row["train.ema"], row["data.classes"]) == ("true", "", '["a", "b"]')
    assert tables.read(tmp_path).predictions.classes == CLASSES


def test_more_than_256_classes_keep_their_labels(tmp_path):
    made = simulate(["baseline"], seeds=(0,), epochs=2, classes=[f"class {number}" for number in range(300)])
    predictions = replace(made.predictions, actual=np.arange(105) + 195, predicted=np.arange(105)[None] + 195)
    tables.write(tmp_path, replace(made, predictions=predictions))
    assert tables.read(tmp_path).predictions.actual.tolist() == list(range(195, 300))


def test_a_column_too_few_or_too_many_is_refused_before_anything_is_read(results, tmp_path):
    with pytest.raises(ValueError, match=r"table runs: columns missing: \['torch'\]; not known: \[\]"):
        tables.write(tmp_path, replace(results, runs=results.runs.drop(columns="torch")))
    with pytest.raises(ValueError, match=r"table curves: columns missing: \[\]; not known: \['interval'\]"):
        tables.write(tmp_path, replace(results, curves=results.curves.assign(interval=3)))


def cell(path, row, column, value):
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table.loc[row, column] = value
    table.to_csv(path, index=False)


def arrays(path, **changed):
    with np.load(path) as found:
        kept = {name: changed.get(name, found[name]) for name in found.files if changed.get(name, 0) is not None}
    np.savez(path, **kept)


DAMAGE = {
    "missing": (lambda f: (f / "turns.csv").unlink(), "turns.csv: missing; the stage measure writes it"),
    "no predictions": (lambda f: (f / "predictions.npz").unlink(), "predictions.npz: missing; the stage measure"),
    "empty file": (lambda f: (f / "curves.csv").write_text(""), "curves.csv: not a table: the file is empty"),
    "no rows": (
        lambda f: (f / "curves.csv").write_text((f / "curves.csv").read_text().splitlines()[0] + "\n"),
        "curves.csv: no rows",
    ),
    "binary": (lambda f: (f / "measures.csv").write_bytes(b"\xff\xfe\x00,\x9c"), "measures.csv: not a table: "),
    "a folder": (lambda f: ((f / "turns.csv").unlink(), (f / "turns.csv").mkdir()), "turns.csv: not a table: "),
    "half a row": (
        lambda f: (f / "curves.csv").write_text((f / "curves.csv").read_text()[:-30]),
        r"curves.csv: line 121: \d+ cells, expected 14",
    ),
    "an open quote": (lambda f: cell_raw(f / "turns.csv", '"'), "turns.csv: not a table: "),
    "another table": (
        lambda f: (f / "curves.csv").write_text("epoch,loss\n1,2\n"),
        "curves.csv: no column run, variant, seed, step, .*; found epoch, loss",
    ),
    "NaN": (lambda f: cell(f / "curves.csv", 2, "train_loss", "nan"), "curves.csv: line 4: train_loss is nan"),
    "infinite": (lambda f: cell(f / "curves.csv", 0, "val_macro_f1", "inf"), "line 2: val_macro_f1 is inf"),
    "a word": (
        lambda f: cell(f / "curves.csv", 1, "val_macro_f1", "good"),
        "line 3: val_macro_f1 is good, expected a finite number",
    ),
    "nothing": (lambda f: cell(f / "measures.csv", 0, "value", ""), "measures.csv: line 2: value is empty"),
    "half a step": (lambda f: cell(f / "turns.csv", 0, "step", "1.5"), "step is 1.5, expected a whole number"),
    "no JSON": (
        lambda f: cell(f / "runs.csv", 0, "images", '{"test": '),
        "runs.csv: line 2: images is .*, expected JSON",
    ),
    "late start": (
        lambda f: cell(f / "turns.csv", 0, "step", "2"),
        "turns.csv: steps of site layer1.0.bn1 of periodic/0 must rise from 1 to at most 492",
    ),
    "beyond the end": (lambda f: cell(f / "turns.csv", 2, "step", "5000"), "must rise from 1 to at most 492"),
    "no sign": (lambda f: cell(f / "turns.csv", 1, "value", "0.5"), "turns.csv: a sign is -1, 1, or 0"),
    "an epoch twice": (
        lambda f: cell(f / "curves.csv", 1, "epoch", "1"),
        "expected the epochs 1 to 12 of the run baseline/0",
    ),
    "a run less": (lambda f: drop(f / "curves.csv", "dynamic/1"), "the epochs 1 to 12 of the run dynamic/1"),
    "a run more": (
        lambda f: drop(f / "runs.csv", "dynamic/1"),
        "measures.csv: no row of runs.csv is dynamic/1, dynamic, 1",
    ),
    "another seed": (
        lambda f: cell(f / "measures.csv", 0, "seed", "7"),
        "no row of runs.csv is baseline/0, baseline, 7",
    ),
    "a run twice": (lambda f: cell(f / "runs.csv", 1, "run", "baseline/0"), "runs.csv: two rows of the run baseline/0"),
    "a value twice": (
        lambda f: cell(f / "measures.csv", 1, "measure", "loss"),
        "measures.csv: two values of baseline/0 last train loss",
    ),
    "a turn more": (
        lambda f: cell(f / "events.csv", 1, "turns", "9"),
        "events.csv: its epochs and turns are not those of turns.csv",
    ),
    "an event of no turn": (lambda f: cell(f / "events.csv", 1, "epoch", "2"), "are not those of turns.csv"),
    "an event twice": (
        lambda f: cell_raw(f / "events.csv", (f / "events.csv").read_text().splitlines()[1] + "\n"),
        "are not those of turns.csv",
    ),
    "foreign varied": (
        lambda f: pd.read_csv(f / "curves.csv").assign(depth=1).to_csv(f / "curves.csv", index=False),
        "measures.csv: depth is not a column here and in runs.csv alike",
    ),
    "no arrays": (lambda f: (f / "predictions.npz").write_bytes(b"PK"), "predictions.npz: not the arrays"),
    "an array less": (lambda f: arrays(f / "predictions.npz", truth=None), "predictions.npz: not the arrays .*truth"),
    "other runs": (lambda f: arrays(f / "predictions.npz", runs=np.array(["a"])), "its runs are not those of runs.csv"),
    "other classes": (
        lambda f: arrays(f / "predictions.npz", classes=np.array(["a", "b"])),
        "its classes, a, b, are not those of runs.csv",
    ),
    "other images": (lambda f: arrays(f / "predictions.npz", actual=np.zeros(3, np.uint8)), r"expected actual \(N,\)"),
    "no such label": (
        lambda f: arrays(f / "predictions.npz", actual=np.full(105, 7, np.uint8)),
        "a label beyond the 7 classes",
    ),
}


def cell_raw(path, text):
    path.write_text(path.read_text() + text)


def drop(path, run):
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table[table["run"] != run].to_csv(path, index=False)


@pytest.mark.parametrize("name", DAMAGE)
def test_missing_or_damaged_tables_give_one_clear_line(results, tmp_path, name):
    damage, line = DAMAGE[name]
    tables.write(tmp_path, results)
    damage(tmp_path)
    with pytest.raises(BadInput, match=line) as error:
        tables.read(tmp_path)
    assert len(str(error.value).splitlines()) == 1 and str(error.value).startswith(str(tmp_path))
