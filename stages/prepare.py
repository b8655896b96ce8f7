"""Stage `prepare`: the data set at hand as crops in data/crops (the format is in `stages.crops.store`).

    python -m stages.prepare             make the crops; interrupted, the same command continues
    python -m stages.prepare --describe  print what the crops hold and what was left out

Reads the parameters `dataset` and `data`. The previous crops stay whole until the new ones are. Under DVC, which
deletes a stage's outs before it runs, they are then in its cache: `dvc checkout data/crops`.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from stages.crops.build import build
from stages.crops.description import describe
from stages.crops.store import open_crops
from stages.datasets import DataSetError, find, root_of
from stages.datasets.division import divide
from stages.datasets.fingerprint import fingerprint
from stages.ending import this_stage
from stages.params import Params, must_have, read


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the crops, or describe them. Raises Mistake for what cannot be done, and OSError."""
    this_stage(again="continues")
    parser = argparse.ArgumentParser(description="Crops of the data set at hand, for training.")
    parser.add_argument("--describe", action="store_true", help="print a table of the crops that are there")
    parser.add_argument("--params", type=Path, default="params.yaml", metavar="FILE", help="default: %(default)s")
    parser.add_argument("--source", type=Path, default="data/source.json", metavar="FILE", help="default: %(default)s")
    parser.add_argument("--root", type=Path, metavar="FOLDER", help="of the pictures (default: the data set's own)")
    parser.add_argument("--out", type=Path, default="data/crops", metavar="FOLDER", help="default: %(default)s")
    chosen = parser.parse_args(arguments)
    if chosen.describe:
        crops = open_crops(chosen.out)
        summary = crops.summary
        for split in crops.splits:
            crops[split]  # raises where it is not as the summary says
    else:
        params = read(chosen.params)
        must_have(params, ["dataset", "data"], "the stage prepare", str(chosen.params))
        summary = prepare(params, chosen.source, chosen.out, chosen.root)
    print(describe(summary))


def prepare(params: Params, source: Path, out: Path, own_root: Path | None = None) -> dict:
    """Make the crops of the data set in the folder `out` and return their summary.

    `source` is the fingerprint that they are recorded under; `own_root` holds the pictures in place of the folder where
    the data set lies for all (a study draws faces of its own). Raises DataSetError, also where the files are no longer
    those of the fingerprint, and CropsError.
    """
    name, data = params.dataset, params.data
    dataset, root = find(name), own_root or root_of(name)
    if root is None:
        raise DataSetError(dataset.unset)
    seen = fingerprint(root)
    if dataset.external and source.exists() and _recorded(source) != {"dataset": name, **seen}:
        raise DataSetError(f"{source} is not of the files in {root} as they are now: run `dvc repro source` first")
    print(f"reading the lists of {dataset.title}", file=sys.stderr)
    division = divide(
        dataset,
        dataset.samples(root),
        root,
        classes=data.classes,
        limit=None if data.drop_duplicates else data.limit,
        outside=data.outside,
        test_share=data.test_share,
        test_of_val=data.test_of_val,
        soft_labels=data.soft_labels,
    )
    about = {
        "dataset": name,
        "title": dataset.title,
        "size": data.side or dataset.size,
        "channels": dataset.channels,
        "flip": dataset.flip,
        "mean_std": dataset.mean_std,
    }
    return build(
        division,
        root,
        out,
        about=about,
        fingerprint=seen,
        max_failures=data.max_failures,
        drop_duplicates=data.drop_duplicates,
        limit=data.limit if data.drop_duplicates else None,  # of the pictures that are left
        workers=read().machine.workers,  # how this machine works is no part of a study's file
    )


def _recorded(source: Path) -> object:
    """What a fingerprint's file holds, None where it is damaged."""
    try:
        return json.loads(source.read_text(encoding="utf-8"))
    except ValueError:
        return None


if __name__ == "__main__":
    main()
