"""Which training pictures of the drawn faces carry a wrong label, and what they show.

No list says so, as no list of found pictures does: the order in which they were drawn follows from the parameters.
"""

from pathlib import Path

import numpy as np

from stages.drawn_faces.affectnet import plan
from stages.drawn_faces.expressions import CODES
from stages.params import Faces
from stages.results.cells import INTEGER, TEXT, read_table
from stages.results.inputs import BadInput

IMAGES = "Manually_Annotated_Images"  # where the names of the list lie


def drawn_as(folder: str | Path, faces: Faces) -> dict[str, str]:
    """`{path in the crops' manifest: expression that the picture shows}` of wrong labels in the list of a folder.

    Raises BadInput where the list is missing, or is not the one that these parameters make.
    """
    path = Path(folder) / "training.csv"
    listed = read_table(path, {"subDirectory_filePath": TEXT, "expression": INTEGER}, again="stage faces writes it")
    # As `write_affectnet` seeds its two lists.
    orders = plan(faces.train, faces.wrong_labels, np.random.SeedSequence((faces.seed, 0)), balanced=False)
    if [CODES.index(order.said) for order in orders] != listed["expression"].tolist():
        raise BadInput(f"{path}: not the list that `faces` of params.yaml makes; `dvc repro faces` writes it")
    pairs = zip(listed["subDirectory_filePath"], orders)
    return {f"{IMAGES}/{name}": order.shown.capitalize() for name, order in pairs if order.said != order.shown}
