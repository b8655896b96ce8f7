"""A finished evaluation and its crops, written in the format of the stages that make them, from a simulated training."""

import csv
import json

import numpy as np

CLASSES = ["Neutral", "Happiness", "Sadness", "Surprise", "Fear", "Disgust", "Anger"]
SITES = [f"layer{layer}.{block}" for layer in range(1, 5) for block in range(2)]
VARIANTS = ["baseline", "dropout", "periodic", "dynamic", "dropout-periodic"]
INTERVAL = 5
TEST, VAL = 105, 70


def algorithm_1(interval, steps):
    """The flag in force at steps 1..steps: the paper's Algorithm 1, word for word."""
    step, flag, in_force = 0, False, []
    while step < steps:
        step += 1
        in_force.append(flag)
        if step % interval == interval - 1:
            flag = not flag
    return np.array(in_force)


def simulate_signs(variant, epochs, steps_per_epoch, random):
    """Whether each site is flipped at each step, shape (sites, steps)."""
    steps = epochs * steps_per_epoch
    if "periodic" in variant:
        return np.repeat(algorithm_1(INTERVAL, epochs), steps_per_epoch)[None].repeat(len(SITES), 0)
    if variant != "dynamic":
        return np.zeros((0, steps), bool)
    flipped = np.zeros((len(SITES), steps), bool)
    for row in flipped:
        step = steps // 4
        while step < steps:
            length = int(random.geometric(2 / steps_per_epoch))
            row[step : step + length] = True
            step += length + int(random.geometric(1 / steps_per_epoch))
    return flipped


def simulate_curves(variant, seed, epochs, flipped, steps_per_epoch, random):
    """Overfitting with shocks where signs turn."""
    share = flipped.reshape(len(flipped), epochs, -1).mean((0, 2)) if len(flipped) else np.zeros(epochs)
    turned = np.abs(np.diff(share, prepend=0))
    strength = 0.5 if "dropout" in variant else 1
    clean = 1.9 * np.exp(-strength * np.arange(1, epochs + 1) * 4 / epochs)
    best = 0.5 + 0.04 * ("periodic" in variant) + 0.05 * (variant == "dynamic") - 0.03 * ("dropout" in variant)
    f1 = best * (1 - np.exp(-np.arange(1, epochs + 1) * 6 / epochs)) + random.normal(0, 0.012, epochs)
    return [
        dict(
            epoch=e + 1,
            step=(e + 1) * steps_per_epoch,
            lr=1e-4,
            train_loss=clean[e] + 0.9 * turned[e] + abs(random.normal(0, 0.02)),
            val_loss=1.5 + 0.1 * e / epochs,
            val_macro_f1=max(0.02, f1[e] * (1 - 0.5 * turned[e])),
            val_accuracy=max(0.05, f1[e] + 0.03),
            flipped=share[e],
        )
        for e in range(epochs)
    ]


def write_csv(path, columns, rows):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)


