"""Stage train-<variant>: one run of one variant with one seed, into runs/<variant>-<seed>/.

best.pt           state dict of the epoch with the highest validation macro F1
curves.csv        a row per epoch: epoch, step, lr, train_loss (mean cross-entropy per image of the training forward pass), val_loss,
                  val_macro_f1, val_accuracy, flipped (share of sites x steps with a negative sign), predicted_classes
signs.csv         site, step, epoch, sign: a row where a site's sign differs from the step before, step 1 included
record.json       what was run, on what, how fast, whether anything was injected, and every warning
live/             the same curves while the run trains (DVCLive)
"""

import argparse
import os
import signal
import sys
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from tqdm import tqdm

from stages.crops.store import open_crops
from stages.params import read
from stages.running import health
from stages.running import record as results
from stages.running.checkpoints import Checkpoints
from stages.running.configuration import configuration
from stages.running.progress import Watch
from stages.training.batches import Batches
from stages.training.device import choose
from stages.training.loop import Diverged, Training
from stages.training.network import must_take, prepare
from stages.training.processes import Processes, join, launch, leave
from stages.variants import VARIANTS


def main(variant: str, seed: int, processes: Processes):
    params, crops = read(), open_crops("data/crops")
    options, classes = params.train, crops.summary["classes"]
    device = choose(options.device, options.precision, options.deterministic)
    train = Batches(crops["train"], crops.summary, device.device, soft=True)
    val = Batches(crops["val"], crops.summary, device.device)
    health.must_fit(options, train.size, processes.world)
    checkpoints = Checkpoints(configuration(variant, seed, params, crops.summary["digest"], device, processes.world))
    out = Path("runs") / f"{variant}-{seed}"
    log = partial(tqdm.write, file=sys.stderr) if processes.first else lambda line: None

    # Several processes do not wait: the others would give up waiting for the first.
    with checkpoints.locked(log, wait=processes.world == 1) if processes.first else nullcontext() as waited:
        if waited and results.is_of(out, checkpoints.hash):
            return log(f"{out} was finished by the process waited for")
        network, sites = prepare(variant, seed, params, len(classes), device, processes)
        must_take(network, options.network, crops.summary["size"], len(classes))
        training = Training(network, train, val, params, seed, device, classes, checkpoints, processes, log)
        warnings = tell(log, health.before(variant, params, training.steps_per_epoch))
        with Watch(f"{variant} seed {seed}", options.epochs, out / "live" if processes.first else None) as watch:
            for row in training.epochs():
                watch.show(row)
        if processes.first:
            warnings += tell(log, health.after(variant, training.progress.curves, training.signs.first_turn))
            results.write(out, training, results.record(variant, seed, crops.summary, sites, training, warnings))
            checkpoints.remove()


def tell(log, warnings: list[str]) -> list[str]:
    for warning in warnings:
        log(f"warning: {warning}")
    return warnings


def run(variant: str, seed: int):
    """Train, on as many processes as asked for, with one line for whatever ends it early."""
    rank = int(os.environ.get("RANK", 0))
    name = f"{variant} seed {seed}" + (f", process {rank}" if rank else "")
    go_on = "the same command continues from the last checkpoint"
    try:
        options = read().train
        if not launch(options.processes, options.device):
            main(variant, seed, processes := join(options.device))
            leave(processes)
        return
    except SystemExit as end:
        shared = end.code
    except KeyboardInterrupt:
        shared = f"{name}: interrupted; {go_on}"
    except Diverged as error:
        shared = f"{name}: {error}"
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        raise SystemExit(f"{name}: {reason}; {go_on}") from None
    except RuntimeError as error:
        if (reason := health.explain(error)) is None:
            raise
        raise SystemExit(f"{name}: {reason}") from None
    # All processes come to it at once, and the first says it for all.
    raise SystemExit(1 if rank else shared)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--variant", required=True, choices=VARIANTS)
    parser.add_argument("--seed", required=True, type=int)
    arguments = parser.parse_args()
    if not 0 <= arguments.seed < 2**32:
        parser.error(f"argument --seed: {arguments.seed} is not in 0 to {2**32 - 1}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # both ways of being stopped end in the same line
    run(arguments.variant, arguments.seed)
