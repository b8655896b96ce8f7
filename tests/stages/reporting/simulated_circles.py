"""A made-up circles study, as the stage `circles` leaves it: thirteen seeds, two draws, 40 epochs; and a ledger."""

import json

import numpy as np
import pandas as pd

from stages.ledger.lines import COLUMNS

VARIANTS = ["baseline", "input", "before", "after"]
POINTS = ["train_", "test_", "large_", "peak_", "peak_large_"]
MEASURES = [f"{points}{measure}" for points in POINTS for measure in ("accuracy", "loss")]
ROUGHNESS = ["train_roughness", "test_roughness"]
CLAIM = ["id", "words", "kind", "rows", "ours", "against", "measure", "scale", "effect", "low", "high", "n", "verdict"]
_HELPS = ("T1", "hidden noise helps", "superiority")
_LOWER = ("T2", "loss is lower", "superiority", "circles-seeds")
_OTHER = ("P1", "of the paper", "superiority", "reports")
CLAIMS = [
    (*_HELPS, "circles-seeds", "before", "baseline", "test_accuracy", "difference", 0.02, 0.01, 0.03, 13, "holds"),
    (*_HELPS, "circles-draws", "before", "baseline", "test_accuracy", "difference", 0.01, -0.02, 0.04, 2, "undecided"),
    (*_LOWER, "input", "baseline", "large_loss", "ratio", 1.25, 1.125, 1.5, 13, "contradicted"),
    ("T3", "it is so", "level", "circles-seeds", "input", "", "test_accuracy", "", 0.75, None, None, 13, "holds"),
    (*_OTHER, "periodic", "baseline", "macro_f1", "difference", 0.0, -0.1, 0.1, 6, "undecided"),
]


def write_tutorial(path):
    """What a tutorial printed of every variant but one."""
    printed = {"variant": VARIANTS[:3], "train_accuracy": 0.75, "test_accuracy": 0.75}
    pd.DataFrame(printed).to_csv(path, index=False)


def write_claims(path, claims=CLAIMS):
    """What the stage `claims` says, with nothing in the columns that are not read of the circles."""
    pd.DataFrame(claims, columns=CLAIM).reindex(columns=list(COLUMNS)).to_csv(path, index=False)


def write_study(folder):
    """Write it into a folder, which is made, and the ledger beside that."""
    folder.mkdir(parents=True)
    write_claims(folder.parent / "claims.csv")
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
    runs[MEASURES] = rng.uniform(0.5, 1, (len(runs), len(MEASURES)))
    runs[ROUGHNESS] = rng.uniform(0, 0.1, (len(runs), 2))
    runs[["peak_accuracy_epoch", "peak_loss_epoch"]] = rng.integers(1, 41, (len(runs), 2))
    _write(folder, "runs", runs)

    about = dict.fromkeys(("input_stddev", "hidden_stddev"), 0.25) | {"samples": 20, "train": 6, "epochs": 40}
    about |= {"hidden": 8, "seeds": 13, "draws": 2, "test_points": 1000}
    (folder / "study.json").write_text(json.dumps({"settings": about, "best_accuracy": 0.84}))
    axis = np.linspace(-1.4, 1.4, 15, dtype=np.float32)
    inside = (1 / (1 + np.exp(9 * (np.hypot(axis, axis[:, None]) - 0.9)))).astype(np.float16)
    np.savez_compressed(folder / "decision.npz", axis=axis, variants=VARIANTS, run=[inside] * 4, mean=[inside] * 4)


def _write(folder, name, columns):
    pd.DataFrame(columns).to_csv(folder / f"{name}.csv", index=False)
