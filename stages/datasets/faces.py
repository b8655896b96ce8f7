"""The faces that the program draws for itself (`stages.drawn_faces`), laid out as AffectNet was in 2017."""

from stages.datasets.affectnet2017 import MANUAL, read_manual
from stages.datasets.sample import EIGHT, EXPRESSIONS, DataSet

DATA_SETS = {
    "faces": DataSet(
        title="Drawn faces",
        read=read_manual,
        root="data/raw/faces",
        layout=MANUAL,
        size=48,
        channels=3,
        flip=True,
        classes=EIGHT,
        subsets=EXPRESSIONS,
        place=0,
    )
}
