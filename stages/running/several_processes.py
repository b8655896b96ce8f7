"""Runs on several devices each: one run after the other, by the processes that torchrun starts."""

import os
from contextlib import closing
from functools import partial

from stages.ending import AGAIN, this_stage
from stages.running import one_run
from stages.running.ending import said_once
from stages.running.job import Job
from stages.running.launch import join, launch, leave
from stages.running.place import is_one_of_several
from stages.running.progress import Progress


def train(runs: list[Job], arguments: list[str]) -> None:
    """Train the runs; `arguments` are those of the stage, of which each process gets `--only` its run.

    A process that was started as one of several (by torchrun, a SLURM job) is never launched again: it trains its part.
    Raises SystemExit where a run does not end well.
    """
    if is_one_of_several():
        _take_part(runs)
        return
    for job in runs:
        only = job.name.removeprefix(f"{job.variant}/")
        launch(job.params.train.processes, job.machine.device, "stages.train", *arguments, "--only", only)


def _take_part(runs: list[Job]) -> None:
    rank, job = int(os.environ["RANK"]), runs[0]
    try:
        processes = join(job.machine.device)  # once for all runs: no process joins a second group
        for job in runs:
            with closing(Progress([job], 1)) as progress:
                log, show = partial(progress.log, job), partial(progress.show, job)
                if rank:  # the first says it for all
                    log = show = _nothing
                one_run.train(job, job.machine.device, log, show, processes)
                progress.end(job)
        leave(processes)
    except KeyboardInterrupt as error:
        for note in getattr(error, "__notes__", []):
            this_stage(again=note.removeprefix(AGAIN))
        raise
    except BaseException as error:
        if (ending := said_once(job.title, rank, error)) is None:
            raise
        raise ending from None


def _nothing(content: object) -> None:
    pass
