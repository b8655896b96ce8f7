"""What each parameter may be, written down again from the comments of params.yaml and the greatest values."""

import math
from pathlib import Path

from ruamel.yaml import YAML

from stages.params import read

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "params.yaml").read_text(encoding="utf-8")
PARAMS = read(ROOT / "params.yaml")
VALUES = YAML(typ="safe", pure=True).load(TEXT)


def whole(low, high):
    return lambda value: type(value) is int and low <= value <= high


def number(low, high, without_low=False, without_high=False):
    def holds(value):
        if type(value) not in (int, float) or math.isnan(value):
            return False
        return low <= value <= high and not (without_low and value == low) and not (without_high and value == high)

    return holds


def one_of(*words):
    return lambda value: isinstance(value, str | int) and not isinstance(value, bool) and value in words


def either(*tests):
    return lambda value: any(test(value) for test in tests)


def name(value):
    return type(value) is str and 1 <= len(value) <= 200


def names(least):
    return lambda value: type(value) is list and len(value) >= least and all(map(name, value))


def boolean(value):
    return type(value) is bool


def null(value):
    return value is None


def seeds(value):
    return type(value) is list and value and all(map(whole(0, 2**32 - 1), value)) and len(set(value)) == len(value)


def turns(value):
    return seeds(value) and all(map(whole(1, 10**9), value))


RATE = number(0, 1, without_high=True)
INNER = number(0, 1, without_low=True, without_high=True)
POSITIVE, STRENGTH = number(0, 100, without_low=True), number(0, 100)
SITES = either(name, names(1))
# What each parameter may be, written down again from the comments of params.yaml and the greatest values.
ALLOWED = {
    "dataset": name,
    "seeds": seeds,
    "interval": whole(1, 10**9),
    "faces.train": whole(70, 10**5),
    "faces.val": whole(70, 10**5),
    "faces.wrong_labels": RATE,
    "faces.seed": whole(0, 2**32 - 1),
    "data.side": either(null, whole(8, 1024)),
    "data.classes": either(one_of(7, 8, "all"), lambda value: names(2)(value) and len(set(value)) == len(value)),
    "data.limit": either(null, whole(2, 10**8)),
    "data.test_share": number(0, 0.9, without_high=True),
    "data.test_of_val": RATE,
    "data.max_failures": number(0, 1),
    "data.drop_duplicates": boolean,
    "data.soft_labels": boolean,
    "data.outside": boolean,
    "train.images": either(null, whole(2, 10**8)),
    "train.watched.train": either(null, whole(2, 10**8)),
    "train.watched.val": either(null, whole(2, 10**8)),
    "train.network": name,
    "train.stem": one_of("imagenet", "small"),
    "train.epochs": whole(1, 10**4),
    "train.batch_size": whole(2, 65536),
    "train.optimizer": one_of("adam", "adamw", "sgd"),
    "train.learning_rate": POSITIVE,
    "train.weight_decay": STRENGTH,
    "train.momentum": RATE,
    "train.schedule": one_of("constant", "step", "cosine", "one-cycle"),  # "restarts" needs a period, and it has none
    "train.period": either(null, whole(1, 10**4)),
    "train.warmup": whole(0, 10**4),
    "train.label_smoothing": RATE,
    "train.class_balance": one_of("none", "weights", "sampling"),
    "train.early_stopping": either(null, whole(1, 10**4)),
    "train.ema": either(null, INNER),
    "train.augment.flip": boolean,
    "train.augment.shift": whole(0, 128),
    "train.augment.rotate": number(0, 180),
    "train.augment.scale": RATE,
    "train.augment.erase": number(0, 1),
    "train.order": whole(0, 2**32 - 1),
    "train.precision": one_of("auto", "float32", "bfloat16"),
    "train.deterministic": boolean,
    "train.processes": whole(1, 256),
    "dropout.p": RATE,
    "dropout.sites": SITES,
    "periodic.unit": one_of("epoch", "step"),
    "periodic.turns": either(null, turns),
    "periodic.share": number(0, 1, without_low=True),
    "periodic.sites": SITES,
    "dynamic.start": either(one_of("auto"), INNER),
    "dynamic.first_turn": INNER,
    "dynamic.constant": number(0, 10**6, without_low=True),
    "dynamic.sites": SITES,
    "dynamic.weight": one_of("channel", "network"),
    "dynamic.reinitialise": boolean,
    "dynamic.divide": one_of("absolute", "signed"),
    "dynamic.gradient": one_of("exact", "autograd"),
    "gaussian.stddev": STRENGTH,
    "gaussian.sites": SITES,
    "bursts.stddev": STRENGTH,
    "bursts.sites": SITES,
    "machine.device": name,
    "machine.threads": whole(1, 1024),
    "machine.side_by_side": either(null, whole(1, 256)),
    "machine.compile": one_of("auto", "on", "off"),
    "machine.workers": either(null, whole(1, 256)),
    "machine.checkpoint_seconds": number(0, 10**9),
    "circles.samples": whole(VALUES["circles"]["train"] + 1, 10**4),
    "circles.train": whole(2, VALUES["circles"]["samples"] - 1),
    "circles.noise": STRENGTH,
    "circles.random_state": whole(0, 2**32 - 1),
    "circles.hidden": whole(1, 10**4),
    "circles.epochs": whole(1, 10**5),
    "circles.learning_rate": POSITIVE,
    "circles.input_stddev": STRENGTH,
    "circles.hidden_stddev": STRENGTH,
    "circles.seeds": whole(2, 1000),
    "circles.draws": whole(2, 1000),
    "circles.test_points": whole(100, 10**5),
}
