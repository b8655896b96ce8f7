"""Simulated crops and features, in the formats of the stages that make them."""

import json

import numpy as np

from tests.stages.results.simulated import CLASSES


def draw_face(label, random, size=64):
    """A disc with two eyes and a mouth bent by the label, (size, size, 3) uint8."""
    y, x = (np.mgrid[:size, :size] / size - 0.5) * 2
    image = np.full((size, size, 3), random.integers(60, 220, 3), np.uint8)
    image[x**2 + y**2 < 0.7] = random.integers(120, 255, 3)
    for eye in (-0.3, 0.3):
        image[(x - eye) ** 2 + (y + 0.2) ** 2 < 0.012] = 20
    image[(abs(y - 0.35 - (label - 3) * 0.15 * x**2) < 0.05) & (abs(x) < 0.4)] = (150, 30, 30)
    return image


def counts():
    """Images of each split and class."""
    train = {name: max(2, 40 // (1 + label)) for label, name in enumerate(CLASSES)}
    return {"train": train, "val": dict.fromkeys(CLASSES, 10), "test": dict.fromkeys(CLASSES, 15)}


def summary(channels=3, size=64):
    """summary.json of the crops."""
    about = {"dataset": "faces", "title": "Drawn faces", "classes": CLASSES, "size": size, "channels": channels}
    about |= {
        "mean": [0.5] * channels,
        "std": [0.25] * channels,
        "flip": True,
        "counts": counts(),
        "digest": "simulated",
    }
    return about | {"left_out": {"unreadable": 3, "box outside": 1}, "duplicates": {}}


def write_crops(folder, channels=3, size=64):
    random = np.random.default_rng(0)
    for split, each in counts().items():
        labels = random.permutation(np.repeat(np.arange(len(CLASSES)), list(each.values())))
        images = np.stack([draw_face(label, random, size)[..., :channels] for label in labels])
        (folder / split).mkdir(parents=True)
        np.save(folder / split / "images.npy", images)
        np.save(folder / split / "labels.npy", labels.astype(np.int64))
        rows = [f"{split}/{number}.png,{CLASSES[label]},,,\n" for number, label in enumerate(labels)]
        (folder / split / "manifest.csv").write_text("path,label,box,subject,treatment\n" + "".join(rows))
    (folder / "summary.json").write_text(json.dumps(summary(channels, size)))


def write_features(path, size=64, run="baseline/3", site="layer1.0.bn1"):
    image = draw_face(1, np.random.default_rng(0), size)
    y, x = np.mgrid[: size // 2, : size // 2] / (size / 2)
    maps = [np.sin(3 + k) * np.cos(6 * x + k) + np.sin(5 * y * k) + (image[::2, ::2, 0] / 128 - 1) for k in range(6)]
    path.parent.mkdir(parents=True, exist_ok=True)
    where = {"run": np.array(run), "site": np.array(site), "channels": np.arange(10, 16)}
    np.savez_compressed(path, image=image, bn=np.stack(maps).astype(np.float16), **where)
