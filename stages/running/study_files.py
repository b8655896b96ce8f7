"""The text of another study's files, as `python -m stages.running.wiring new` writes them."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import dedent

from ruamel.yaml import YAML

from stages.yaml_file import load

DRAWN = "faces"  # the data set that the program draws: a study draws its own
HEAD = """\
# The question?
#
# - Here: `make study NAME={name}`, an estimated ... minutes on 2 cores.
# - In full: `...`, an estimated ... on a GPU.
"""


def params_text(name: str, reads: Sequence[str], data_set: str | None, root: Path) -> str:
    """A params.yaml with what is read of the root's; its question, and what is varied, are to be written."""
    values = load(root)
    sections = [*_read_of(data_set), "train", *reads]
    if data_set:
        values["dataset"] = data_set
    chosen = {"seeds": values["seeds"], "vary": {}} | {part: values[part] for part in sections if part in values}
    text = io.StringIO()
    YAML().dump(chosen, text)  # in the form that DVC writes
    return HEAD.format(name=name) + text.getvalue()


def pipeline_text(name: str, variants: Sequence[str], data_set: str | None) -> str:
    """A dvc.yaml, but for the deps on code and the params of what trains."""
    runs = f"runs/studies/{name}"
    crops = f"{runs}/crops" if data_set else "data/crops"
    stages = [_check(name, runs), *(_data(name, runs, data_set) if data_set else [])]
    stages += [_train(name, variant, runs, crops) for variant in variants]
    stages += [_evaluate(variant, runs, crops) for variant in variants]
    return "# The question stands in params.yaml.\nstages:\n" + "\n".join([*stages, _measure(variants, runs)])


def _stage(name: str, command: Sequence[str], deps: Sequence[str], rest: str) -> str:
    """A stage; the command a word group in each line, where it is long."""
    one = " ".join(command)
    cmd = one if len(one) < 100 else ">-\n      " + "\n      ".join(command)
    return f"  {name}:\n    wdir: ../..\n    cmd: {cmd}\n    deps: [{', '.join(deps)}]\n" + _indented(rest)


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in dedent(text).strip().splitlines())


def _check(name: str, runs: str) -> str:
    file = f"studies/{name}/params.yaml"
    command = [f"python -m stages.check --params {file}", f"--out {runs}/checked"]
    return _stage("check", command, [file, "params.yaml"], f"outs: [{runs}/checked]")


def _read_of(data_set: str | None) -> list[str]:
    """What the stages read that make crops of it."""
    return ["dataset", *["faces"] * (data_set == DRAWN), "data"] if data_set else []


def _data(name: str, runs: str, data_set: str) -> Iterator[str]:
    file, source, drawn = f"studies/{name}/params.yaml", f"studies/{name}/source.json", f"{runs}/faces"
    if data_set == DRAWN:
        command = [f"python -m stages.faces --params {file}", f"--out {drawn}"]
        rest = f"params: [{file}: [dataset, faces]]\nouts: [{drawn}]"
        yield _stage("faces", command, [f"{runs}/checked"], rest)
    of_its_own = [drawn] if data_set == DRAWN else []
    yield _stage(
        "source",
        [f"python -m stages.source --params {file}", f"--out {source}"],
        [f"{runs}/checked"],
        f"""
        params: [{file}: [dataset]]
        always_changed: true
        outs:
          - {source}: {{cache: false, persist: true}}
        """,
    )
    yield _stage(
        "prepare",
        [
            f"python -m stages.prepare --params {file}",
            f"--source {source}",
            *(f"--root {folder}" for folder in of_its_own),
            f"--out {runs}/crops",
        ],
        [source, *of_its_own],
        f"""
        params: [{file}: [dataset, data]]
        outs:
          - {runs}/crops: {{push: false}}
        """,
    )


def _train(name: str, variant: str, runs: str, crops: str) -> str:
    file, out = f"studies/{name}/params.yaml", f"{runs}/{variant}"
    command = [f"python -m stages.train --variant {variant}", f"--params {file}", *_crops(crops), f"--out {out}"]
    rest = f"params: [{file}: [seeds, train]]\nouts: [{out}]"
    return _stage(f"train-{variant}", command, [f"{runs}/checked", crops], rest)


def _evaluate(variant: str, runs: str, crops: str) -> str:
    out = f"{runs}/predictions/{variant}"
    command = [f"python -m stages.evaluate --runs {runs}/{variant}", *_crops(crops), f"--out {out}"]
    return _stage(f"evaluate-{variant}", command, [f"{runs}/{variant}", crops], f"outs: [{out}]")


def _crops(crops: str) -> list[str]:
    return [] if crops == "data/crops" else [f"--crops {crops}"]


def _measure(variants: Sequence[str], runs: str) -> str:
    command = [f"python -m stages.measure {' '.join(variants)}", f"--runs {runs}", f"--predictions {runs}/predictions"]
    deps = [f"{runs}/{folder}{variant}" for folder in ("", "predictions/") for variant in variants]
    return _stage("measure", [*command, f"--out {runs}/tables"], deps, f"outs: [{runs}/tables]")
