"""Stage train-<variant>: one run of one variant with one seed, into runs/<variant>-<seed>/.

best.pt, last.pt  state dicts of the epoch with the highest validation macro F1 and of the last one
curves.csv        a row per epoch: epoch, step, lr, train_loss (mean cross-entropy per image of the training forward pass), val_loss,
                  val_macro_f1, val_accuracy, flipped (share of sites x steps with a negative sign), predicted_classes
signs.csv         site, step, epoch, sign: a row where a site's sign differs from the step before, step 1 included
record.json       what was run, on what, how fast, whether anything was injected, and every warning
live/             the same curves while the run trains (DVCLive)
"""

import argparse
import json
import signal
import sys
import time
from functools import partial
from pathlib import Path

import pandas as pd
import torch
from dvclive import Live
from tqdm import tqdm

from stages.crops.store import open_crops
from stages.params import read
from stages.training import health
from stages.training.batches import Batches
from stages.training.checkpoint import Checkpoints, of_sources, write_atomically
from stages.training.device import choose
from stages.training.loop import Diverged, fit
from stages.training.network import prepare
from stages.training.variants import VARIANTS


def main(variant: str, seed: int):
    params, reads = read(), VARIANTS[variant].reads
    options = params.train
    crops = open_crops("data/crops")
    device = choose(options.device, options.precision, options.deterministic)
    train = Batches(crops["train"], crops.summary, device.device, soft=True)
    val = Batches(crops["val"], crops.summary, device.device)
    steps_per_epoch = train.size // options.batch_size
    if not steps_per_epoch:
        raise SystemExit(f"params.yaml: train.batch_size: {options.batch_size} is more than the {train.size} training images there are")
    configuration = {
        "variant": variant,
        "seed": seed,
        "params": {part: params.model_dump()[part] for part in ("train", *reads)},
        "crops": crops.summary["digest"],
        "code": of_sources("noise", "stages/training", "stages/train.py"),
        "torch": torch.__version__,
        "device": [device.name, str(device.precision)],
    }
    checkpoints, out = Checkpoints(configuration), Path("runs") / f"{variant}-{seed}"
    log = partial(tqdm.write, file=sys.stderr)
    with checkpoints.locked(log) as waited:
        if waited and _is_of(out, checkpoints.hash):
            return log(f"{out} was finished by the process waited for")
        network, sites = prepare(variant, seed, params, len(crops.summary["classes"]), device)
        warnings = health.before(variant, reads, params, steps_per_epoch)
        for warning in warnings:
            log(f"warning: {warning}")
        started = time.monotonic()
        bar = tqdm(total=options.epochs, desc=f"{variant} seed {seed}", unit="epoch", mininterval=0)
        live = Live(str(out / "live"), dvcyaml=None, save_dvc_exp=False)

        def on_epoch(row, signs):
            live.step = row["epoch"]
            for name in ("train_loss", "val_loss", "val_macro_f1", "flipped"):
                live.log_metric(name, row[name])
            live.make_summary()
            bar.set_postfix(loss=f"{row['train_loss']:.3f}", f1=f"{row['val_macro_f1']:.3f}", flipped=f"{row['flipped']:.0%}", refresh=False)
            bar.update(row["epoch"] - bar.n)

        progress, signs, trained = fit(
            network, train, val, params, seed, device, crops.summary["classes"], checkpoints=checkpoints, on_epoch=on_epoch, log=log
        )
        bar.close()
        seconds = time.monotonic() - started
        afterwards = health.after(variant, VARIANTS[variant].flips, progress.curves, signs.first_turn)
        for warning in afterwards:
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
            "warnings": warnings + afterwards,
            "device": device.name,
            "precision": str(device.precision).removeprefix("torch."),
            "torch": torch.__version__,
            "seconds": round(seconds, 1),
            "configuration": checkpoints.hash,
        }
        _write(out, progress, signs, trained, record)
        checkpoints.remove()


def _is_of(out, configuration):
    record = out / "record.json"
    return record.exists() and json.loads(record.read_text())["configuration"] == configuration


def _write(out, progress, signs, network, record):
    """record.json comes last: where it stands, the run is whole."""
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / "best.pt", partial(torch.save, progress.best))
    write_atomically(out / "last.pt", partial(torch.save, {name: tensor.cpu() for name, tensor in network.state_dict().items()}))
    curves = pd.DataFrame(progress.curves)
    write_atomically(out / "curves.csv", partial(curves.to_csv, index=False, float_format="%.9g"))
    rows = pd.DataFrame(signs.rows, columns=["site", "step", "epoch", "sign"])
    write_atomically(out / "signs.csv", partial(rows.to_csv, index=False))
    write_atomically(out / "record.json", lambda file: file.write(json.dumps(record, indent=1).encode()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--variant", required=True, choices=VARIANTS)
    parser.add_argument("--seed", required=True, type=int)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # both ways of being stopped end in the same line
    try:
        main(arguments.variant, arguments.seed)
    except KeyboardInterrupt:
        raise SystemExit("interrupted; the same command continues from the last checkpoint") from None
    except Diverged as error:
        raise SystemExit(f"{arguments.variant} seed {arguments.seed}: {error}") from None
    except OSError as error:
        raise SystemExit(f"{error.filename or 'writing the run'}: {error.strerror}; the same command continues from the last checkpoint") from None
