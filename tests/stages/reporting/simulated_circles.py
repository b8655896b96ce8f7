"""A made-up circles study, as the stage `circles` leaves it: thirteen seeds, two draws, 40 epochs."""

import json

import numpy as np
import pandas as pd

VARIANTS = ["baseline", "input", "before", "after"]
MEASURES = ["train_accuracy", "test_accuracy", "large_accuracy", "large_loss"]


def write_tutorial(path):
    """What a tutorial printed of every variant but one."""
    printed = {"variant": VARIANTS[:3], "train_accuracy": 0.75, "test_accuracy": 0.75}
    pd.DataFrame(printed).to_csv(path, index=False)


def write_study(folder):
    """Write it into a folder, which is made; over seeds, `after` has the smallest loss, beyond any chance."""
    folder.mkdir(parents=True)
    rng, epochs = np.random.default_rng(0), np.arange(1, 41)

    angle, label = rng.uniform(0, 2 * np.pi, 20), np.arange(20) % 2
    radius = np.where(label, 0.8, 1) + rng.normal(0, 0.1, 20)
    points = {
        "x": radius * np.cos(angle),
        "y": radius * np.sin(angle),
        "label": label,
        "split": ["train"] * 6 + ["test"] * 14,
    }
    _write(folder, "data", points)

    run = {f"{variant}_{split}": rng.uniform(0.4, 1, 40) for variant in VARIANTS for split in ("train", "test")}
    _write(folder, "run", {"epoch": epochs} | run)

    curves = []
    for variant in VARIANTS:
        table = pd.DataFrame({"variant": variant, "epoch": epochs[3::4]})
        for split in ("train", "test"):
            table[f"{split}_mean"] = rng.uniform(0.5, 0.9, len(table))
            table[f"{split}_low"], table[f"{split}_high"] = table[f"{split}_mean"] - 0.1, table[f"{split}_mean"] + 0.1
        curves.append(table)
    _write(folder, "curves", pd.concat(curves))

    kinds = [
        (over, variant, seed, 7)
        for over, seeds in (("seeds", range(13)), ("draws", (13, 14)))
        for variant in VARIANTS
        for seed in seeds
    ]
    runs = pd.DataFrame(kinds, columns=["over", "variant", "seed", "random_state"])
    runs[MEASURES] = rng.uniform(0.5, 1, (len(runs), 4))
    runs.loc[(runs.over == "seeds") & (runs.variant == "after"), "large_loss"] -= 0.6
    _write(folder, "runs", runs)

    about = dict.fromkeys(("input_stddev", "hidden_stddev"), 0.25) | {"samples": 20, "train": 6, "epochs": 40}
    about |= {"hidden": 8, "seeds": 13, "draws": 2, "test_points": 1000}
    (folder / "study.json").write_text(json.dumps({"settings": about, "best_accuracy": 0.84}))
    axis = np.linspace(-1.4, 1.4, 15, dtype=np.float32)
    inside = (1 / (1 + np.exp(9 * (np.hypot(axis, axis[:, None]) - 0.9)))).astype(np.float16)
    np.savez_compressed(folder / "decision.npz", axis=axis, variants=VARIANTS, run=[inside] * 4, mean=[inside] * 4)


def _write(folder, name, columns):
    pd.DataFrame(columns).to_csv(folder / f"{name}.csv", index=False)
