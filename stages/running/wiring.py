"""The pipelines' files as the code has it: dvc.yaml of the root and of every study.

    python -m stages.running.wiring      deps on code, and params of what trains, anew in every file: what stands there
                                         already is left as it is, character for character
    python -m stages.running.wiring new NAME --variants baseline,periodic [--data fer2013]
                                         the files of another study; --data: of crops of its own, of that data set

A stage depends on what decides its result, no more and no less: on the files of the import closure of its command
(`stages.running.closure`), a folder where all of it is among them. What else stands in deps is left alone.
"""

import argparse
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from stages import variants
from stages.ending import Mistake, this_stage
from stages.files import write_text
from stages.params import Params, read
from stages.running.closure import ROOT, closure
from stages.running.study_files import params_text, pipeline_text
from stages.yaml_file import load

ROOT_FILE = "dvc.yaml"
CODE = ("stages/", "noise/")
# What looks at a variant's network: at the one of --variant, or whose runs --runs are, or at all that are named.
OF_ONE_VARIANT = ("stages/train.py", "stages/evaluate.py", "stages/corrupt.py")
OF_SEVERAL = ("stages/model.py",)
WIDTH = 120  # characters of a line


class NoPipeline(Mistake):
    """One line: which file, or stage of it, cannot be wired, and why."""


def main() -> None:
    """Rewrite every file that is not as it should be, and say which. Raises NoPipeline and SystemExit."""
    for path in [Path(ROOT_FILE), *sorted(Path("studies").glob(f"*/{ROOT_FILE}"))]:
        load(path)  # what is no YAML is a line
        text = path.read_text(encoding="utf-8")
        if (right := rewired(text, path)) != text:
            write_text(path, right)
            print(f"{path}: rewritten")


def new(name: str, chosen: list[str], data_set: str | None) -> None:
    """Write the files of a study; params.yaml stays where it stands. Raises NoPipeline and SystemExit."""
    folder = Path("studies") / name
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
        raise NoPipeline(f"{name}: the name of a study is of small letters, digits and hyphens")
    if (folder / ROOT_FILE).exists():
        raise NoPipeline(f"{folder / ROOT_FILE} is there already; `python -m stages.running.wiring` keeps it right")
    reads = dict.fromkeys(part for variant in chosen for part in variants.load(variant).reads)
    params = folder / "params.yaml"
    if not params.exists():
        write_text(params, params_text(name, list(reads), data_set, Path("params.yaml")))
    text = pipeline_text(name, chosen, data_set)
    write_text(folder / ROOT_FILE, rewired(text, folder / ROOT_FILE))
    print(
        f"{folder}/: {ROOT_FILE} and params.yaml; the question, and what is varied, are yours to write in params.yaml"
    )


def rewired(text: str, path: Path) -> str:
    """The text of a dvc.yaml with the deps and params that its stages must have. Raises NoPipeline and SystemExit."""
    for name, stage in YAML(typ="safe", pure=True).load(text)["stages"].items():
        if not str(stage.get("cmd")).startswith("python -m stages."):
            continue  # of the user's own program, the imports are not ours
        deps = [dep for dep in stage.get("deps", []) if not str(dep).startswith(CODE)] + code(stage)
        text = _replaced(text, path, name, "deps", deps)
        if module(stage) == "stages/train.py":
            file = argument(stage, "params")
            parts = parameters(argument(stage, "variant") or "", read(file or path.with_name("params.yaml")))
            text = _replaced(text, path, name, "params", parts if file is None else [f"{file}: [{', '.join(parts)}]"])
        if module(stage) == "stages/report.py":  # it tells them all, but those that decide nothing
            text = _replaced(text, path, name, "params", [part for part in Params.model_fields if part != "machine"])
    return text


