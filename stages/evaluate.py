"""Stage evaluate-<variant>: what every run of a variant says of validation and test, by its best and its last weights.

Writes runs/predictions/<variant>/ with a file <seed>.npz for each run, at the run's own place below the folder:
<split>_actual                 class of each image, uint8 (N,), uint16 for more than 256 classes; split is val or test
<split>_<weights>_predicted    the same, of the network; weights is best or last
<split>_<weights>_probability  float16 (N, classes)
<split>_<weights>_loss         mean cross-entropy per image, float64 ()
of                             what they were made of: the checksums of best.pt and last.pt, and the crops' digest
and of the first run
features.npz   `image` (H, W, C) uint8 and `bn` (channels, h, w) float16, what BatchNorm gives at the first site for the
               first test image; `run`, `site` and `channels` (channels,) say of which run, and where
plain.pt       its best weights with the signs folded into BatchNorm (`noise.fold`): they load into the architecture as
               torchvision, or timm, has it
"""

from functools import partial
from pathlib import Path

from stages.files import write_atomically
from stages.params import Machine
from stages.results.folders import finished_in
from stages.running.each_run import Piece, each_run, start
from stages.running.side_by_side import Send


def main(runs: Path, crops: Path, out: Path) -> None:
    """Evaluate the runs below a folder. Raises SystemExit where there are none, or one of them cannot be evaluated."""
    found = finished_in(runs)
    each_run("evaluate", runs, found, out, "stages.evaluation.predictions", partial(work, runs, crops))
    print(f"{len(found)} runs evaluated into {out}")


def work(runs: Path, crops: Path, machine: Machine, piece: Piece, device: str, send: Send) -> None:
    """Evaluate one run, in a process of its own."""
    import numpy as np
    import torch

    from stages.evaluation.features import features
    from stages.evaluation.predictions import evaluate, folded, opened
    from stages.results.predictions import WEIGHTS
    from stages.running.checkpoints import save_atomically

    torch.set_num_threads(machine.threads)
    record, store, network, chosen = opened(piece.run, runs, crops, WEIGHTS, device)
    arrays = dict(evaluate(network, piece.run, record, store, chosen))
    write_atomically(piece.file, lambda file: np.savez_compressed(file, allow_pickle=False, **arrays))
    if piece.first:
        maps = dict(features(network, store, chosen)) | {"run": np.array(record["run"])}
        write_atomically(
            piece.first / "features.npz", lambda file: np.savez_compressed(file, allow_pickle=False, **maps)
        )
        try:
            save_atomically(piece.first / "plain.pt", folded(network, piece.run, store, chosen))
        except ValueError as error:
            send("note", f"no plain.pt: {error}")


if __name__ == "__main__":
    start(main, __doc__)
