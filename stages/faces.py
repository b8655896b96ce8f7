"""Stage `faces`: draw the embedded data set into data/raw/faces, in AffectNet's 2017 layout; a study's where it says.

Reads the parameters `dataset` and `faces`; where the data set is another one, no picture is drawn. Nothing is
downloaded; equal parameters give equal bytes.
"""

import argparse
from pathlib import Path
from textwrap import wrap

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
    print(f"{out}: drawn faces")
    for split, labels in counts.items():
        parts = [
            f"{split}.csv: {labels.total()}",
            *(f"{count}\N{NO-BREAK SPACE}{name}" for name, count in labels.items()),
        ]
        lines = wrap(", ".join(parts), 80, initial_indent="  ", subsequent_indent="    ")
        print(*(line.replace("\N{NO-BREAK SPACE}", " ") for line in lines), sep="\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--params", default="params.yaml", help="a study's own (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("data/raw/faces"), help="default: %(default)s")
    arguments = parser.parse_args()
    main(arguments.params, arguments.out)
