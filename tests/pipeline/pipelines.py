"""The pipelines as DVC reads them: the root's and every study's, with paths from the root of the repository."""

from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
FILES = [ROOT / "dvc.yaml", *sorted(ROOT.glob("studies/*/dvc.yaml"))]


def stages(file):
    return YAML(typ="safe").load(file)["stages"]


PLOTS = YAML(typ="safe").load(ROOT / "dvc.yaml")["plots"]
STAGES = {f"{file.relative_to(ROOT)}:{name}": stage for file in FILES for name, stage in stages(file).items()}


def outs(stage):
    return [next(iter(out)) if isinstance(out, dict) else out for out in stage["outs"]]


def argument(stage, name):
    """What the stage's command says after --name."""
    words = stage["cmd"].split()
    return words[words.index(f"--{name}") + 1] if f"--{name}" in words else None


def module(stage):
    """The file of the stage's command."""
    return stage["cmd"].split()[2].replace(".", "/") + ".py"


def files_of(dependency):
    """The Python files that a dependency on code covers."""
    path = ROOT / dependency
    return sorted(path.rglob("*.py")) if path.is_dir() else [path]
