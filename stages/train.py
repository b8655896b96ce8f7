"""Stage train-<variant>: one run of one variant with one seed, into runs/<variant>-<seed>/.

best.pt           state dict of the epoch with the highest validation macro F1
curves.csv        a row per epoch: epoch, step, lr, train_loss (mean cross-entropy per image of the training forward pass), val_loss,
                  val_macro_f1, val_accuracy, flipped (share of sites x steps with a negative sign), predicted_classes
signs.csv         site, step, epoch, sign: a row where a site's sign differs from the step before, step 1 included
record.json       what was run, on what, how fast, whether anything was injected, and every warning
live/             the same curves while the run trains (DVCLive)
"""

import argparse
import signal
import sys
import time
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import torch
from tqdm import tqdm

from stages.crops.store import open_crops
from stages.params import read
from stages.training import health, results
from stages.training.batches import Batches
from stages.training.checkpoint import Checkpoints, of_sources
from stages.training.device import choose
from stages.training.loop import Diverged, Training
from stages.training.network import prepare
from stages.training.processes import Processes, join, leave, relaunch
from stages.training.variants import VARIANTS
from stages.training.watch import Watch

# What decides the result beside the parameters: a checkpoint by another version of it is not continued.
ROOT = Path(__file__).parents[1]
CODE = [ROOT / part for part in ("noise", "stages/training", "stages/train.py")]


def main(variant: str, seed: int, processes: Processes):
    params, reads = read(), VARIANTS[variant].reads
    options = params.train
    crops = open_crops("data/crops")
    device = choose(options.device, options.precision, options.deterministic)
    train = Batches(crops["train"], crops.summary, device.device, soft=True)
    val = Batches(crops["val"], crops.summary, device.device)
    steps_per_epoch = train.size // options.batch_size
    if not steps_per_epoch:
        raise SystemExit(f"params.yaml: train.batch_size: {options.batch_size} is more than the {train.size} training images there are")
    if options.batch_size % processes.world:
        raise SystemExit(f"params.yaml: train.batch_size: {options.batch_size} cannot be shared by {processes.world} processes")
    configuration = {
        "variant": variant,
        "seed": seed,
        "params": {part: params.model_dump()[part] for part in ("train", *reads)},
        "crops": crops.summary["digest"],
        "code": of_sources(*CODE),
        "torch": torch.__version__,
        "device": [device.name, str(device.precision), processes.world],
    }
    checkpoints, out = Checkpoints(configuration), Path("runs") / f"{variant}-{seed}"
    log = partial(tqdm.write, file=sys.stderr) if processes.first else lambda line: None
    with checkpoints.locked(log) if processes.first else nullcontext() as waited:
        if processes.agree(waited and results.is_of(out, checkpoints.hash)):
            return log(f"{out} was finished by the process waited for")
        network, sites = prepare(variant, seed, params, len(crops.summary["classes"]), device, processes)
        warnings = health.before(variant, reads, params, steps_per_epoch)
        for warning in warnings:
            log(f"warning: {warning}")
        started = time.monotonic()
        classes = crops.summary["classes"]
        training = Training(network, train, val, params, seed, device, classes, checkpoints, processes, log)
        with Watch(f"{variant} seed {seed}", options.epochs, out / "live" if processes.first else None) as watch:
            for row in training.epochs():
                watch.show(row)
        if not processes.first:
            return
        progress, signs = training.progress, training.signs
        warnings += (found := health.after(variant, VARIANTS[variant].flips, progress.curves, signs.first_turn))
        for warning in found:
            log(f"warning: {warning}")
        record = {
            "variant": variant,
            "seed": seed,
            "dataset": crops.summary["dataset"],
            "title": crops.summary["title"],
            "epochs": progress.epoch,
            "steps": progress.epoch * steps_per_epoch,
            "steps_per_epoch": steps_per_epoch,
            "sites": sites,
            "injected": signs.first_turn is not None,
            "first_turn": signs.first_turn,
            "turns": signs.turns,
            "best_epoch": progress.best_epoch,
            "warnings": warnings,
            "device": device.name,
            "precision": str(device.precision).removeprefix("torch."),
            "processes": processes.world,
            "torch": torch.__version__,
            "seconds": round(time.monotonic() - started, 1),
            "configuration": checkpoints.hash,
        }
        results.write(out, progress, signs, record)
        checkpoints.remove()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--variant", required=True, choices=VARIANTS)
    parser.add_argument("--seed", required=True, type=int)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # both ways of being stopped end in the same line
    name = f"{arguments.variant} seed {arguments.seed}"
    try:
        if (status := relaunch(read().train.processes)) is not None:
            raise SystemExit(status)
        main(arguments.variant, arguments.seed, processes := join())
        leave(processes)
    except KeyboardInterrupt:
        raise SystemExit(f"{name}: interrupted; the same command continues from the last checkpoint") from None
    except Diverged as error:
        raise SystemExit(f"{name}: {error}") from None
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        raise SystemExit(f"{name}: {reason}; the same command continues from the last checkpoint") from None
