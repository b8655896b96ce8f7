"""The runs of a stage: every seed, and in a study every value of what is varied."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from stages.params import read
from stages.running.job import jobs

ROOT = Path(__file__).parents[3]


@pytest.fixture
def of_study(tmp_path):
    """The jobs of a variant of a study, made of some parts of the repository's params.yaml."""

    def make(variant, parts=("seeds", "train", "interval", "periodic", "dropout"), **vary):
        yaml = YAML()
        everything = yaml.load(ROOT / "params.yaml")
        file = tmp_path / "params.yaml"
        yaml.dump({name: everything[name] for name in parts} | {"seeds": [4, 2], "vary": vary}, file)
        machine = read(ROOT / "params.yaml").machine
        return jobs(variant, read(file), machine, Path("crops"), Path("runs/studies/one") / variant, "study.yaml")

    return make


def test_the_main_pipeline_has_a_run_for_each_seed():
    params = read(ROOT / "params.yaml").model_copy(update={"seeds": [7, 3]})
    made = jobs("dropout-periodic", params, params.machine, Path("crops"), Path("runs/dropout-periodic"), "params.yaml")
    assert [job.name for job in made] == ["dropout-periodic/7", "dropout-periodic/3"]
    assert [job.title for job in made] == ["dropout-periodic, seed 7", "dropout-periodic, seed 3"]
    assert [str(job.folder) for job in made] == ["runs/dropout-periodic/7", "runs/dropout-periodic/3"]
    assert all(job.varied == {} for job in made)


def test_a_study_has_a_run_for_each_value_and_seed(of_study):
    made = of_study("periodic", interval=[3, 20], **{"train.learning_rate": [1e-4, 0.001], "dropout.p": [0.1, 0.5]})
    assert len(made) == 2 * 2 * 2, "dropout.p, which periodic does not read, is not varied for it"
    assert [job.seed for job in made] == [4] * 4 + [2] * 4, "seed by seed: a stopped study is a smaller study"
    assert len({job.name for job in made}) == len({job.folder for job in made}) == 8
    last = made[-1]
    assert last.name == "periodic/interval=20/train.learning_rate=0.001/2"
    assert last.title == "periodic, interval 20, train.learning_rate 0.001, seed 2"
    assert last.folder == Path("runs/studies/one/periodic/interval=20/train.learning_rate=0.001/2")
    assert last.varied == {"interval": 20, "train.learning_rate": 0.001}
    assert (last.params.interval, last.params.train.learning_rate) == (20, 0.001)


def test_a_variant_that_reads_nothing_varied_has_its_seeds_alone(of_study):
    assert [job.name for job in of_study("baseline", interval=[3, 20])] == ["baseline/4", "baseline/2"]


def test_a_list_of_sites_is_one_value(of_study):
    made = of_study("periodic", **{"periodic.sites": ["first", ["layer1.0.bn1", "layer2.0.bn1"]]})
    assert [job.name for job in made[:2]] == [
        "periodic/periodic.sites=first/4",
        "periodic/periodic.sites=layer1.0.bn1+layer2.0.bn1/4",
    ]


def test_what_decides_a_run_is_train_and_what_its_variant_reads(of_study):
    (first, *_) = of_study("dropout-periodic", interval=[9])
    assert set(first.read()) == {"train", "interval", "periodic", "dropout"}
    assert first.read()["interval"] == 9
    (first, *_) = of_study("baseline")
    assert set(first.read()) == {"train"}


@pytest.mark.parametrize(
    ("variant", "given", "line"),
    [
        ("dynamic", {}, "study.yaml: dynamic: missing; the variant dynamic reads it"),
        (
            "dropout-periodic",
            {"parts": ["seeds", "train"]},
            "study.yaml: interval: missing; .*\nstudy.yaml: periodic: missing.*\nstudy.yaml: dropout",
        ),
        ("baseline", {"parts": ["seeds"]}, "study.yaml: train: missing; the training reads it"),
        ("periodic", {"interval": [3, 0]}, "study.yaml: interval: 0: must be greater than or equal to 1"),
        ("periodic", {"periodic.sides": ["all"]}, "study.yaml: periodic.sides: no such parameter; did you mean sites"),
        ("periodic", {"intervall": [3]}, "study.yaml: vary: intervall: no variant reads it"),
        ("periodic", {"seeds": [3]}, "study.yaml: vary: seeds: no variant reads it"),
        ("dynamic", {"dynamic.start": [0.1]}, "study.yaml: vary: dynamic.start: there is no section dynamic to vary"),
    ],
)
def test_what_a_study_gets_wrong_is_said(of_study, variant, given, line):
    with pytest.raises(SystemExit, match=f"^{line}"):
        of_study(variant, **given)


def test_an_interval_that_is_varied_need_not_stand_there_as_well(of_study):
    made = of_study("periodic", parts=["seeds", "train", "periodic"], interval=[5])
    assert made[0].params.interval == 5
