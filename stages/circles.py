"""Stage `circles`: does Gaussian noise help a perceptron on two circles, as a tutorial shows with one run of each?

Reads the parameters `circles`. Writes reports/circles/, from which the stage `report` draws and says what came of it:
data.csv      the tutorial's points: x, y, label, split
run.csv       one run of each variant: accuracies in every epoch
curves.csv    accuracies over the seeds: mean, 10 % and 90 % quantile, thinned
runs.csv      every model's scores, unrounded: what is equal stays equal to the last bit. over, variant, seed,
              random_state (of its points); then
              train_, test_ and large_ accuracy and loss (cross-entropy, nats) in the end, without noise, on the points
              to train on, its own to test on, and the large test set;
              peak_accuracy_epoch, at which this model did best on the validation points (2,000 apart, the same for
              all), of the epochs at which models are kept; peak_accuracy, its own at that epoch on its own test points,
              peak_large_accuracy, on the large test set, neither of which had a part in the choice; and the same of the
              loss, at the epoch at which that was lowest;
              train_roughness, the standard deviation of the steps that its accuracy took from epoch to epoch, with the
              noise, as Keras counts it; test_roughness, of those from look to look on the test points, without
curves.npz    every model at the epochs at which models are kept, `epoch` (E,): `test_accuracy`, `test_loss` on its own
              test points, `val_accuracy`, `val_loss` on the validation points, (models, E) in the order of runs.csv
decision.npz  probability of class 1 by y and x, float16 (variants, n, n): `run`, of the first seed, and `mean`, over
              the seeds; `axis` (n,) and `variants`
study.json    `settings`, the parameters that it ran with, and `best_accuracy`, of the best of all classifiers
"""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from stages.files import new_folder
from stages.params import Circles, read
from stages.two_circles import study, tables
from stages.two_circles.points import best_accuracy

FOLDER = Path("reports/circles")


def main() -> None:
    settings = read().circles
    # The models are small: a thread for each group of them, not all threads for each product.
    workers = torch.get_num_threads()
    torch.set_num_threads(1)
    with new_folder(FOLDER) as folder:  # first: where nothing can be written, nothing need be computed
        results = study.run(settings, workers)
        for name, content in files(settings, results):
            (folder / name).write_bytes(content)
    print(f"{FOLDER}: {len(results.runs)} models; `dvc repro report` says what came of them")


def files(settings: Circles, results: study.Results) -> Iterator[tuple[str, bytes]]:
    """Yield (name, bytes) of every file of the study."""
    variants, first = list(study.variants(settings)), study.repetitions(settings)["seeds"][0]
    yield "data.csv", _csv(tables.points(first.train, first.test), "%.4g")
    yield "run.csv", _csv(tables.single_run(variants, results.shown), "%.4g")
    yield "curves.csv", _csv(tables.curves(variants, results.over_seeds, results.interval), "%.4g")
    yield "runs.csv", _csv(results.runs)
    yield "curves.npz", _npz(**results.curves)
    yield "decision.npz", _maps(variants, results.probability)
    about = {"settings": settings.model_dump(), "best_accuracy": round(best_accuracy(settings.noise), 6)}
    yield "study.json", json.dumps(about, indent=1).encode() + b"\n"


def _csv(table: pd.DataFrame, float_format: str | None = None) -> bytes:
    return table.to_csv(index=False, float_format=float_format, lineterminator="\n").encode()


def _maps(variants: list[str], probability: np.ndarray) -> bytes:
    run, mean = (maps.astype(np.float16) for maps in (probability[:, 0], probability.mean(axis=1)))
    return _npz(axis=study.AXIS, variants=variants, run=run, mean=mean)


def _npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


if __name__ == "__main__":
    main()
