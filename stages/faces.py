"""Stage `faces`: draw the embedded data set into data/raw/faces, in AffectNet's 2017 layout.

Reads the parameters `faces`. Nothing is downloaded; equal parameters give equal bytes.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from stages.drawn_faces import write_affectnet
from stages.params import read

FOLDER = Path("data/raw/faces")


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the faces and say how many show what. Raises SystemExit with a line for each mistake in the parameters."""
    parser = argparse.ArgumentParser(description="Draw the embedded data set.")
    parser.add_argument("--params", type=Path, default="params.yaml", metavar="FILE", help="default: %(default)s")
    params = read(parser.parse_args(arguments).params)
    faces = params.faces
    counts = write_affectnet(FOLDER, faces.train, faces.val, faces.wrong_labels, faces.seed, params.machine.workers)
    lists = (
        f"{labels.total()} in {split}.csv ({', '.join(f'{n} {name}' for name, n in labels.items())})"
        for split, labels in counts.items()
    )
    print(f"{FOLDER}: drawn faces, {' and '.join(lists)}")


if __name__ == "__main__":
    main()
