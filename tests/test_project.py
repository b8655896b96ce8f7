"""What says what the project is, in several files: they agree."""

import configparser
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib

import pytest
from ruamel.yaml import YAML

from tests.pipeline.pipelines import ROOT

WHOLE = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT, SETUPTOOLS = WHOLE["project"], WHOLE["tool"]["setuptools"]
CITATION = YAML(typ="safe").load(ROOT / "CITATION.cff")
WORKFLOW = YAML(typ="safe").load(ROOT / ".github/workflows/test.yml")
ON_PULL_REQUEST = YAML(typ="safe").load(ROOT / ".github/workflows/pull-request.yml")
CONTAINER = json.loads((ROOT / ".devcontainer.json").read_text(encoding="utf-8"))
STORAGE = "scheduled-noise-storage"


ROOMS = ["noise.attaching", "noise.sites"]


def pinned():
    """{package: version} of requirements.txt."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return dict(re.findall(r"^([\w.-]+)==([\w.]+)", "\n".join(lines), re.MULTILINE))


def test_the_package_is_noise_alone_with_its_types_and_needs_torch_alone():
    assert {"packages": ["noise", *ROOMS], "package-data": {"noise": ["py.typed"]}} == SETUPTOOLS
    assert (ROOT / "noise/py.typed").is_file()
    assert {f"noise.{path.parent.name}" for path in (ROOT / "noise").glob("*/__init__.py")} == set(ROOMS)
    assert not list((ROOT / "noise").glob("*/*/*.py"))
    (torch,) = PROJECT["dependencies"]
    name, least = torch.split(">=")
    assert name == "torch"
    assert [int(part) for part in least.split(".")] <= [int(part) for part in pinned()["torch"].split(".")]
    imported = {
        line.split()[1].split(".")[0]
        for path in (ROOT / "noise").rglob("*.py")
        for line in re.findall(r"^(?:from|import) \S+", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert imported - sys.stdlib_module_names == {"noise", "torch"}


def test_no_licence_is_claimed_and_the_readme_is_there():
    assert PROJECT["name"] == "scheduled-noise"
    assert (ROOT / PROJECT["readme"]).is_file()
    assert "license" not in PROJECT and not [line for line in PROJECT["classifiers"] if line.startswith("License")]
    assert "license" not in CITATION
    assert "`scheduled-noise`" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_same_versions_of_python_everywhere():
    versions = [line.split()[-1] for line in PROJECT["classifiers"] if "Python :: 3." in line]
    assert WORKFLOW["jobs"]["test"]["strategy"]["matrix"]["python"] == versions
    first, last = versions[0], versions[-1]
    assert f"Python {first} or {last}" in (ROOT / "README.md").read_text(encoding="utf-8")
    bounds = ", ".join(first.split(".")), ", ".join(last.split("."))
    assert f"({bounds[0]}) <= v <= ({bounds[1]})" in (ROOT / "Makefile").read_text(encoding="utf-8")
    assert PROJECT["requires-python"] == f">={first}" and WHOLE["tool"]["mypy"]["python_version"] == first
    assert WHOLE["tool"]["ruff"]["target-version"] == f"py{first.replace('.', '')}"


def test_the_citation_is_of_this_version_and_of_the_paper():
    assert CITATION["cff-version"] == "1.2.0"
    assert CITATION["version"] == PROJECT["version"]
    assert {"message", "title", "authors"} <= set(CITATION)
    paper = CITATION["preferred-citation"]
    assert paper["year"] == 2023 and [author["family-names"] for author in paper["authors"]] == ["Hong", "Jeong"]
    assert f"[paper]: {paper['url']}" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_workflow_runs_what_the_makefile_has():
    commands = [step.get("run", "") for job in WORKFLOW["jobs"].values() for step in job["steps"]]
    targets = {target for command in commands for target in re.findall(r"make (\w+)", command)}
    assert targets == {"lint", "test", "setup"}
    assert targets <= set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert re.findall(r"make \w+", (ROOT / ".ci/run").read_text()) == ["make test", "make lint"]


def test_no_code_of_a_pull_request_runs_where_its_comments_can_be_written():
    """What compares runs it, and may read alone; what comments has nothing of it but the text, and no other right."""
    compare, comment = (ON_PULL_REQUEST["jobs"][name] for name in ("compare", "comment"))
    assert ON_PULL_REQUEST["permissions"] == {} and compare["permissions"] == {"contents": "read"}
    assert comment["permissions"] == {"pull-requests": "write"} and comment["needs"] == "compare"
    assert not [
        step for step in comment["steps"] if "checkout" in step.get("uses", "") or "make" in step.get("run", "")
    ]
    texts = [step["run"] for job in (compare, comment) for step in job["steps"] if "run" in step]
    assert not [text for text in texts if "${{" in text], "what others write is handed over in the environment"
    assert comment["if"] == "github.event.pull_request.head.repo.full_name == github.repository"


def test_a_pull_request_is_told_what_dvc_says_between_what_it_goes_into_and_itself():
    steps = ON_PULL_REQUEST["jobs"]["compare"]["steps"]
    (checkout,) = [step["with"] for step in steps if "checkout" in step.get("uses", "")]
    assert checkout["fetch-depth"] == 2, "the merge and its parents"
    (script,) = [step["run"] for step in steps if "dvc" in step.get("run", "")]
    assert "HEAD^1" in script and re.findall(r"dvc (\w+) diff --md", script) == ["metrics", "params"]
    (uploaded,) = [step["with"]["path"].split() for step in steps if "upload" in step.get("uses", "")]
    assert uploaded == ["comment.md", "reports/index.html"]


def test_the_default_remote_is_a_folder_beside_the_clone_that_the_container_keeps():
    config = configparser.ConfigParser()
    config.read(ROOT / ".dvc/config")
    url = config[f"'remote \"{config['core']['remote']}\"'"]["url"]
    assert os.path.normpath(ROOT / ".dvc" / url) == os.path.normpath(ROOT.parent / STORAGE)  # relative to the file
    assert f"`../{STORAGE}`" in (ROOT / "docs/long-runs.md").read_text(encoding="utf-8")
    (volume,) = CONTAINER["mounts"]
    assert f"target=/workspaces/{STORAGE}," in volume and f"/workspaces/{STORAGE}" in CONTAINER["postCreateCommand"]


def test_the_container_has_a_python_that_is_supported_and_dvcs_extension():
    versions = [line.split()[-1] for line in PROJECT["classifiers"] if "Python :: 3." in line]
    assert CONTAINER["image"].rpartition(":")[2] in versions and CONTAINER["postCreateCommand"].endswith("make setup")
    assert "Iterative.dvc" in CONTAINER["customizations"]["vscode"]["extensions"]


def test_the_artifact_is_what_a_stage_makes():
    pipeline = YAML(typ="safe").load(ROOT / "dvc.yaml")
    (artifact,) = pipeline["artifacts"].values()
    assert artifact["path"] in pipeline["stages"]["model"]["outs"] and artifact["type"] == "model"
    assert artifact["desc"] and artifact["labels"]
    page = (ROOT / "docs/long-runs.md").read_text(encoding="utf-8")
    assert all(f"dvc artifacts get . {name} " in page for name in pipeline["artifacts"])


@pytest.mark.parametrize("goal", ["repro", "study"])
def test_a_download_without_git_is_told_what_to_do(tmp_path, goal):
    """Before anything is installed, and before DVC says it less clearly."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    inherited = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MAKELEVEL")}
    environment = inherited | {"GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}
    done = subprocess.run(["make", goal], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout.count("\n") == 1 and "'git init'" in done.stdout, done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["Makefile"]
