"""The table of data sets, collected from the modules that declare them."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from stages.datasets import SETS
from stages.datasets.registry import collect

ROW = 'DataSet("Title", lambda root: iter(()), "ROOT", "layout", size=8, channels=3, flip=True, place={})'
MODULE = "from stages.datasets.sample import DataSet\nDATA_SETS = {{{}}}\n"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A function that writes a package of modules, {name: {data set: place}}, and returns it."""

    def write(modules):
        folder = tmp_path / "shelf_of_sets"
        folder.mkdir()
        (folder / "__init__.py").write_text("")
        (folder / "sample.py").write_text("HELPS = 'the others, and declares nothing'\n")
        for name, sets in modules.items():
            rows = ", ".join(f'"{key}": {ROW.format(place)}' for key, place in sets.items())
            (folder / f"{name}.py").write_text(MODULE.format(rows))
        monkeypatch.syspath_prepend(tmp_path)
        return importlib.import_module(folder.name)

    yield write
    for name in [name for name in sys.modules if name.startswith("shelf_of_sets")]:
        del sys.modules[name]


def test_a_set_is_one_file(package):
    sets = collect(package({"b": {"z": 10, "a": 10}, "a": {"late": 90, "early": 1}, "c": {"also": 10}}))
    assert list(sets) == ["early", "z", "a", "also", "late"]
    assert sets["early"].title == "Title"


def test_a_name_is_declared_once(package):
    with pytest.raises(ValueError, match=r"data set 'x' is declared by shelf_of_sets.a and by shelf_of_sets.b"):
        collect(package({"b": {"x": 1}, "a": {"x": 1}}))


def test_the_sets_at_hand():
    faces = "faces affectnet2017 affectnet2017-automatic affectnet2021 fer2013 ferplus rafdb ckplus"
    assert list(SETS) == [*faces.split(), "cifar10", "cars", "folders", "csv"]


@pytest.mark.parametrize("module", ["stages.datasets", "stages.source", "stages.prepare"])
def test_importing_stays_cheap(module):
    """torch, and torchvision with it, cost seconds that only a set which torchvision reads has to pay."""
    heavy = "{'torch', 'torchvision', 'pandas', 'scipy', 'sklearn', 'matplotlib'}"
    script = f"import sys, {module}; print(*{heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], cwd=Path.cwd(), capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
