"""Finished runs as tables, in the format of `stages.results.tables`, from a simulated training."""

import json
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from stages.measures import training
from stages.measures.turns import events
from stages.results import tables
from stages.results.tables import Predictions, Results

CLASSES = ["Neutral", "Happiness", "Sadness", "Surprise", "Fear", "Disgust", "Anger"]
SITES = [f"layer{layer}.{block}.bn1" for layer in range(1, 5) for block in range(2)]
VARIANTS = ["baseline", "dropout", "periodic", "dynamic", "dropout-periodic"]
READS = {"interval": ("periodic", "dropout-periodic"), "dropout.p": ("dropout", "dropout-periodic")}
INTERVAL = 5
EMPTY = {"events": tables.EVENTS, "turns": tables.TURNS}  # the tables that may have no rows
IMAGES = {"train": 120, "val": 70, "test": 105}


def algorithm_1(interval, steps):
    """The flag in force at steps 1..steps: the paper's Algorithm 1, word for word."""
    step, flag, in_force = 0, False, []
    while step < steps:
        step += 1
        in_force.append(flag)
        if step % interval == interval - 1:
            flag = not flag
    return np.array(in_force)


def simulate_signs(variant, epochs, steps_per_epoch, interval, random):
    """Whether each site is flipped at each step, shape (sites, steps)."""
    steps = epochs * steps_per_epoch
    if "periodic" in variant:
        return np.repeat(algorithm_1(interval, epochs), steps_per_epoch)[None].repeat(len(SITES), 0)
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


def simulate_curves(variant, epochs, flipped, steps_per_epoch, random):
    """Overfitting with shocks where signs turn: rows of curves.csv."""
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
            train_eval_loss=0.9 * clean[e],
            update=0.02,
            flipped=share[e],
            val_loss=1.5 + 0.1 * e / epochs,
            val_macro_f1=max(0.02, f1[e] * (1 - 0.5 * turned[e])),
            val_accuracy=max(0.05, f1[e] + 0.03),
            predicted_classes=7,
        )
        for e in range(epochs)
    ]


