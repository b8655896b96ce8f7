"""Stage `circles`: does Gaussian noise help a perceptron on two circles, as a tutorial shows with one run of each variant?

Reads the parameters `circles` and data/paper/circles.csv, what the tutorial printed. Writes reports/circles/:
data.csv         the tutorial's points: x, y, label, split
run.csv          one run of each variant: accuracies in every epoch
curves.csv       accuracies over the seeds: mean, 10 % and 90 % quantile, thinned
runs.csv         every model's accuracies and loss in the end
decision.npz     probability of class 1 by y and x, float16 (variants, n, n): `run`, of the first seed, and `mean`, over the seeds;
                 `axis` (n,) and `variants`
summary.csv, differences.csv, summary.md, metrics.json   means beside the tutorial's numbers, and which differences survive
"""

import io
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from stages.params import read
from stages.two_circles import comparison, report, study, tables
from stages.two_circles.points import best_accuracy

TUTORIAL, FOLDER = Path("data/paper/circles.csv"), Path("reports/circles")


def main() -> None:
    settings = read().circles
    try:
        tutorial = pd.read_csv(TUTORIAL)
    except OSError as error:
        raise SystemExit(f"circles: {TUTORIAL}: {error.strerror}") from None
    # The models are small: a thread for each group of them, not all threads for each product.
    workers = torch.get_num_threads()
    torch.set_num_threads(1)
    results = study.run(settings, workers)
    unfinished = FOLDER.with_name(FOLDER.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    for name, content in files(settings, results, tutorial):
        (unfinished / name).write_bytes(content)
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.replace(unfinished, FOLDER)
    print(f"{len(results.runs)} models; see {FOLDER}/summary.md")


def files(settings, results, tutorial):
    """Yield (name, bytes) of every file of the study."""
    variants, first = list(study.variants(settings)), study.repetitions(settings)["seeds"][0]
    summary = tables.summary(results.runs, tutorial)
    curves = tables.curves(variants, results.over_seeds, results.interval)
    differences = comparison.differences(results.runs)
    yield "data.csv", csv(tables.points(first.train, first.test))
    yield "run.csv", csv(tables.single_run(variants, results.shown))
    yield "curves.csv", csv(curves)
    yield "runs.csv", csv(results.runs)
    yield "summary.csv", csv(summary)
    yield "differences.csv", csv(differences)
    best = best_accuracy(settings.noise)
    yield "metrics.json", json.dumps(tables.metrics(summary, best), indent=1).encode() + b"\n"
    maps = io.BytesIO()
    of = {"run": results.probability[:, 0], "mean": results.probability.mean(axis=1)}
    np.savez_compressed(
        maps, axis=study.AXIS, variants=variants, **{name: array.astype(np.float16) for name, array in of.items()}
    )
    yield "decision.npz", maps.getvalue()
    yield (
        "summary.md",
        report.write(settings, summary, differences, comparison.verdicts(differences), curves, best).encode(),
    )


def csv(table):
    return table.to_csv(index=False, float_format="%.4g", lineterminator="\n").encode()


if __name__ == "__main__":
    main()
