import os
import shutil
from pathlib import Path

import pytest

from stages import plot
from tests.stages.figures.simulated import write_project

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """Two seeds of 12 epochs, evaluated, and their crops. Shared by the tests: read it, never write to it."""
    root = tmp_path_factory.mktemp("project")
    write_project(root)
    shutil.copytree(ROOT / "data/paper", root / "data/paper")
    parameters = (ROOT / "params.yaml").read_text().splitlines()
    (root / "params.yaml").write_text("\n".join("seeds: [0, 1]" if line.startswith("seeds:") else line for line in parameters))
    return root


@pytest.fixture(scope="session")
def reports(project):
    """What the stage made of it, drawn once."""
    before = os.getcwd()
    os.chdir(project)
    try:
        plot.main()
    finally:
        os.chdir(before)
    return project / "reports"
