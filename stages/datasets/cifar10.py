"""CIFAR-10 through torchvision's own class. Krizhevsky: Learning multiple layers of features from tiny images, 2009."""

from collections.abc import Iterator
from pathlib import Path

from stages.datasets.sample import DataSet, DataSetError, Sample

CODES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
# Of the training images, as published with most recipes for this set.
MEAN_STD = ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))


def read(root: Path) -> Iterator[Sample]:
    """Yields the 50,000 training and 10,000 test images; there is no published validation split.

    Raises DataSetError for a set that is not complete.
    """
    # Imported here because torch costs seconds that no other reader needs to pay.
    from torchvision.datasets import CIFAR10

    base = root.parent if root.name == CIFAR10.base_folder else root
    for split in ("train", "test"):
        try:
            images = CIFAR10(base, train=split == "train", download=False)
        except RuntimeError:
            raise DataSetError(
                f"no complete {CIFAR10.base_folder} in {base}: unpack {CIFAR10.filename} of {CIFAR10.url} there"
            ) from None
        for number, (pixels, code) in enumerate(zip(images.data, images.targets, strict=True)):
            yield Sample(f"{CIFAR10.base_folder}/{split}#{number}", CODES[code], split, pixels=pixels)


DATA_SETS = {
    "cifar10": DataSet(
        title="CIFAR-10",
        read=read,
        root="CIFAR10_ROOT",
        layout="cifar-10-batches-py/",
        size=32,
        channels=3,
        flip=True,
        classes=CODES,
        mean_std=MEAN_STD,
        place=30,
    )
}
