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
