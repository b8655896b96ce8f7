"""Stanford Cars through torchvision's own class. Krause, Stark, Deng, Fei-Fei: 3D object representations for
fine-grained categorization, 2013.
"""

from collections.abc import Iterator
from pathlib import Path

from stages.datasets.sample import DataSet, DataSetError, Sample

LAYOUT = (
    "stanford_cars/{cars_train/, cars_test/, cars_test_annos_withlabels.mat, "
    "devkit/cars_train_annos.mat, devkit/cars_meta.mat}"
)


def read(root: Path) -> Iterator[Sample]:
    """Yields the 8,144 training and 8,041 test pictures of 196 models; there is no published validation split.

    Raises DataSetError for a split that is not complete.
    """
    # Imported here because torch costs seconds that no other reader needs to pay.
    from torchvision.datasets import StanfordCars

    base = root.parent if root.name == "stanford_cars" else root
    for split in ("train", "test"):
        try:
            cars = StanfordCars(base, split=split, download=False)
        except (RuntimeError, FileNotFoundError):
            raise DataSetError(f"no complete {split} split in {base}") from None
        # Indexing the set would decode each picture whole; its list of (path, code) is what is wanted.
        for path, code in cars._samples:
            yield Sample(Path(path).relative_to(root).as_posix(), cars.classes[code], split)


DATA_SETS = {
    "cars": DataSet(
        title="Stanford Cars",
        read=read,
        root="CARS_ROOT",
        layout=LAYOUT,
        size=224,
        channels=3,
        flip=True,
        place=40,
    )
}
