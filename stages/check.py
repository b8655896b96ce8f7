"""Stage check: everything in params.yaml can be carried out, before DVC deletes what the other stages made.

DVC deletes the outs of a stage before it runs. So every root of the pipeline depends on this stage, whose out is always
the same: a mistake stops `dvc repro` and `dvc exp run` here, and another parameter reruns nothing by it.
"""

import argparse
from pathlib import Path
from typing import Any

from stages.datasets.registry import DataSetError, find
from stages.files import write_text
from stages.params import Params, read, with_values


def main(params_file: str, out: Path) -> None:
    """Check a file of parameters. Raises SystemExit with one line per mistake, and how to undo it."""
    try:
        params, _ = read(params_file), read()  # the machine's part is always the root's
        for each in [params, *varied(params, params_file)]:
            check(each, params_file)
    except SystemExit as mistake:
        undo = f"to undo what `dvc exp run -S` has written there: git checkout {params_file}"
        raise SystemExit(f"{mistake}\nnothing was deleted and nothing was run; {undo}") from None
    write_text(out, "ok\n")


def varied(params: Params, params_file: str) -> list[Params]:
    """The parameters of a study with each of its varied values."""
    vary: dict[str, list[Any]] = getattr(params, "vary", None) or {}
    return [with_values(params, {name: value}, params_file) for name, values in vary.items() for value in values]


def check(params: Params, params_file: str) -> None:
    """Raises SystemExit where a data set, a network, or sites of it do not exist."""
    if params.dataset is not None:
        try:
            find(params.dataset)
        except DataSetError as error:
            raise SystemExit(f"{params_file}: dataset: {error}") from None
    if params.train is None:
        return
    # What the sites of a network are called, `noise.sites` alone knows: it is asked, over a network without weights.
    import torch

    from noise.sites import find_sites
    from stages.training.network import build

    with torch.device("meta"):
        network = build(params.train.network, 7, params.train.stem)
    for name in type(params).model_fields:
        sites = getattr(getattr(params, name), "sites", None)
        try:
            _ = sites and find_sites(network, sites)
        except ValueError as error:
            raise SystemExit(f"{params_file}: {name}.sites: {error}") from None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--params", default="params.yaml", help="a study's own (default: params.yaml)")
    parser.add_argument("--out", type=Path, default=Path("data/checked"))
    arguments = parser.parse_args()
    main(arguments.params, arguments.out)
