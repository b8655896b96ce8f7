"""docs/extending.md is followed to the letter, in a copy of the repository."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from ruamel.yaml import YAML

from tests.pipeline.pipelines import ROOT
from tests.stages.conftest import write_crops

PAGE = (ROOT / "docs/extending.md").read_text(encoding="utf-8")
# A paragraph that begins with a file's name, and the block that follows it.
CHANGE = re.compile(
    r"^`(?P<file>[\w./-]+)`(?:[^\n]+\n)+\n```(?P<kind>\w+)\n(?P<block>.*?)^```$", re.DOTALL | re.MULTILINE
)
NAME = "spatial-dropout"


def changes(recipe):
    """(file, kind of block, block) of each change that a recipe asks for."""
    text = PAGE.split(f"\n## {recipe}\n")[1].split("\n## ")[0]
    return [(found["file"], found["kind"], found["block"]) for found in CHANGE.finditer(text)]


def changed(text, diff):
    """The text after a diff, whose lines without a sign, and with a minus, stand in it once."""
    before, after = (
        "".join(line[1:] for line in diff.splitlines(keepends=True) if line[0] in signs) for signs in (" -", " +")
    )
    at_a_line = f"\n{text}".split(f"\n{before}")
    assert len(at_a_line) == 2, f"to be found once, found {len(at_a_line) - 1} times:\n{before}"
    return f"\n{after}".join(at_a_line)[1:]


def follow(recipe, root):
    for file, kind, block in changes(recipe):
        path = root / file
        if kind == "diff":
            path.write_text(changed(path.read_text(encoding="utf-8"), block), encoding="utf-8")
        else:
            assert not path.exists(), f"{file} is there already"
            path.write_text(block, encoding="utf-8")


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """What decides, tests and describes the pipeline, without its results, and every recipe followed, one by one."""
    root = tmp_path_factory.mktemp("copy")
    ignore = shutil.ignore_patterns("__pycache__")
    for folder in ("noise", "stages", "studies", "tests", "data/paper", ".dvc/plots"):
        shutil.copytree(ROOT / folder, root / folder, ignore=ignore)
    for file in ("dvc.yaml", "params.yaml", "pyproject.toml", "data/source.json"):
        shutil.copy(ROOT / file, root / file)
    for recipe in ("A variant", "A data set", "A measure", "A figure"):
        follow(recipe, root)
    subprocess.run([sys.executable, "-m", "stages.running.wiring"], cwd=root, check=True, capture_output=True)
    return root


@pytest.fixture(scope="module")
def with_variant(repository):
    yaml = YAML()
    params = yaml.load(repository / "params.yaml")
    params["seeds"], params["machine"]["device"] = [0], "cpu"
    params["train"] |= {"images": None, "watched": {"train": None, "val": None}}
    params["train"] |= {"network": "shufflenet_v2_x0_5", "epochs": 1, "batch_size": 16, "precision": "float32"}
    yaml.dump(params, repository / "params.yaml")
    write_crops(repository / "data/crops", {"train": 32, "val": 12, "test": 12})
    return repository


# In one process: what takes longest is to import torch.
CHECKS_AND_A_RUN = """
import sys
from pathlib import Path
import pytest
from stages.params import read
from stages.running import one_run
from stages.running.job import jobs
from stages.variants import names
variant, *tests = sys.argv[1:]
failed = pytest.main(tests)
assert variant in names()
params = read()
(job,) = jobs(variant, params, params.machine, Path("data/crops"), Path("runs") / variant, "params.yaml")
one_run.train(job, "cpu", print, print)
sys.exit(failed)
"""


def start(root, *command):
    environment = {name: value for name, value in os.environ.items() if name != "DVC_ROOT"}
    environment |= {"OMP_NUM_THREADS": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # plugins cost more than the tests
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=root,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def test_the_recipe_for_a_variant(with_variant):
    """Its two stages stand with the deps and parameters that the tests ask for, and one tiny training of it runs."""
    template = start(with_variant, "-m", "stages.reporting.template")
    tests = ["tests/pipeline/test_variants.py", "tests/pipeline/test_grain.py"]
    tests += ["tests/stages/variants/test_variants.py", "-p", "no:cacheprovider"]
    chosen = f"{NAME} or evaluated or measure or noise/dropout or its_name"
    checks = start(with_variant, "-c", CHECKS_AND_A_RUN, NAME, *tests, "-k", chosen)
    said = "".join(process.communicate()[0] for process in (template, checks))
    assert [template.returncode, checks.returncode] == [0, 0], said
    passed = re.search(r"(\d+) passed", said)
    assert passed and int(passed[1]) >= 15, said
    assert NAME in (with_variant / ".dvc/plots/variants.json").read_text()
    assert {path.name for path in (with_variant / f"runs/{NAME}/0").iterdir()} >= {"last.pt", "record.json"}


def test_the_other_recipes(repository):
    """What they change can be imported, and the new names are known."""
    assert "stages/reporting/gap.py" in (repository / "dvc.yaml").read_text()
    lines = """
        from stages import datasets, measure, report
        from stages.reporting import gap, measures
        assert "eurosat" in datasets.SETS and "test_kappa_last" in measures.MEASURES
        assert dict(measure.agreement.measures([0, 1, 1, 0], [0, 1, 0, 1])) == {"kappa": 0.0} and report.gap is gap
    """
    done = subprocess.run([sys.executable, "-c", dedent(lines)], cwd=repository, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_recipe_names_files_that_there_are():
    recipes = re.findall(r"^## (.+)$", PAGE, re.MULTILINE)
    files = [Path(file) for recipe in recipes for file, kind, _ in changes(recipe) if kind == "diff"]
    assert len(files) > 10 and all((ROOT / file).is_file() for file in files)
