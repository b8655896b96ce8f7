"""What the study leaves behind, as tables."""

import numpy as np
import pandas as pd


def points(train, test):
    """x, y, label, split: the tutorial's points in their order."""
    splits = (("train", train), ("test", test))
    tables = [
        pd.DataFrame({"x": of.x[:, 0], "y": of.x[:, 1], "label": of.y.astype(int), "split": split})
        for split, of in splits
    ]
    return pd.concat(tables, ignore_index=True)


def single_run(variants, trained):
    """epoch, then <variant>_train and <variant>_test: accuracies of the first repetition in every epoch.

    trained: models of which the test points were looked at in every epoch.
    """
    columns = {"epoch": np.arange(1, trained.train_curve.shape[2] + 1)}
    for index, variant in enumerate(variants):
        columns |= {f"{variant}_train": trained.train_curve[index, 0], f"{variant}_test": trained.test_curve[index, 0]}
    return pd.DataFrame(columns)


def curves(variants, trained, interval):
    """variant, epoch, then mean, 10 % and 90 % quantile (low, high) over repetitions of both accuracies, every `interval` epochs.

    trained: models of which the test points were looked at that often.
    """
    tables = []
    for index, variant in enumerate(variants):
        columns = {"variant": variant, "epoch": np.arange(interval, trained.train_curve.shape[2] + 1, interval)}
        for split, curve in (
            ("train", trained.train_curve[index, :, interval - 1 :: interval]),
            ("test", trained.test_curve[index]),
        ):
            low, high = np.quantile(curve, [0.1, 0.9], axis=0)
            columns |= {f"{split}_mean": curve.mean(axis=0), f"{split}_low": low, f"{split}_high": high}
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def runs(over, variants, repetitions, **measures):
    """One row for each model: over, variant, seed, random_state (of its points), and the measures, arrays (variants, repetitions)."""
    seeds, states = zip(*((repetition.seed, repetition.random_state) for repetition in repetitions))
    columns = {"over": over, "variant": np.repeat(variants, len(seeds))}
    columns |= {"seed": seeds * len(variants), "random_state": states * len(variants)}
    return pd.DataFrame(columns | {name: np.asarray(values).reshape(-1) for name, values in measures.items()})


def summary(runs, tutorial):
    """over, variant, measure, mean, std (of a sample), min, max, n; and `tutorial`, what that printed for the same points.

    tutorial: variant, train_accuracy, test_accuracy, as in data/paper/circles.csv.
    """
    long = runs.melt(["over", "variant", "seed", "random_state"], var_name="measure")
    table = (
        long.groupby(["over", "variant", "measure"], sort=False)
        .value.agg(["mean", "std", "min", "max", "size"])
        .reset_index()
    )
    printed = tutorial.melt("variant", ["train_accuracy", "test_accuracy"], "measure", "tutorial").assign(over="seeds")
    return table.rename(columns={"size": "n"}).merge(printed, how="left", on=["over", "variant", "measure"])


def metrics(summary, best_accuracy):
    """{"best_accuracy", over: {variant: {measure: mean}}}, for `dvc metrics`."""
    nested = {"best_accuracy": round(best_accuracy, 4)}
    for row in summary.itertuples():
        nested.setdefault(row.over, {}).setdefault(row.variant, {})[row.measure] = round(row.mean, 4)
    return nested
