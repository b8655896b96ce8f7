"""Stage `source`: the fingerprint of the data set at hand, so that DVC notices when an external set changes.

Reads the parameter `dataset` and writes data/source.json: dataset; files, bytes and digest of an external set (see
`stages.datasets.fingerprint`). Its path is not in it: machines keep their copies in different places. Where the set's
environment variable is unset, the file stays as it is, so that whoever has the crops (`dvc pull`) can go on without the
pictures. The drawn faces are an output of the pipeline and fingerprinted by DVC itself.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from stages.datasets import DataSetError, find, root_of
from stages.datasets.fingerprint import fingerprint
from stages.files import write_text
from stages.params import must_have, read
from stages.results.inputs import read_json


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the fingerprint and say what it holds. Raises DataSetError for a set, or a folder, that is not there."""
    parser = argparse.ArgumentParser(description="Fingerprint of the data set at hand.")
    parser.add_argument("--params", type=Path, default="params.yaml", metavar="FILE", help="default: %(default)s")
    parser.add_argument("--out", type=Path, default="data/source.json", metavar="FILE", help="default: %(default)s")
    chosen = parser.parse_args(arguments)
    params = read(chosen.params)
    must_have(params, ["dataset"], "the stage source", str(chosen.params))
    record = describe(params.dataset, chosen.out)
    if record is None:
        return
    write_text(chosen.out, json.dumps(record, indent=2) + "\n")
    print(f"{chosen.out}: {', '.join(f'{key} {value}' for key, value in record.items())}")


def describe(name: str, out: Path) -> dict[str, int | str] | None:
    """What to write of a data set, None to leave the file as it is. Raises DataSetError."""
    dataset = find(name)
    if not dataset.external:
        return {"dataset": name}
    root = root_of(name)
    if root is not None:
        return {"dataset": name, **fingerprint(root)}
    if not out.exists() or read_json(out).get("dataset") != name:
        raise DataSetError(dataset.unset)
    print(f"{dataset.root} is not set: {out} stays as it is")
    return None


if __name__ == "__main__":
    main()
