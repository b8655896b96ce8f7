"""Stage `faces`: draw the embedded data set into data/raw/faces, in AffectNet's 2017 layout; a study's where it says.

Reads the parameters `dataset` and `faces`; where the data set is another one, no picture is drawn. Nothing is
downloaded; equal parameters give equal bytes.
"""

import argparse
from pathlib import Path

from stages.drawn_faces import write_affectnet
from stages.files import new_folder
from stages.params import must_have, read


def main(params_file: str, out: Path) -> None:
    """Draw the faces and say how many show what. Raises SystemExit with a line for each mistake in the parameters."""
    params = read(params_file)
    must_have(params, ["dataset", "faces"], "the stage faces", params_file)
    if params.dataset != "faces":
        with new_folder(out) as folder:
            (folder / "none.txt").write_text("The data set is another one: no faces are drawn.\n")
        print(f"{out}: no faces are drawn, the data set is {params.dataset}")
        return
    faces, workers = params.faces, read().machine.workers  # how this machine works is no part of a study's file
    counts = write_affectnet(out, faces.train, faces.val, faces.wrong_labels, faces.seed, workers)
    lists = (
        f"{labels.total()} in {split}.csv ({', '.join(f'{n} {name}' for name, n in labels.items())})"
        for split, labels in counts.items()
    )
    print(f"{out}: drawn faces, {' and '.join(lists)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--params", default="params.yaml", help="a study's own (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("data/raw/faces"), help="default: %(default)s")
    arguments = parser.parse_args()
    main(arguments.params, arguments.out)
