import shutil
from contextlib import chdir
from pathlib import Path

import pytest
import torch
from ruamel.yaml import YAML

from stages import circles, plot
from tests.stages.reporting.simulated import write_project

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """Two seeds of 12 epochs, evaluated, their crops, and a small circles study. Shared by the tests: read it, never write to it."""
    root = tmp_path_factory.mktemp("project")
    write_project(root)
    shutil.copytree(ROOT / "data/paper", root / "data/paper")
    yaml = YAML()
    params = yaml.load(ROOT / "params.yaml")
    params["seeds"] = [0, 1]
    params["circles"] |= {"epochs": 3, "seeds": 2, "draws": 2, "hidden": 8, "test_points": 100}
    yaml.dump(params, root / "params.yaml")
    threads = torch.get_num_threads()
    with chdir(root):
        circles.main()
    torch.set_num_threads(threads)  # the stage takes one for itself
    return root


@pytest.fixture(scope="session")
def reports(project):
    """What the stage made of it, drawn once."""
    with chdir(project):
        plot.main()
    return project / "reports"
