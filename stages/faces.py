"""Stage `faces`: draw the embedded data set into data/raw/faces, in AffectNet's 2017 layout.

Reads the parameters `dataset` and `faces`; where the data set is another one, no picture is drawn. Nothing is
downloaded; equal parameters give equal bytes.
"""

from pathlib import Path

from stages.drawn_faces import write_affectnet
from stages.files import new_folder
from stages.params import read

FOLDER = Path("data/raw/faces")


def main() -> None:
    """Draw the faces and say how many show what. Raises SystemExit with a line for each mistake in the parameters."""
    params = read()
    if params.dataset != "faces":
        with new_folder(FOLDER) as folder:
            (folder / "none.txt").write_text("The data set is another one: no faces are drawn.\n")
        print(f"{FOLDER}: no faces are drawn, the data set is {params.dataset}")
        return
    faces = params.faces
    counts = write_affectnet(FOLDER, faces.train, faces.val, faces.wrong_labels, faces.seed, params.machine.workers)
    lists = (
        f"{labels.total()} in {split}.csv ({', '.join(f'{n} {name}' for name, n in labels.items())})"
        for split, labels in counts.items()
    )
    print(f"{FOLDER}: drawn faces, {' and '.join(lists)}")


if __name__ == "__main__":
    main()
