"""Stage train-<variant>: a run of one variant for each seed (and, in a study, each varied value), side by side.

Writes runs/<variant>/<seed>/ (a study: <out>/<parameter>=<value>/<seed>/):
best.pt, last.pt  state dicts of the epoch with the highest validation macro F1, and of the last one
curves.csv        a row per epoch: epoch, step, lr, train_loss (mean cross-entropy per image of the training forward
                  pass), flipped (share of sites x steps with a negative sign), val_loss, val_macro_f1, val_accuracy,
                  predicted_classes
in_force.csv      site, quantity (sign, p, stddev), step, epoch, value: a row where the value differs from the step
                  before, step 1 included
record.json       what was run, by which parameters, on what, how fast, whether anything was injected, every warning

A finished run is kept (`python -m stages.running.kept`): of the same configuration none is trained twice.
"""

import argparse
import os
import sys
from contextlib import closing
from pathlib import Path

from stages.ending import AGAIN, this_stage
from stages.interruptions import held_back
from stages.params import Machine, Params, read
from stages.running.job import Job, jobs
from stages.running.place import is_one_of_several
from stages.running.progress import Progress
from stages.running.side_by_side import Send, Slots, ask, server, side_by_side, slots
from stages.running.sweep import sweep
from stages.variants import names


def main(variant: str, params_file: str, crops: Path, out: Path, only: str | None) -> None:
    """Train all runs of the variant, or the one that `only` names. Raises SystemExit where one did not end well."""
    this_stage(f"train-{variant}", "continues")
    params, machine = read(params_file), read().machine
    asked = variant, params, machine, crops, out, params_file, only
    is_part = is_one_of_several()
    if not is_part and (swept := sweep()):
        print(f"train-{variant}: {swept}", file=sys.stderr)
    if params.train.processes > 1 or is_part:
        try:
            with held_back():
                from stages.running import several_processes  # imports torch

            several_processes.train(planned(*asked)[0], sys.argv[1:])
        except KeyboardInterrupt:
            if is_part and os.environ["RANK"] != "0":  # the first says it for all
                raise SystemExit(1) from None
            raise
        return
    context = server("stages.running.one_run")
    runs, places = ask(context, planned, *asked)
    progress, said, stopped, trained = Progress(runs, len(places.devices)), set(), Stopped(variant), set()
    with closing(progress), closing(side_by_side(context, work, runs, places, stopped.hear)) as messages:
        for job, kind, content in messages:
            if kind == "row":
                trained.add(job.name)
                progress.show(job, content)
            elif kind == "log":
                progress.log(job, content)
            else:
                progress.end(job)
            if kind == "killed" or (kind == "failed" and content not in said):  # a mistake of every run is said once
                said.add(content)
                progress.log(job, content)
    if said:
        raise SystemExit(1)
    kept = len(runs) - len(trained)
    print(f"{out}: {len(runs)} runs on {crops}, {len(trained)} trained now{f', {kept} kept from before' * bool(kept)}")


class Stopped:
    """What the stage's last line says when it was stopped, from what each of its runs says then."""

    def __init__(self, variant: str):
        self.variant, self.outlooks = variant, dict[str, list[str]]()

    def hear(self, job: Job, line: str) -> None:
        """The last line of a run: what the same command does then, and a mishap of its own."""
        mishap, again, outlook = line.rpartition(AGAIN)
        if not mishap.startswith("interrupted"):
            print(f"{job.title}: {line}", file=sys.stderr)
        if not again:
            return
        self.outlooks.setdefault(outlook, []).append(job.title.removeprefix(f"{self.variant}, "))
        parts = [f"{outlook} ({'; '.join(titles)})" for outlook, titles in self.outlooks.items()]
        this_stage(again=", ".join(parts) if len(parts) > 1 else outlook)


def planned(
    variant: str, params: Params, machine: Machine, crops: Path, out: Path, params_file: str, only: str | None
) -> tuple[list[Job], Slots]:
    """The runs, and the places of this machine; asked in a process that has torch."""
    runs = jobs(variant, params, machine, crops, out, params_file)
    chosen = [job for job in runs if only in (None, job.name.removeprefix(f"{variant}/"))]
    if not chosen:
        there = ", ".join(job.name.removeprefix(f"{variant}/") for job in runs)
        raise SystemExit(f"train: --only {only}: no such run of {variant}; there are {there}")
    return chosen, slots(machine)


def work(job: Job, device: str, send: Send) -> None:
    """One run, in a process of its own."""
    from stages.running import one_run

    one_run.train(job, device, lambda line: send("log", line), lambda row: send("row", row))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--variant", required=True, choices=names())
    parser.add_argument("--params", default="params.yaml", help="a study's own (default: params.yaml)")
    parser.add_argument("--crops", type=Path, default=Path("data/crops"))
    parser.add_argument("--out", type=Path, help="folder of the runs (default: runs/<variant>)")
    parser.add_argument("--only", metavar="RUN", help="one run by its folder below --out: a seed, or interval=3/0")
    arguments = parser.parse_args()
    folder = arguments.out or Path("runs") / arguments.variant
    main(arguments.variant, arguments.params, arguments.crops, folder, arguments.only)