def code(stage: dict[str, Any]) -> list[str]:
    """The files and folders that decide a stage's result, sorted."""
    entries = [module(stage)]
    if names := _variants(stage):
        # What trains a variant decides what evaluates it anyway: one folder, and not some files of it.
        entries = ["stages/training", *(f"stages/variants/{name.replace('-', '_')}.py" for name in names)]
        entries += [module(stage)] * (module(stage) != "stages/train.py")
    files = set(closure(entries))
    if module(stage) == "stages/check.py":
        files.add("stages/params.py")  # what is right is what this stage is about
    whole = sorted({folder for file in files for folder in _folders(file) if set(_python(folder)) <= files})
    whole = [folder for folder in whole if not any(folder.startswith(f"{other}/") for other in whole)]
    return sorted([*whole, *(file for file in files if not any(file.startswith(f"{folder}/") for folder in whole))])


def parameters(variant: str, params: Params) -> list[str]:
    """The parts of a file of parameters that the training of a variant depends on."""
    reads = ["train", *variants.load(variant).reads]
    vary = getattr(params, "vary", None) or {}
    varies = ["vary"] if any(name.split(".")[0] in reads for name in vary) else []
    # What a study varies need not stand there as well.
    return ["seeds", *varies, *(part for part in reads if getattr(params, part) is not None)]


def module(stage: dict[str, Any]) -> str:
    """The file of the stage's command."""
    return stage["cmd"].split()[2].replace(".", "/") + ".py"


def argument(stage: dict[str, Any], name: str) -> str | None:
    """What the stage's command says after --name."""
    words = stage["cmd"].split()
    return words[words.index(f"--{name}") + 1] if f"--{name}" in words else None


def _variants(stage: dict[str, Any]) -> list[str]:
    """The variants that a stage trains, or whose networks it looks at; none of a stage that looks at their results."""
    if module(stage) in OF_SEVERAL:
        words = itertools.takewhile(lambda word: not word.startswith("--"), stage["cmd"].split()[3:])
        return list(words)
    name = argument(stage, "variant") or (argument(stage, "runs") or "").rpartition("/")[2]
    return [name] if module(stage) in OF_ONE_VARIANT else []


def _folders(file: str) -> Iterator[str]:
    return (folder.as_posix() for folder in Path(file).parents[:-2])


def _python(folder: str) -> Iterator[str]:
    return (file.relative_to(ROOT).as_posix() for file in (ROOT / folder).rglob("*.py") if file.name != "__init__.py")


def _replaced(text: str, path: Path, stage: str, key: str, items: list[str]) -> str:
    """The text with another flow list under a key of a stage."""
    place = re.compile(
        rf"(^  {re.escape(stage)}:.*\n(?:(?:    .*)?\n)*?    {key}: )\[[^\n]*(?:\n {{6,}}[^\n]*)*\n", re.MULTILINE
    )
    found = place.search(text)
    if found is None:
        raise NoPipeline(f"{path}: stage {stage}: expected `{key}: [...]`, a list in brackets, to be written anew")
    start = f"    {key}: "
    return text[: found.end(1)] + wrapped(items, len(start))[len(start) :] + text[found.end() :]


def wrapped(items: list[str], indent: int) -> str:
    """A flow list behind `indent` characters, in lines of at most `WIDTH`, with its line end."""
    lines, line = [], " " * indent + "["
    for place, item in enumerate(items):
        piece = item + (", " if place < len(items) - 1 else "]")
        if len(line + piece.rstrip()) > WIDTH and line.strip() != "[":
            lines.append(line.rstrip())
            line = " " * (indent + 1)
        line += piece
    return "\n".join([*lines, line]) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command")
    another = commands.add_parser("new", help="the files of another study")
    another.add_argument("name")
    another.add_argument("--variants", required=True, help="their names with commas between, the baseline first")
    another.add_argument("--data", metavar="SET", help="with crops of its own, of this data set (docs/data.md)")
    arguments = parser.parse_args()
    this_stage("wiring")
    if arguments.command == "new":
        new(arguments.name, arguments.variants.split(","), arguments.data)
    else:
        main()
