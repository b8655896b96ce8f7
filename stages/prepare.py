"""Stage `prepare`: the data set at hand as crops in data/crops (the format is in `stages.crops.store`).

    python -m stages.prepare             make the crops; interrupted, the same command continues
    python -m stages.prepare --describe  print what the crops hold and what was left out

The previous crops stay whole until the new ones are. Under DVC, which deletes a stage's outs before it runs, they are
then in its cache: `dvc checkout data/crops`.
"""

import argparse
import json
import sys
from pathlib import Path

from stages.crops.build import CropsError, build
from stages.crops.store import open_crops
from stages.crops.summary import describe
from stages.datasets import DataSetError, find, root_of
from stages.datasets.division import divide
from stages.datasets.fingerprint import fingerprint
from stages.params import read

CROPS = Path("data/crops")
SOURCE = Path("data/source.json")


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Crops of the data set at hand, for training.")
    parser.add_argument("--describe", action="store_true", help="print a table of the crops that are there")
    if parser.parse_args(arguments).describe:
        return show()
    params = read()
    try:
        summary = prepare(params.dataset, params.data)
    except (DataSetError, CropsError) as error:
        raise SystemExit(f"prepare: {error}") from None
    except KeyboardInterrupt:
        raise SystemExit("prepare: interrupted; the same command continues") from None
    print(describe(summary))


def prepare(name, data):
    """Makes the crops of the data set and returns their summary; data is the section `data` of the parameters."""
    dataset, root = find(name), root_of(name)
    if root is None:
        raise DataSetError(f"{dataset.root} is not set; it must name the folder of {dataset.title}: {dataset.layout}")
    seen = fingerprint(root)
    if dataset.external and SOURCE.exists() and json.loads(SOURCE.read_text()) != {"dataset": name, **seen}:
        raise DataSetError(
            f"{SOURCE} is not of the files in {root} as they are now: run `dvc repro -s -f source` first"
        )
    print(f"reading the lists of {dataset.title}", file=sys.stderr)
    division = divide(
        dataset,
        dataset.samples(root),
        root,
        classes=data.classes,
        limit=data.limit,
        test_share=data.test_share,
        soft_labels=data.soft_labels,
    )
    about = {
        "dataset": name,
        "title": dataset.title,
        "size": data.size or dataset.size,
        "channels": dataset.channels,
        "flip": dataset.flip,
        "mean_std": dataset.mean_std,
    }
    return build(
        division,
        root,
        CROPS,
        about=about,
        fingerprint=seen,
        max_failures=data.max_failures,
        drop_duplicates=data.drop_duplicates,
        workers=data.workers,
    )


def show():
    try:
        print(describe(open_crops(CROPS).summary))
    except FileNotFoundError:
        raise SystemExit(f"prepare: no crops in {CROPS}; make them with `dvc repro prepare`") from None


if __name__ == "__main__":
    main()
