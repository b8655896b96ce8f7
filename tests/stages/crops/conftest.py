"""Class folders and lists of pictures to build stores from."""

import shutil

import numpy as np
import pytest
from PIL import Image

from stages.crops.build import build
from stages.datasets import SETS
from stages.datasets.division import divide
from tests.stages.crops.stores import write

ABOUT = {"title": "Pictures", "channels": 3, "flip": True, "mean_std": None}


def write_tree(root, per_class=4, classes=("cat", "dog")):
    """Class folders with splits; every picture is different."""
    generator = np.random.default_rng(0)
    for split in ("train", "val", "test"):
        for name in classes:
            folder = root / split / name
            folder.mkdir(parents=True)
            for i in range(per_class):
                Image.fromarray(generator.integers(0, 256, (10, 12, 3), dtype=np.uint8)).save(folder / f"{i:03}.png")
    return root


def make(root, target, size=8, dataset="folders", **options):
    """Builds a store of crops of this size in target, from class folders or from a list (csv)."""
    row = SETS[dataset]
    division = divide(row, row.samples(root), root, classes="all")
    options = {"workers": 1, "scratch": target.parent / ".scratch", "fingerprint": {}} | options
    return build(division, root, target, about=ABOUT | {"dataset": dataset, "size": size}, **options)


@pytest.fixture(scope="session", autouse=True)
def _server(server):
    """Many tests here fork."""


@pytest.fixture
def tree(tmp_path):
    """A function that writes the class folders and returns their root."""
    return lambda **options: write_tree(tmp_path / "set", **options)


@pytest.fixture(name="make", scope="session")
def make_fixture():
    """`make`, which builds a store."""
    return make


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """(a store, another one of grey pictures), not to be changed."""
    folder = tmp_path_factory.mktemp("stores")
    return write(folder / "colour"), write(folder / "grey", channels=1, seed=1)


@pytest.fixture
def store(stores, tmp_path):
    return shutil.copytree(stores[0], tmp_path / "crops")
