import json
import shutil
from contextlib import chdir
from pathlib import Path

import pytest

from stages import report
from stages.reporting import style
from stages.results import tables
from tests.stages.reporting import pixels
from tests.stages.reporting.simulated_circles import write_study
from tests.stages.results.simulated import simulate

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def style_applied():
    with style.applied():
        yield


@pytest.fixture(scope="session")
def results():
    """Two seeds of 12 epochs of the paper's variants."""
    return simulate()


@pytest.fixture(scope="session")
def project(results, tmp_path_factory):
    """A folder that holds what a clone without cache does, and no report. Shared by the tests: never write to it."""
    root = tmp_path_factory.mktemp("project")
    tables.write(root / "reports", results)
    write_study(root / "reports/circles")
    (root / "reports/pictures").mkdir()
    (root / "reports/pictures/data.json").write_text(json.dumps(pixels.summary()))
    shutil.copytree(ROOT / "data/paper", root / "data/paper")
    shutil.copy(ROOT / "params.yaml", root / "params.yaml")
    return root


@pytest.fixture(scope="session")
def reported(project, tmp_path_factory):
    """The same with the report, made once."""
    root = tmp_path_factory.mktemp("reported") / "project"
    shutil.copytree(project, root)
    with chdir(root):
        report.main()
    return root
