"""The files of pipelines follow the code, and those of another study are written."""

import shutil
from pathlib import Path

import pytest

from stages.check import check_pipeline
from stages.params import read
from stages.running import wiring
from tests.pipeline.pipelines import ROOT, STAGES, outs, stages


@pytest.fixture
def at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A folder with nothing but the root's parameters and pipeline."""
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_trains_depends_on_its_variant_its_methods_and_what_they_read():
    periodic = STAGES["dvc.yaml:train-periodic"]
    assert {"data/crops", "stages/training", "stages/variants/periodic.py", "noise/periodic.py"} <= set(
        periodic["deps"]
    )
    assert not {"noise/dropout.py", "noise/dynamic.py", "stages/params.py", "stages/train.py"} & set(periodic["deps"])
    assert periodic["params"] == ["seeds", "train", "interval", "periodic"]
    params = {
        name: stage["params"] for name, stage in STAGES.items() if name.startswith("studies/interval/dvc.yaml:train")
    }
    parts = {name.partition(":train-")[2]: next(iter(each[0].values())) for name, each in params.items()}
    assert parts["baseline"] == ["seeds", "train"]
    assert parts["periodic"] == ["seeds", "vary", "train", "periodic"]  # `interval` stands under `vary` alone
    # A study may be called as a variant is: what measures it looks at no variant's runs.
    assert "stages/variants/dropout.py" not in STAGES["studies/dropout/dvc.yaml:measure"]["deps"]


def test_what_a_stage_lacks_or_has_too_much_is_mended_and_nothing_else_is_touched(at_the_root):
    path = Path("dvc.yaml")
    right = path.read_text(encoding="utf-8")
    before, stage = right.split("  train-dropout:\n")
    wrong = stage.replace("noise/dropout.py, ", "", 1).replace("stages/training, ", "noise/folding.py, ", 1)
    wrong = wrong.replace("params: [seeds, train, dropout]", "params: [train]", 1).replace(
        "noise", "\n           noise", 1
    )
    wrong = f"{before}  train-dropout:\n{wrong}"
    assert "noise/dropout.py" in stage and wrong != right and wiring.rewired(wrong, path) == right


def test_a_list_in_another_form_is_named(at_the_root):
    text = "stages:\n  report:\n    cmd: python -m stages.report\n    deps:\n      - data/paper\n"
    with pytest.raises(
        wiring.NoPipeline, match=r"^dvc.yaml: stage report: expected `deps: \[...\]`, a list in brackets"
    ):
        wiring.rewired(text, Path("dvc.yaml"))
    assert wiring.rewired(text.replace("python -m stages.report", "python mine.py"), Path("dvc.yaml"))


@pytest.mark.parametrize("data_set", [None, "faces", "fer2013"])
def test_the_files_of_another_study(elsewhere, data_set):
    """They are whole: what they vary, and their question, are all that is to be written."""
    wiring.new("first-look", ["baseline", "dropout-periodic"], data_set)
    params, file = elsewhere / "studies/first-look/params.yaml", elsewhere / "studies/first-look/dvc.yaml"
    params.write_text(params.read_text().replace("vary: {}", "vary: {dropout.p: [0.1, 0.5]}"))
    wiring.main()
    pipeline, text = stages(file), file.read_text()
    assert max(map(len, text.splitlines())) <= 120 and text.startswith("# ") and params.read_text().startswith("# ")
    own = {None: [], "faces": ["faces", "source", "prepare"], "fer2013": ["source", "prepare"]}[data_set]
    trained = [f"{stage}-{variant}" for stage in ("train", "evaluate") for variant in ("baseline", "dropout-periodic")]
    assert list(pipeline) == ["check", *own, *trained, "measure"]
    reads = ["seeds", "vary", "train", "interval", "periodic", "dropout"]
    assert pipeline["train-dropout-periodic"]["params"] == [{"studies/first-look/params.yaml": reads}]
    relative = params.relative_to(elsewhere)
    check_pipeline(read(relative), read().machine, str(relative))
    crops = "runs/studies/first-look/crops" if data_set else "data/crops"
    assert all(crops in pipeline[name]["deps"] for name in trained)
    made = {out for stage in pipeline.values() for out in outs(stage)}
    needed = {dep for stage in pipeline.values() for dep in stage["deps"] if dep.startswith("runs/")}
    assert needed <= made and all(stage["wdir"] == "../.." for stage in pipeline.values())


def test_a_study_that_is_there_is_not_written_over(elsewhere, capsys):
    wiring.new("first-look", ["baseline"], None)
    with pytest.raises(wiring.NoPipeline, match="studies/first-look/dvc.yaml is there already"):
        wiring.new("first-look", ["baseline"], None)
    with pytest.raises(wiring.NoPipeline, match="^First/Look: the name of a study is of small letters"):
        wiring.new("First/Look", ["baseline"], None)
    with pytest.raises(SystemExit, match="no variant 'periodik' in stages/variants; did you mean periodic"):
        wiring.new("second", ["periodik"], None)
    assert not Path("studies/second").exists()
    capsys.readouterr()
    wiring.main()
    assert capsys.readouterr().out == ""


def test_the_default_run_again_is_the_default_run_by_other_seeds(at_the_root):
    default, again = read(), read("studies/again/params.yaml")
    assert not set(default.seeds) & set(again.seeds) and not again.vary
    for name in type(default).model_fields:
        if name != "seeds" and getattr(again, name, None) is not None:
            assert getattr(again, name) == getattr(default, name), name
