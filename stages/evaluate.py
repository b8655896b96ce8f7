"""Stage evaluate-<variant>: what every run of a variant says of validation and test, by its best and its last weights.

Writes runs/predictions/<variant>/ with a file <seed>.npz for each run, at the run's own place below the folder:
<split>_actual                 class of each image, uint8 (N,), uint16 for more than 256 classes; split is val or test
<split>_<weights>_predicted    the same, of the network; weights is best or last
<split>_<weights>_probability  float16 (N, classes)
<split>_<weights>_loss         mean cross-entropy per image, float64 ()
of                             what they were made of: the checksums of best.pt and last.pt, and the crops' digest
and of the first run
features.npz   `image` (H, W, C) uint8 and `bn` (channels, h, w) float16, what BatchNorm gives at the first site for the
               first test image
plain.pt       its best weights with the signs folded into BatchNorm (`noise.fold`): they load into the architecture as
               torchvision, or timm, has it
"""

import argparse
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

from stages.ending import this_stage
from stages.files import new_folder, write_atomically
from stages.params import Machine, read
from stages.results.folders import finished_in
from stages.results.inputs import BadInput
from stages.results.record import must_be_its_own, read_record
from stages.running.side_by_side import Send, ask, server, side_by_side, slots


class Piece(NamedTuple):
    """A run to be evaluated: its folder, the file to write, and the folder for what is kept of the first run alone."""

    run: Path
    file: Path
    first: Path | None


def main(runs: Path, crops: Path, out: Path) -> None:
    """Evaluate the runs below a folder. Raises SystemExit where there are none, or one of them cannot be evaluated."""
    machine = read().machine
    found = finished_in(runs)
    if not found:
        raise SystemExit(f"evaluate: no runs in {runs}; the stage that trains them writes it")
    context = server("stages.evaluation.predictions")
    places = ask(context, slots, machine)
    with new_folder(out) as folder:
        files = [folder / run.relative_to(runs).with_name(f"{run.name}.npz") for run in found]
        first = [folder, *[None] * (len(found) - 1)]
        pieces = [Piece(*piece) for piece in zip(found, files, first)]
        with closing(side_by_side(context, partial(work, runs, crops, machine), pieces, places)) as messages:
            said = [(kind, _with_its_run(piece, line)) for piece, kind, line in messages if line]
        for kind, line in said:
            if kind == "note":
                print(line)
        if failures := [line for kind, line in said if kind in ("failed", "killed")]:
            raise SystemExit("\n".join(failures))
    print(f"{len(found)} runs evaluated into {out}")


def _with_its_run(piece: Piece, line: str) -> str:
    return f"evaluate: {line if str(piece.run) in line else f'{piece.run}: {line}'}"


def work(runs: Path, crops: Path, machine: Machine, piece: Piece, device: str, send: Send) -> None:
    """Evaluate one run, in a process of its own."""
    import numpy as np
    import torch

    from stages.crops.store import open_crops
    from stages.evaluation.features import features
    from stages.evaluation.predictions import evaluate, folded, network_of
    from stages.results.predictions import WEIGHTS
    from stages.running.checkpoints import save_atomically

    torch.set_num_threads(machine.threads)
    record = read_record(piece.run, runs)
    must_be_its_own(piece.run, record, [f"{weights}.pt" for weights in WEIGHTS])
    opened = open_crops(crops)
    if record["crops"] != opened.summary["digest"]:
        raise BadInput(f"{piece.run}: trained on other crops than those in {crops}; `dvc repro` trains on these")
    network, chosen = network_of(piece.run, record, len(opened.summary["classes"]), device)
    arrays = dict(evaluate(network, piece.run, record, opened, chosen))
    write_atomically(piece.file, lambda file: np.savez_compressed(file, allow_pickle=False, **arrays))
    if piece.first:
        maps = dict(features(network, opened, chosen))
        write_atomically(
            piece.first / "features.npz", lambda file: np.savez_compressed(file, allow_pickle=False, **maps)
        )
        try:
            save_atomically(piece.first / "plain.pt", folded(network, piece.run, opened, chosen))
        except ValueError as error:
            send("note", f"no plain.pt: {error}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, required=True, help="folder of the runs of a variant")
    parser.add_argument("--crops", type=Path, default=Path("data/crops"))
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    this_stage(again="begins anew")
    main(arguments.runs, arguments.crops, arguments.out)