def turns_of(flipped, steps_per_epoch, sites=SITES):
    """The rows (site, step, epoch, sign) of turns.csv of signs, bool (sites, steps)."""
    return [
        (sites[site], step + 1, step // steps_per_epoch + 1, -1 if row[step] else 1)
        for site, row in enumerate(flipped)
        for step in range(len(row))
        if step == 0 or row[step] != row[step - 1]
    ]


def simulate_run(variant, seed, epochs=12, steps_per_epoch=41, flipped=None, values=None, classes=CLASSES, **record):
    """One run: its rows of the six tables, by their names. `values` are those of its varied parameters.

    `flipped` are its signs, bool (sites, steps), in place of simulated ones; further arguments are columns of runs.csv.
    """
    values = values or {}
    random = np.random.default_rng([seed, sum(variant.encode()), *(len(str(value)) for value in values.values())])
    if flipped is None:
        flipped = simulate_signs(variant, epochs, steps_per_epoch, int(values.get("interval", INTERVAL)), random)
    curves = simulate_curves(variant, epochs, flipped, steps_per_epoch, random)
    sites = [f"site{number}" for number in range(len(flipped))] if len(flipped) != len(SITES) else SITES
    turns = turns_of(flipped, steps_per_epoch, sites)
    steps = np.flatnonzero(flipped.any(0))
    best = max(curves, key=lambda row: row["val_macro_f1"])
    place = "/".join([variant, *(f"{name}={value}" for name, value in values.items()), str(seed)])
    key = {"run": place, "variant": variant, "seed": seed, **values}

    run = key | {"train.epochs": epochs, "train.learning_rate": 1e-4} | values
    run |= {name: 5 for name, readers in READS.items() if variant in readers and name not in values}
    run |= dict(dataset="faces", title="Drawn faces", epochs=epochs, steps_per_epoch=steps_per_epoch)
    run |= dict(size=48, channels=3, flip="true", compiled="false")
    run["images"] = json.dumps({split: dict.fromkeys(classes, count // 7) for split, count in IMAGES.items()})
    run |= dict(classes=json.dumps(classes), steps=epochs * steps_per_epoch, sites=" ".join(sites), signed=len(sites))
    run |= dict(first_turn=int(steps[0]) + 1 if len(steps) else None, turns=len(turns) - len(flipped))
    run |= dict(best_epoch=best["epoch"], hardware="A processor", threads=1, precision="float32", processes=1)
    run |= dict(torch="2.15.0", torchvision="0.30.0", python="3.12.1", commit="0123abc", seconds=12.5)
    run |= dict(configuration="feed" * 8, crops="beef" * 8, warnings="[]")
    run |= record

    actual = np.arange(IMAGES["test"]) % len(classes)
    values_of = [("last", split, name, value) for split, name, value in training.measures(pd.DataFrame(curves))]
    values_of.append(("last", "test", "gap", 1.5 - curves[-1]["train_eval_loss"]))
    predicted = {}
    values_of.append(("best", "val", "macro_f1", best["val_macro_f1"]))
    values_of.append(("last", "val", "macro_f1", curves[-1]["val_macro_f1"]))
    for weights, skill in (("last", curves[-1]["val_macro_f1"]), ("best", best["val_macro_f1"])):
        wrong = random.random(len(actual)) > 0.35 + skill / 2
        said = np.where(wrong, np.minimum(random.poisson(2, len(actual)), len(classes) - 1), actual)
        predicted[weights] = said
        hits = [((actual == c) & (said == c)).sum() for c in range(len(classes))]
        members = [(actual == c).sum() + (said == c).sum() for c in range(len(classes))]
        each = [2 * hit / size if size else None for hit, size in zip(hits, members)]
        values_of.append((weights, "test", "macro_f1", np.mean([f1 for f1 in each if f1 is not None])))
        values_of.append((weights, "test", "accuracy", np.mean(actual == said)))
        values_of += [(weights, "test", name, value) for name, value in (("loss", 1.5), ("brier", 0.6), ("ece", 0.1))]
        values_of.append((weights, "test", "balanced_accuracy", np.mean(actual == said)))
        values_of += [(weights, "test", f"f1/{name}", f1) for name, f1 in zip(classes, each)]
    measures = [
        {**key, "weights": weights, "split": split, "corruption": "", "measure": measure, "value": value}
        for weights, split, measure, value in values_of
    ]
    in_force = pd.DataFrame(
        [(site, "sign", step, epoch, sign) for site, step, epoch, sign in turns], columns=list(tables.TURNS)
    )
    return {
        "runs": [run],
        "measures": measures,
        "curves": [key | row for row in curves],
        "events": [key | row for row in events(pd.DataFrame(curves), in_force).to_dict("records")],
        "turns": [key | row for row in in_force.to_dict("records")],
        "predictions": (place, classes, actual, predicted["last"], random.random(len(actual))),
    }


def results_of(runs, varied=()):
    """Results of runs, a list of what `simulate_run` returns."""
    columns = {name: [*tables.KEY, *varied, *fixed] for name, fixed in EMPTY.items()}
    made = {
        name: pd.DataFrame([row for run in runs for row in run[name]], columns=columns.get(name))
        for name in ("runs", "measures", "curves", "events", "turns")
    }
    places, (classes, *_), (actual, *_), predicted, truth = zip(*(run["predictions"] for run in runs))
    predictions = Predictions(list(places), classes, actual, np.stack(predicted), np.stack(truth))
    return Results(**made, predictions=predictions, varied=tuple(varied))


def as_read(results):
    """The results as they come back from their files."""
    with TemporaryDirectory() as folder:
        tables.write(folder, results)
        return tables.read(folder)


def simulate(variants=VARIANTS, seeds=(0, 1), **options):
    """Results of all variants and seeds; the options are those of `simulate_run`."""
    return results_of([simulate_run(variant, seed, **options) for variant in variants for seed in seeds])
