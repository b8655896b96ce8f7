from pathlib import Path

import pytest
from ruamel.yaml import YAML

from stages.params import read

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
        ({"seeds": [3, 3]}, "seeds: [3] stand more than once; each seed is one run"),
        ({"train.learning_rate": 0.0}, "train.learning_rate: 0.0: must be greater than 0"),
        ({"train.optimiser": "adam"}, "train.optimiser: no such parameter; did you mean optimizer?"),
        ({"train.optimizer": "lion"}, "train.optimizer: 'lion': must be 'adam', 'adamw' or 'sgd'"),
        ({"data.classes": 9}, "data.classes: 9: must be 7, 8 or 'all' or 9: must be a valid list"),
        ({"dynamic.start": 1.0}, "dynamic.start: 1.0: must be less than 1"),
        ({"train.augment.flip": "yes"}, "train.augment.flip: 'yes': must be a valid boolean"),
    ],
    ids=str,
)
def test_every_mistake_is_one_line(edited, changes, line):
    assert mistakes(edited(changes)) == [line]


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
