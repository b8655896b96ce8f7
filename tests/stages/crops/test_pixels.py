"""The pixels of a finished store, against crops made with Pillow alone from the pictures and boxes of the list."""

import csv

import numpy as np
import pytest
from PIL import Image, ImageOps

from stages.crops.store import open_crops

SIZE = 24
# Width and height of the picture, box, suffix.
EXACT = [  # cut at full resolution
    (60, 50, (10, 5, 30, 30), "png"),
    (61, 47, (11, 9, 21, 35), "png"),  # tall
    (64, 48, (5, 12, 40, 22), "jpg"),  # wide
    (60, 50, (-6, 20, 30, 44), "png"),  # reaches outside
    (64, 40, None, "jpg"),
]
CLOSE = [  # of JPEGs whose square is 2, 4 and 8 times the crop, libjpeg decodes a half, a quarter and an eighth
    (90, 80, (11, 7, 48, 48), "jpg"),
    (170, 160, (21, 17, 96, 90), "jpg"),
    (320, 300, (37, 41, 192, 190), "jpg"),
    (60, 50, (10, 5, 30, 25), "png"),  # and between two pixels it depends on what of the edge is blended in
]
PICTURES = [*EXACT, *CLOSE]


def picture(width, height, seed):
    """Smooth enough that averaging blocks, as libjpeg does, and the bicubic filter nearly agree."""
    generator = np.random.default_rng(seed)
    small = Image.fromarray(generator.integers(0, 256, (7, 6, 3), dtype=np.uint8))
    return small.resize((width, height), Image.Resampling.BICUBIC)


def plain(path, box):
    """Open, pad with edge pixels, crop the square around the box with its longer side, resize."""
    with Image.open(path) as opened:
        pixels = np.asarray(opened.convert("RGB"))
    height, width, _ = pixels.shape
    if box is None:
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
    else:
        side = max(box[2:])
        left, top = box[0] + box[2] / 2 - side / 2, box[1] + box[3] / 2 - side / 2
    margin = 100
    padded = Image.fromarray(np.pad(pixels, [(margin, margin)] * 2 + [(0, 0)], mode="edge"))
    square = (left + margin, top + margin, left + side + margin, top + side + margin)
    if any(value % 1 for value in square):
        return np.asarray(padded.resize((SIZE, SIZE), Image.Resampling.BICUBIC, square))
    return np.asarray(padded.crop(square).resize((SIZE, SIZE), Image.Resampling.BICUBIC))


@pytest.fixture(scope="module")
def store(tmp_path_factory, make):
    """(root, list rows by path, store): 27 pictures, nine kinds in each split, of two classes."""
    folder = tmp_path_factory.mktemp("pixels")
    root, rows = folder / "set", {}
    root.mkdir()
    for split in ("train", "val", "test"):
        for kind, (width, height, box, suffix) in enumerate(PICTURES):
            name = f"{split}-{kind}.{suffix}"
            picture(width, height, len(rows)).save(root / name, **({"quality": 95} if suffix == "jpg" else {}))
            rows[name] = {"path": name, "label": "ab"[kind % 2], "split": split, "box": box}
    with open(root / "labels.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, ("path", "label", "split", "box"))
        writer.writeheader()
        writer.writerows(row | {"box": " ".join(map(str, row["box"] or ()))} for row in rows.values())
    make(root, folder / "crops", size=SIZE, dataset="csv", workers=2)
    return root, rows, open_crops(folder / "crops")


def test_every_crop_is_pillows_of_its_own_row(store):
    root, rows, crops = store
    seen = []
    for split in crops.splits:
        part = crops[split]
        assert len(part.images) == len(part.labels) == len(part.manifest) == len(PICTURES)
        for image, label, row in zip(part.images, part.labels, part.manifest, strict=True):
            listed = rows[row["path"]]
            assert listed["split"] == split and crops.summary["classes"][label] == listed["label"] == row["label"]
            expected = plain(root / row["path"], listed["box"])
            difference = np.abs(image.astype(int) - expected)
            if int(row["path"].split("-")[1][0]) < len(EXACT):
                np.testing.assert_array_equal(image, expected, row["path"])
            else:
                assert difference.mean() < 1 and difference.max() <= 8, (row["path"], difference.mean())
            seen.append(row["path"])
    assert sorted(seen) == sorted(rows)


def test_the_oracle_tells_crops_apart(store):
    """By more than the tolerance above: a neighbour's crop, one shifted by a twelfth, and a mirrored one."""
    root, rows, crops = store
    part = crops["train"]
    for image, row in zip(part.images, part.manifest, strict=True):
        box = rows[row["path"]]["box"]
        others = [plain(root / other["path"], rows[other["path"]]["box"]) for other in part.manifest if other != row]
        if box is not None:
            x, y, width, height = box
            others.append(plain(root / row["path"], (x + max(width, height) / 12, y, width, height)))
        others.append(np.asarray(ImageOps.mirror(Image.fromarray(image))))
        assert min(np.abs(image.astype(int) - other).mean() for other in others) > 2
