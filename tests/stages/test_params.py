from pathlib import Path

import pytest
from ruamel.yaml import YAML

from stages.params import must_have, read, with_values

ROOT = Path(__file__).parents[2]


@pytest.fixture
def edited(tmp_path):
    """Write params.yaml with some values changed, given as {"train.epochs": 3}; returns its path."""

    def write(changes):
        yaml = YAML()
        params = yaml.load(ROOT / "params.yaml")
        for name, value in changes.items():
            *sections, last = name.split(".")
            section = params
            for part in sections:
                section = section[part]
            section[last] = value
        yaml.dump(params, tmp_path / "params.yaml")
        return tmp_path / "params.yaml"

    return write


def mistakes(path):
    with pytest.raises(SystemExit) as error:
        read(path)
    return [line.removeprefix(f"{path}: ") for line in str(error.value).splitlines()]


def test_the_file_of_the_repository_is_valid():
    params = read(ROOT / "params.yaml")
    assert params.dataset == "faces"
    assert len(params.seeds) >= 2


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"interval": 0}, "interval: 0: must be greater than or equal to 1"),
        ({"interval": "5"}, "interval: '5': must be a valid integer"),
        ({"seeds": []}, "seeds: []: List should have at least 1 item after validation, not 0"),
        ({"seeds": [0, -1]}, "seeds.1: -1: must be greater than or equal to 0"),
        ({"seeds": [3, 3]}, "seeds: [3, 3]: [3] stand more than once"),
        ({"train.learning_rate": 0.0}, "train.learning_rate: 0.0: must be greater than 0"),
        ({"train.optimiser": "adam"}, "train.optimiser: no such parameter; did you mean optimizer?"),
        ({"train.optimizer": "lion"}, "train.optimizer: 'lion': must be 'adam', 'adamw' or 'sgd'"),
        ({"data.classes": 9}, "data.classes: 9: must be 7, 8 or 'all' or 9: must be a valid list"),
        ({"dynamic.start": 1.0}, "dynamic.start: 1.0: must be less than 1 or 1.0: must be 'auto'"),
        ({"train.augment.flip": "yes"}, "train.augment.flip: 'yes': must be a valid boolean"),
        ({"gaussian.stddev": -0.5}, "gaussian.stddev: -0.5: must be greater than or equal to 0"),
        ({"machine.threads": 0}, "machine.threads: 0: must be greater than or equal to 1"),
        ({"machine.side_by_side": 0}, "machine.side_by_side: 0: must be greater than or equal to 1"),
        ({"machine.checkpoint_seconds": -1.0}, "machine.checkpoint_seconds: -1.0: must be greater than or equal to 0"),
        ({"machines": {}}, "machines: no such parameter; did you mean machine?"),
    ],
    ids=str,
)
def test_every_mistake_is_one_line(edited, changes, line):
    assert mistakes(edited(changes)) == [line]


def test_what_moved_to_another_section_is_no_longer_here(edited):
    (line,) = mistakes(edited({"train.device": "cpu"}))
    assert line.startswith("train.device: no such parameter; known here: images, watched, network, stem, ")


def test_all_mistakes_are_named_at_once(edited):
    assert len(mistakes(edited({"interval": 0, "dropout.p": 1.5, "circles.hidden": 0}))) == 3


def test_a_rate_as_dvc_writes_it_is_a_number(tmp_path):
    """`dvc exp run -S train.learning_rate=0.00001` leaves 1e-05 in the file, a string to YAML 1.1."""
    text = (ROOT / "params.yaml").read_text().replace("learning_rate: 0.0001", "learning_rate: 1e-05")
    (tmp_path / "params.yaml").write_text(text)
    assert read(tmp_path / "params.yaml").train.learning_rate == 1e-5


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a: [1", "line 1, column 6: not YAML"),
        ("- 1", "expected a mapping of parameters, got list"),
        ("", "got NoneType"),
    ],
)
def test_what_is_no_parameter_file_is_said(tmp_path, text, part):
    (tmp_path / "params.yaml").write_text(text)
    (line,) = mistakes(tmp_path / "params.yaml")
    assert part in line


