"""Files of parameters stand in the form in which DVC writes them, so that a change is one line of `git diff`."""

import shutil

import pytest
from dvc.utils.hydra import apply_overrides  # what `dvc exp run -S` changes a file with

from tests.pipeline.pipelines import ROOT

FILES = [ROOT / "params.yaml", *sorted(ROOT.glob("studies/*/params.yaml"))]


@pytest.fixture
def written(tmp_path):
    """The lines of a file before and after DVC has written it."""

    def write(file, *overrides):
        copy = shutil.copy(file, tmp_path / "params.yaml")
        apply_overrides(str(copy), list(overrides))
        return file.read_text(encoding="utf-8").splitlines(), copy.read_text(encoding="utf-8").splitlines()

    return write


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_what_dvc_writes_is_what_stands_there(file, written):
    before, after = written(file)
    assert after == before, "comments behind a list, lists in brackets and null do not survive"
    assert file.read_text(encoding="utf-8").endswith("\n")


@pytest.mark.parametrize("override", ["interval=7", "train.learning_rate=0.00001", "train.images=null", "train.ema=.9"])
def test_one_change_is_one_line_with_its_comment(override, written):
    before, after = written(ROOT / "params.yaml", override)
    ((old, new),) = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert old.split("#")[1:] == new.split("#")[1:] != [] and old.split(":")[0] == new.split(":")[0]


def test_another_list_keeps_its_comment(written):
    before, after = written(ROOT / "params.yaml", "seeds=[0,1]")
    assert set(after) <= set(before) and len(before) - len(after) == 4
