import numpy as np
import pytest

from stages.reporting.runs import runs_of
from stages.reporting.signs import flipped_in_training, flipped_when_scored, turn_together
from stages.results import tables
from stages.results.inputs import BadInput
from tests.stages.results.simulated import SITES, VARIANTS, algorithm_1, results_of, simulate, simulate_run


def read_back(folder, runs):
    tables.write(folder, results_of(runs))
    return runs_of(tables.read(folder))


@pytest.mark.parametrize("interval", [1, 2, 3, 5, 7, 40, 90])
def test_run_lengths_unfold_into_the_flag_of_algorithm_1(tmp_path, interval):
    flag = algorithm_1(interval, 83)
    made = simulate_run("periodic", 0, epochs=83, steps_per_epoch=1, flipped=np.array([flag, flag]))
    run = read_back(tmp_path, [made])["periodic"][0]
    assert run.flipped.tolist() == [flag.tolist()] * 2 and turn_together([run])


def test_irregular_signs_unfold_into_what_was_written(tmp_path):
    flags = np.random.default_rng(0).random((3, 50)) < 0.4
    run = read_back(tmp_path, [simulate_run("dynamic", 0, 25, 2, flipped=flags)])["dynamic"][0]
    assert run.flipped.tolist() == flags.tolist()
    assert not turn_together([run])


def test_a_variant_without_sites_has_no_signs(tmp_path):
    run = read_back(tmp_path, [simulate_run("baseline", 0)])["baseline"][0]
    assert run.flipped.shape == (0, 12 * 41) and not run.injects and not run.idle


def test_whether_a_run_injects_is_what_its_row_says(tmp_path):
    never = np.zeros((8, 2 * 41), bool)
    made = [simulate_run("periodic", 0, 2, flipped=never), simulate_run("periodic", 1, 12), simulate_run("anew", 2, 2)]
    made.append(simulate_run("anew", 3, 2, flipped=~never))
    runs = read_back(tmp_path, made)
    assert [(run.injects, run.idle) for seeds in runs.values() for run in seeds.values()] == [
        (True, True),
        (True, False),
        (False, False),
        (True, False),
    ]


def test_flipped_epochs_by_hand():
    flipped = np.array([[0, 1, 1, 0, 0, 1], [1, 1, 1, 1, 1, 0]], bool)
    made = simulate_run("periodic", 0, epochs=3, steps_per_epoch=2, flipped=flipped)
    run = runs_of(results_of([made]))["periodic"][0]
    assert flipped_in_training(run).tolist() == [[0.5, 0.5, 0.5], [1, 1, 0.5]]
    assert flipped_when_scored(run).tolist() == [[1, 0, 1], [1, 1, 0]]
    plain = runs_of(results_of([simulate_run("baseline", 0, epochs=3)]))["baseline"][0]
    assert flipped_in_training(plain).shape == flipped_when_scored(plain).shape == (0, 3)


def test_runs_are_those_of_the_tables_in_their_order(results):
    runs = runs_of(results)
    assert {variant: list(seeds) for variant, seeds in runs.items()} == {variant: [0, 1] for variant in VARIANTS}
    run = runs["dynamic"][1]
    assert run.row["sites"].split() == SITES and run.epochs == 12 and run.seed == 1
    number = results.predictions.runs.index("dynamic/1")
    assert (run.predicted == results.predictions.predicted[number]).all()
    rows = results.measures[results.measures["run"] == "dynamic/1"]
    assert len(run.values) == len(rows) and run.value("last", "test", "macro_f1") in rows["value"].tolist()
    swapped = runs_of(simulate(["dynamic", "baseline"], seeds=(7, 3), epochs=2))
    assert {variant: list(seeds) for variant, seeds in swapped.items()} == {"dynamic": [7, 3], "baseline": [7, 3]}


def test_only_pictures_as_they_are_count():
    made = simulate(["baseline"], [0], epochs=2)
    blurred = made.measures.assign(corruption="blur", value=0.0)
    made.measures.loc[:, "value"] = 0.5
    both = results_of([simulate_run("baseline", 0, epochs=2)])
    object.__setattr__(
        both, "measures", type(blurred)([*made.measures.to_dict("records"), *blurred.to_dict("records")])
    )
    assert set(runs_of(both)["baseline"][0].values.values()) == {0.5}


def test_two_runs_of_one_seed_are_no_comparison():
    made = [simulate_run("periodic", 0, 2, values={"interval": interval}) for interval in (2, 3)]
    with pytest.raises(BadInput, match=r"runs.csv: two runs of periodic with seed 0: a study, not one comparison"):
        runs_of(results_of(made, varied=("interval",)))


def test_a_value_that_was_not_measured_is_named():
    run = runs_of(simulate(["baseline"], [0], epochs=2))["baseline"][0]
    with pytest.raises(BadInput, match="no row of the run baseline/0 with weights best, split train, measure loss"):
        run.value("best", "train", "loss")
