"""Stage `source`: the fingerprint of the data set at hand, so that DVC notices when an external set changes.

Writes data/source.json: dataset; files, bytes and digest of an external set (see `stages.datasets.fingerprint`). Its
path is not in it: machines keep their copies in different places. Where the set's environment variable is unset, the
file stays as it is, so that whoever has the crops (`dvc pull`) can go on without the pictures. The drawn faces are an
output of the pipeline and fingerprinted by DVC itself.
"""

import json
import os
from pathlib import Path

from stages.datasets import DataSetError, find, root_of
from stages.datasets.fingerprint import fingerprint
from stages.params import read

PATH = Path("data/source.json")


def main():
    name = read().dataset
    try:
        dataset = find(name)
        if dataset.external:
            root = root_of(name)
            if root is None:
                return keep(name, dataset)
            record = {"dataset": name, **fingerprint(root)}
        else:
            record = {"dataset": name}
    except DataSetError as error:
        raise SystemExit(f"source: {error}") from None
    PATH.parent.mkdir(exist_ok=True)
    partial = PATH.with_suffix(".partial")
    partial.write_text(json.dumps(record, indent=2) + "\n")
    os.replace(partial, PATH)
    print(", ".join(f"{key} {value}" for key, value in record.items()))


def keep(name, dataset):
    """Says that the fingerprint stays; raises SystemExit when it is not of this set."""
    known = json.loads(PATH.read_text())["dataset"] if PATH.exists() else None
    if known != name:
        raise SystemExit(
            f"source: {dataset.root} is not set; it must name the folder of {dataset.title}: {dataset.layout}"
        )
    print(f"{dataset.root} is not set: {PATH} stays as it is")


if __name__ == "__main__":
    main()
