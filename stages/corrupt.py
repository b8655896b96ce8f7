"""Stage corrupt-<variant>: what every run of a variant says of the test split when its pictures are spoiled.

By its last weights, which chose nothing. Writes a folder with a file <seed>.npz for each run, at the run's own place:
corruptions   the names of the K ways, see `stages.corruptions.strengths`
predicted     class of each image, uint8 (K, N), uint16 for more than 256 classes
loss          mean cross-entropy per image, float64 (K,)
of            what they were made of: the checksum of last.pt, and the crops' digest
Pictures are spoiled a batch at a time: it takes no more memory than evaluating.
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
    each_run("corrupt", runs, found, out, "stages.corruptions.predictions", partial(work, runs, crops))
    print(f"{len(found)} runs evaluated on spoiled pictures into {out}")


def work(runs: Path, crops: Path, machine: Machine, piece: Piece, device: str, send: Send) -> None:
    """Evaluate one run, in a process of its own."""
    import numpy as np
    import torch

    from stages.corruptions.predictions import evaluate
    from stages.evaluation.predictions import load_weights, opened

    torch.set_num_threads(machine.threads)
    run = opened(piece.run, runs, crops, ["last"], device)
    load_weights(run.network, piece.run / "last.pt", run.device)
    arrays = dict(evaluate(run.network, piece.run, run.record, run.crops, run.device))
    write_atomically(piece.file, lambda file: np.savez_compressed(file, allow_pickle=False, **arrays))


if __name__ == "__main__":
    start(main, __doc__)
