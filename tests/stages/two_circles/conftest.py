from pathlib import Path

import pytest
import torch

from stages import circles
from stages.params import read
from stages.two_circles.points import draw_circles, split
from stages.two_circles.training import Noise, Repetition

ROOT = Path(__file__).parents[3]
VARIANTS = [Noise(), Noise("input", 0.05), Noise("before", 0.1), Noise("after", 0.1)]
SMALL = {"epochs": 810, "seeds": 3, "draws": 2, "hidden": 8, "test_points": 400}


def parameters(**changed):
    """The text of params.yaml with these values under `circles`."""
    head, section = (ROOT / "params.yaml").read_text().split("\ncircles:")
    kept = [line for line in section.splitlines() if line.split(":")[0].strip() not in changed]
    lines = [f"  {name}: {value}" for name, value in changed.items()]
    return "\n".join([head, "circles:" + kept[0], *lines, *kept[1:]])


@pytest.fixture(scope="session")
def repetitions():
    """Five: two groups and one more, on three draws of the points."""
    return [
        Repetition(seed, state, *split(draw_circles(100, 0.1, state), 30)) for seed, state in enumerate((1, 1, 2, 3, 3))
    ]


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """A root where the stage ran a small study. Shared by the tests: read it, never write to it."""
    root = tmp_path_factory.mktemp("study")
    (root / "params.yaml").write_text(parameters(**SMALL))
    (root / "reports/circles").mkdir(parents=True)
    (root / "reports/circles/stale.csv").write_text("of an earlier run")
    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        circles.main()
    torch.set_num_threads(threads)  # the stage keeps to one for each of its workers
    return root


@pytest.fixture(scope="session")
def settings(project):
    return read(project / "params.yaml").circles


@pytest.fixture(scope="session")
def written(project):
    return project / "reports/circles"