def test_a_missing_file_is_said(tmp_path):
    (line,) = mistakes(tmp_path / "params.yaml")
    assert line == "No such file or directory; run from the root of the repository"


PARAMS = read(ROOT / "params.yaml")


def test_other_values_by_their_dotted_names():
    changed = with_values(PARAMS, {"train.augment.shift": 3, "interval": 7, "seeds": [5]}, "study.yaml")
    assert (changed.train.augment.shift, changed.interval, changed.seeds) == (3, 7, [5])
    expected = PARAMS.model_dump()
    expected["train"]["augment"]["shift"] = 3
    assert changed.model_dump() == expected | {"interval": 7, "seeds": [5]}, "and nothing else"
    assert PARAMS.interval != 7, "the parameters themselves stay"


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"interval": 0}, "study.yaml: interval: 0: must be greater than or equal to 1"),
        ({"train.epoch": 3}, "study.yaml: train.epoch: no such parameter; did you mean epochs?"),
        ({"intervals": 3}, "study.yaml: intervals: no such parameter; did you mean interval?"),
        ({"trian.epochs": 3}, "study.yaml: vary: trian.epochs: there is no section trian to vary"),
        ({"interval.unit": "step"}, "study.yaml: vary: interval.unit: there is no section interval to vary"),
        ({"train.augment.x.y": 3}, "study.yaml: vary: train.augment.x.y: there is no section x to vary"),
    ],
    ids=str,
)
def test_a_value_that_cannot_be_is_one_line(values, line):
    with pytest.raises(SystemExit) as error:
        with_values(PARAMS, values, "study.yaml")
    assert str(error.value) == line


@pytest.fixture
def study(tmp_path):
    """A study's file, of so many parts of params.yaml."""

    def write(parts=("seeds", "train"), **more):
        everything = YAML().load(ROOT / "params.yaml")
        YAML().dump({name: everything[name] for name in parts} | more, tmp_path / "params.yaml")
        return tmp_path / "params.yaml"

    return write


def test_a_study_holds_only_what_its_stages_read(study):
    params = read(study(vary={"interval": [1, 2]}))
    assert params.vary == {"interval": [1, 2]}
    assert params.train == PARAMS.train and params.interval is None and params.dynamic is None
    assert not hasattr(params, "machine"), "how the machine computes is the root's business"


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ({"vary": {"interval": []}}, "vary.interval: []: List should have at least 1 item after validation, not 0"),
        ({"vary": {"interval": 3}}, "vary.interval: 3: must be a valid list"),
        ({"vary": {}, "machine": {}}, "machine: no such parameter; known here: vary, dataset, seeds"),
        ({"vary": {}, "peridic": {}}, "peridic: no such parameter; did you mean periodic?"),
        ({"vary": {}, "interval": 0}, "interval: 0: must be greater than or equal to 1"),
        ({}, "dataset: missing"),
    ],
    ids=str,
)
def test_a_mistake_in_a_study_is_a_line(study, more, line):
    assert mistakes(study(**more))[0].startswith(line)


def test_what_is_read_must_be_there(study):
    params = read(study(vary={}))
    must_have(params, ["train", "seeds"], "the training", "study.yaml")
    with pytest.raises(SystemExit) as error:
        must_have(params, ["train", "interval", "periodic"], "the variant periodic", "study.yaml")
    assert str(error.value).splitlines() == [
        "study.yaml: interval: missing; the variant periodic reads it",
        "study.yaml: periodic: missing; the variant periodic reads it",
    ]


@pytest.mark.parametrize("file", sorted(ROOT.glob("studies/*/params.yaml")), ids=lambda file: file.parent.name)
def test_the_studies_of_the_repository_are_valid(file):
    assert read(file).vary is not None