def write_run(folder, variant, seed, epochs, steps_per_epoch=41, size=64, never_turns=False):
    random = np.random.default_rng([seed, VARIANTS.index(variant)])
    flipped = simulate_signs(variant, epochs, steps_per_epoch, random)
    if never_turns:
        flipped[:] = False
    rows = simulate_curves(variant, seed, epochs, flipped, steps_per_epoch, random)
    folder.mkdir(parents=True)
    write_csv(folder / "curves.csv", rows[0], (row.values() for row in rows))
    turns = [
        (SITES[site], step + 1, step // steps_per_epoch + 1, -1 if row[step] else 1)
        for site, row in enumerate(flipped)
        for step in range(len(row))
        if step == 0 or row[step] != row[step - 1]
    ]
    write_csv(folder / "signs.csv", ["site", "step", "epoch", "sign"], turns)
    steps = np.flatnonzero(flipped.any(0))
    record = dict(
        variant=variant, seed=seed, dataset="faces", title="Drawn faces", epochs=epochs, steps=epochs * steps_per_epoch
    )
    record |= dict(
        steps_per_epoch=steps_per_epoch, injected=bool(len(steps)), first_turn=int(steps[0]) + 1 if len(steps) else None
    )
    record |= dict(
        turns=len(turns) - len(flipped), sites=SITES[: len(flipped)], device="cpu", precision="float32", torch="2.15.0"
    )
    record["warnings"] = ["dynamic: no sign turned in the whole run"] if never_turns else []
    (folder / "record.json").write_text(json.dumps(record))

    predictions, kept = [], {}
    for split, count in (("val", VAL), ("test", TEST)):
        actual = np.arange(count) % len(CLASSES)
        wrong = random.random(count) > 0.35 + rows[-1]["val_macro_f1"] / 2
        predicted = np.where(wrong, np.minimum(random.poisson(2, count), 6), actual)
        kept[split] = (actual, predicted)
        predictions += [(split, i, CLASSES[a], CLASSES[p], 0.7) for i, (a, p) in enumerate(zip(actual, predicted))]
    write_csv(folder / "predictions.csv", ["split", "index", "actual", "predicted", "confidence"], predictions)
    actual, predicted = kept["test"]
    hits = [int(((actual == c) & (predicted == c)).sum()) for c in range(7)]
    each = [2 * h / int((actual == c).sum() + (predicted == c).sum()) for c, h in enumerate(hits)]
    f1 = [row["val_macro_f1"] for row in rows]
    metrics = {"val": {"macro_f1_max": max(f1), "macro_f1_last": f1[-1]}}
    metrics["test"] = dict(macro_f1=sum(each) / 7, accuracy=sum(hits) / TEST, per_class_f1=dict(zip(CLASSES, each)))
    (folder / "metrics.json").write_text(json.dumps(metrics))

    image = draw_face(1, random, size)
    y, x = np.mgrid[: size // 2, : size // 2] / (size / 2)
    bn = np.stack(
        [np.sin(3 + k) * np.cos(6 * x + k) + np.sin(5 * y * k) + (image[::2, ::2, 0] / 128 - 1) for k in range(6)]
    )
    np.savez_compressed(folder / "features.npz", image=image, bn=bn.astype(np.float16))


def draw_face(label, random, size=64):
    """A disc with two eyes and a mouth bent by the label, (size, size, 3) uint8."""
    y, x = (np.mgrid[:size, :size] / size - 0.5) * 2
    image = np.full((size, size, 3), random.integers(60, 220, 3), np.uint8)
    image[x**2 + y**2 < 0.7] = random.integers(120, 255, 3)
    for eye in (-0.3, 0.3):
        image[(x - eye) ** 2 + (y + 0.2) ** 2 < 0.012] = 20
    image[(abs(y - 0.35 - (label - 3) * 0.15 * x**2) < 0.05) & (abs(x) < 0.4)] = (150, 30, 30)
    return image


def write_crops(folder, channels=3, size=64):
    random = np.random.default_rng(0)
    table = {}
    for split, most in (("train", 40), ("val", VAL // 7), ("test", TEST // 7)):
        each = [max(2, most // (1 + c)) if split == "train" else most for c in range(len(CLASSES))]
        labels = random.permutation(np.repeat(np.arange(len(CLASSES)), each))
        images = np.stack([draw_face(label, random, size)[..., :channels] for label in labels])
        (folder / split).mkdir(parents=True)
        np.save(folder / split / "images.npy", images)
        np.save(folder / split / "labels.npy", labels.astype(np.int64))
        table[split] = dict(zip(CLASSES, each))
    summary = dict(
        dataset="faces", title="Drawn faces", classes=CLASSES, size=size, channels=channels, mean=[0.5] * channels
    )
    summary |= dict(
        std=[0.25] * channels, flip=True, counts=table, left_out={"unreadable": 3, "box outside": 1}, duplicates={}
    )
    (folder / "summary.json").write_text(json.dumps(summary))


def write_project(root, seeds=(0, 1), epochs=12, never_turns=()):
    """reports/eval and data/crops below root."""
    for variant in VARIANTS:
        for seed in seeds:
            write_run(
                root / "reports/eval" / f"{variant}-{seed}",
                variant,
                seed,
                epochs,
                never_turns=(variant, seed) in never_turns,
            )
    write_crops(root / "data/crops")
