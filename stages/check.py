"""Stage check: everything in params.yaml can be carried out, before DVC deletes what the other stages made.

DVC deletes the outs of a stage before it runs. So every root of the pipeline depends on this stage, whose out is always
the same: a mistake stops `dvc repro` and `dvc exp run` here, and another parameter reruns nothing by it.
"""

import argparse
import contextlib
import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stages.datasets.registry import DataSetError, find
from stages.files import write_text
from stages.params import Machine, Params, must_have, read, with_values
from stages.yaml_file import load

# What a stage reads of a study's file, beside what its variant does.
READS = {"faces": ["faces"], "source": ["dataset"], "prepare": ["dataset", "data"], "circles": ["circles"]}


def main(params_file: str, out: Path) -> None:
    """Check a file of parameters. Raises SystemExit with one line per mistake, and how to undo it."""
    try:
        params, machine = read(params_file), read().machine  # always the root's
        for each in [params, *varied(params, params_file)]:
            check(each, machine, params_file)
        check_pipeline(params, machine, params_file)
    except SystemExit as mistake:
        undo = f"to undo what `dvc exp run -S` has written there: git checkout {params_file}"
        # DVC may leave its change in Git's index as if it were none: without this, Git shows and undoes nothing.
        with contextlib.suppress(OSError):
            os.utime(params_file)
        # What computes knows of one file of parameters; only `machine` is always of that one.
        said = str(mistake).replace("params.yaml: train.", f"{params_file}: train.")
        raise SystemExit(f"{said}\nnothing was deleted and nothing was run; {undo}") from None
    write_text(out, "ok\n")
    print(f"{params_file}: all of it can be carried out")


def varied(params: Params, params_file: str) -> list[Params]:
    """The parameters of a study with each of its varied values."""
    vary: dict[str, list[Any]] = getattr(params, "vary", None) or {}
    return [with_values(params, {name: value}, params_file) for name, values in vary.items() for value in values]


def check(params: Params, machine: Machine, params_file: str) -> None:
    """Raises SystemExit where a data set or a class of it, a device, a network, or sites of it do not exist."""
    if params.dataset is not None:
        _check_data(params, params_file)
    if params.train is None:
        return
    _check_batches(params, params_file)
    # What the sites of a network are called, `noise.sites` alone knows: it is asked, over a network without weights.
    import torch

    from noise.sites import find_sites
    from stages.running.job import must_be_read
    from stages.training.device import choose
    from stages.training.network import build, must_take

    must_be_read(params, params_file)
    choose(machine.device, params.train.precision, params.train.deterministic)
    with torch.device("meta"):
        network = build(params.train.network, 7, params.train.stem)
        if size := _size(params):
            must_take(network, params.train.network, size, 7)
    for name in type(params).model_fields:
        sites = getattr(getattr(params, name), "sites", None)
        try:
            _ = sites and find_sites(network, sites)
        except ValueError as error:
            raise SystemExit(f"{params_file}: {name}.sites: {error}") from None


def check_pipeline(params: Params, machine: Machine, params_file: str) -> None:
    """Raises SystemExit where the file leaves out what a stage of the dvc.yaml beside it reads."""
    from stages.running.job import jobs

    for stage, variant in _stages(Path(params_file)):
        if variant:
            jobs(variant, params, machine, Path(), Path(), params_file)
        must_have(params, READS.get(stage, []), f"the stage {stage}", params_file)


def _stages(params_file: Path) -> Iterator[tuple[str, str | None]]:
    """(module below `stages`, variant or None) of every command that reads this file of parameters."""
    pipeline = params_file.with_name("dvc.yaml")
    stages = load(pipeline).get("stages") if pipeline.exists() else None
    for stage in (stages or {}).values():
        words = shlex.split(stage["cmd"]) if isinstance(stage, dict) and isinstance(stage.get("cmd"), str) else []
        if words[1:2] != ["-m"] or _argument(words, "--params", "params.yaml") != str(params_file):
            continue
        yield words[2].removeprefix("stages."), _argument(words, "--variant", None)


def _argument(words: list[str], name: str, default: Any) -> Any:
    return words[words.index(name) + 1] if name in words[:-1] else default


def _check_batches(params: Params, params_file: str) -> None:
    options = params.train
    if options.batch_size % options.processes:
        shared = f"train.processes: {options.processes} cannot share a batch of {options.batch_size} evenly"
        raise SystemExit(f"{params_file}: {shared}")
    limits = {"data.limit": params.data and params.data.limit, "train.images": options.images}
    if params.dataset == "faces" and params.faces:
        limits["faces.train"] = params.faces.train
    for name, images in limits.items():
        if images and options.batch_size > images:
            raise SystemExit(f"{params_file}: train.batch_size: {options.batch_size} is more than {name}, {images}")


def _size(params: Params) -> int | None:
    """The side of the crops, where the file tells."""
    if params.data and params.data.side:
        return params.data.side
    return find(params.dataset).size if params.dataset else None


def _check_data(params: Params, params_file: str) -> None:
    try:
        known = find(params.dataset).classes
    except DataSetError as error:
        raise SystemExit(f"{params_file}: dataset: {error}") from None
    wanted = params.data.classes if params.data else None
    # A set without classes of its own (folders) has those that its reader finds.
    if known and isinstance(wanted, list) and (unknown := sorted(set(wanted) - set(known))):
        raise SystemExit(f"{params_file}: data.classes: no class {', '.join(unknown)}; there are {', '.join(known)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--params", default="params.yaml", help="a study's own (default: params.yaml)")
    parser.add_argument("--out", type=Path, default=Path("data/checked"))
    arguments = parser.parse_args()
    main(arguments.params, arguments.out)
