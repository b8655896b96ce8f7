import pandas as pd
import pytest

from stages.reporting import study
from stages.results import tables
from stages.results.inputs import BadInput
from tests.stages.reporting.simulated_studies import SEEDS, runs_over
from tests.stages.results.simulated import results_of, simulate_run


def everything_in(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def write_measured(root, seeds, **record):
    made = runs_over("interval", [1, 5], seeds=seeds, **record)
    tables.write(root / "runs/studies/interval/tables", results_of(made, varied=("interval",)))


def test_a_study_published_seed_by_seed_is_that_of_one_measuring(tmp_path, monkeypatch):
    """In any order, and a seed that is run again replaces itself: every byte, those of the figure included."""
    monkeypatch.chdir(tmp_path)
    for seeds in ((2,), (0,), (0, 1)):
        write_measured(tmp_path, seeds)
        study.main("interval", anew=False)
    one_by_one = everything_in(tmp_path / "reports/studies/interval")
    write_measured(tmp_path, SEEDS)
    study.main("interval", anew=True)
    assert everything_in(tmp_path / "reports/studies/interval") == one_by_one


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"train.learning_rate": 0.01}, "baseline/0 was made with train.learning_rate 0.0001, this run with 0.01"),
        ({"train.images": 50}, "baseline/0 was made with train.images absent, this run with 50"),
        ({"crops": "food" * 8}, f"baseline/0 was made with crops {'beef' * 8}, this run with {'food' * 8}"),
    ],
)
def test_seeds_of_another_configuration_are_not_published_beside_each_other(tmp_path, monkeypatch, change, said):
    monkeypatch.chdir(tmp_path)
    write_measured(tmp_path, (0,))
    study.main("interval", anew=False)
    before = everything_in(tmp_path / "reports/studies/interval")
    write_measured(tmp_path, (1,), **change)
    with pytest.raises(BadInput) as error:
        study.main("interval", anew=False)
    assert f"reports/studies/interval/runs.csv: {said}; --anew publishes" in str(error.value)
    assert "\n" not in str(error.value) and everything_in(tmp_path / "reports/studies/interval") == before
    study.main("interval", anew=True)
    assert set(pd.read_csv("reports/studies/interval/runs.csv")["seed"]) == {1}


def test_what_a_variant_draws_by_the_seed_may_differ(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for seed in SEEDS:
        made = [simulate_run("random-turns", seed, 4, **{"periodic.turns": f"[{2 + seed}]"})]
        tables.write("runs/studies/mine/tables", results_of(made))
        study.main("mine", anew=False)
    assert list(pd.read_csv("reports/studies/mine/runs.csv")["periodic.turns"]) == ["[2]", "[3]", "[4]"]


def test_runs_that_a_study_has_no_more_are_not_lost_unasked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_measured(tmp_path, (0,))
    study.main("interval", anew=False)
    tables.write(
        "runs/studies/interval/tables", results_of(runs_over("interval", [5], seeds=(0,)), varied=("interval",))
    )
    with pytest.raises(BadInput, match="periodic/interval=1/0 is no run of this study any more; --anew"):
        study.main("interval", anew=False)
    (tmp_path / "reports/studies/interval/curves.csv").write_text("run\n")
    with pytest.raises(BadInput, match=r"curves.csv: no column variant.*; --anew"):
        study.main("interval", anew=False)
    write_measured(tmp_path, (0, 1))
    study.main("interval", anew=False)
