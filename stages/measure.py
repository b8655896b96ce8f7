"""Stage measure: every result of the runs a row in a few tables, which `stages.results.tables` describes.

Reads the runs of some variants and what stage evaluate made of them: it trains nothing and runs no network. Another
measure is another file in `stages/measures`, and its line in `measured`. The measures of measures.csv, with their units
where each is made:

best|last  val|test  loss, accuracy, balanced_accuracy, macro_f1, f1/<class>, recall/<class> (`classification`), brier,
                     ece (`calibration`)
last       train     loss, eval_loss (`training`); where sites carry a sign, turns_per_1000_steps and
                     turn_distance_cv (`turns`)
last       val       peak_to_last, loss_rise, macro_f1_trend, loss_trend, converged (`training`)
last       test      gap: loss minus eval_loss of train, the generalisation gap of the cross-entropy; macro_f1,
                     accuracy, loss of each corruption and of their mean, macro_f1_lost of that (`corruptions`)
"""

import argparse
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from stages.measures import calibration, classification, corruptions, training, turns
from stages.results import tables
from stages.results.collect import Finished, collect, finished_runs
from stages.results.corrupted import read_corrupted


def main(runs: Path, predictions: Path, variants: list[str], out: Path, corrupted: Path | None = None) -> None:
    """Write the tables of the variants' runs to a folder. Raises BadInput for runs that are missing or damaged.

    `corrupted` is the folder of what stage corrupt made of them; None: nothing is measured on spoiled pictures.
    """
    finished = [run for variant in variants for run in finished_runs(runs / variant, predictions / variant)]
    tables.write(out, collect(finished, partial(measured, corrupted=corrupted), turns.events))
    tables.read(out)  # what every later stage relies on
    print(f"{len(finished)} runs of {', '.join(variants)}")
    print(f"{out}/: {', '.join(tables.FILES)}")


def measured(run: Finished, corrupted: Path | None = None) -> Iterator[tuple[str, str, str, str, float]]:
    """Yield (weights, split, corruption, measure, value) of a run."""
    for split, name, value in training.measures(run.curves):
        yield "last", split, "", name, value
    for name, value in turns.measures(run.in_force, run.record["steps"]):
        yield "last", "train", "", name, value
    yield "last", "test", "", "gap", float(run.said["test_last_loss"]) - float(run.curves["train_eval_loss"].iloc[-1])
    for weights in ("best", "last"):
        for split in ("val", "test"):
            actual, predicted = run.said[f"{split}_actual"], run.said[f"{split}_{weights}_predicted"]
            loss, probability = float(run.said[f"{split}_{weights}_loss"]), run.said[f"{split}_{weights}_probability"]
            for name, value in classification.measures(actual, predicted, loss, run.record["classes"]):
                yield weights, split, "", name, value
            for name, value in calibration.measures(actual, predicted, probability):
                yield weights, split, "", name, value
    if corrupted:
        said = read_corrupted(corrupted / f"{run.record['run']}.npz", run.record)
        actual, clean = run.said["test_actual"], run.said["test_last_predicted"]
        for corruption, name, value in corruptions.measures(said, actual, clean, run.record["classes"]):
            yield "last", "test", corruption, name, value


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("variants", nargs="+", help="in the order in which tables and figures show them")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--predictions", type=Path, default=Path("runs/predictions"))
    parser.add_argument("--corrupted", type=Path, help="what stage corrupt made of the variants; not given: nothing")
    parser.add_argument("--out", type=Path, default=Path("reports"))
    main(**vars(parser.parse_args()))
