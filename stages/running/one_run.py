"""One run from its parameters to its folder: taken from the kept ones, continued from its checkpoint, or trained."""

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace

import torch

from stages.crops.store import open_crops
from stages.ending import AGAIN
from stages.evaluation.weights import unsound
from stages.files import put_folder, recover
from stages.interruptions import held_back
from stages.running import health, kept, record
from stages.running.checkpoints import Checkpoints, snapshot, unusable
from stages.running.configuration import configuration
from stages.running.job import Job
from stages.training.device import choose
from stages.training.loop import Diverged, Run, Training, weights
from stages.training.network import compiles, must_take
from stages.training.processes import Processes
from stages.training.schedule import rates
from stages.variants import load

ALONE = Processes()


def train(
    job: Job,
    device: str,
    log: Callable[[str], None],
    show: Callable[[dict], None],
    processes: Processes = ALONE,
) -> None:
    """Train a run on the device, unless it is kept, and put it into its folder.

    `log` takes lines about the run, `show` the row of every epoch, those done before an interruption included. Raises
    SystemExit for what a user can mend, and as `Training.epochs` and `Checkpoints.save` do.
    """
    job, run = made(job, device, processes)
    checkpoints = Checkpoints(configuration(job, run))
    finished = kept.folder_of(checkpoints.hash)
    try:
        # Several processes do not wait: the others would give up waiting for the first.
        with checkpoints.locked(log, wait=processes.world == 1) if processes.first else nullcontext():
            if processes.agree(processes.first and record.is_of(finished, checkpoints.hash)):
                log("nothing to train: the finished run is kept")
            else:
                training = carried_out(job, run, checkpoints, log, show)
                if processes.first:
                    with held_back():  # seconds, after which nothing of the run can be lost
                        keep(job, training, checkpoints, log)
            if processes.first:
                hand_over(job, run, checkpoints)
    except BaseException as error:
        error.add_note(f"{AGAIN}{checkpoints.outlook()}")
        raise


def made(job: Job, device: str, processes: Processes = ALONE) -> tuple[Job, Run]:
    """The job with its parameters settled, and what decides the run's bits, on the device as it is here.

    Raises SystemExit for a batch that does not fit.
    """
    options, variant = job.params.train, load(job.variant)
    torch.set_num_threads(job.machine.threads)
    chosen, crops = choose(device, options.precision, options.deterministic), open_crops(job.crops)
    pool = len(crops["train"])
    images = min(options.images or pool, pool)
    health.must_fit(options, pool, len(crops.summary["classes"]), processes.world)
    compiled = compiles(job.machine.compile, chosen, options.epochs * (images // options.batch_size))
    job = replace(job, params=variant.settle(job.params, rates(options, images), job.seed))
    run = Run(
        attach=lambda network: variant.attach(network, job.params),
        ready=variant.ready,
        unit=variant.unit(job.params),
        options=job.params.train,
        seed=job.seed,
        crops=crops,
        device=chosen,
        compile=compiled,
        processes=processes,
    )
    return job, run


def carried_out(job: Job, run: Run, checkpoints: Checkpoints, log: Callable, show: Callable) -> Training:
    """The run, trained to its end.

    A checkpoint is written every `machine.checkpoint_seconds`, and where something ends the training early: then of the
    last epoch that was finished, of which a copy lies in main memory until then.
    """
    training, processes = Training(run), run.processes
    must_take(training.network, run.options.network, run.crops.summary["size"], len(run.classes))
    # The first process's checkpoint, for all: on several machines each has a disk of its own.
    if state := processes.agree(checkpoints.load(log) if processes.first else None):
        if reason := unusable(state, training):
            log(f"{checkpoints.file} is of no use ({reason}): starting from the first epoch")
            training = Training(run)
        else:
            log(f"continuing after epoch {training.progress.epoch} of {run.options.epochs}")
    for warning in _before(job, training):
        log(f"warning: {warning}")
    for row in training.progress.curves:
        show(row)
    saved, unsaved = time.monotonic(), None
    try:
        for row in training.epochs():
            if processes.first and row["epoch"] == run.options.epochs:
                unsaved = training.state_dict()  # nothing changes it any more
            elif processes.first and time.monotonic() - saved >= job.machine.checkpoint_seconds:
                checkpoints.save(training.state_dict())
                saved, unsaved = time.monotonic(), None
            elif processes.first:
                unsaved = snapshot(training.state_dict())
            show(row)
    except Diverged:
        checkpoints.remove()  # to continue from it would be to diverge again
        raise
    except BaseException:
        if unsaved:
            with held_back():
                checkpoints.save(unsaved)
        raise
    return training


def keep(job: Job, training: Training, checkpoints: Checkpoints, log: Callable) -> None:
    """Write the finished run among the kept ones, whole or not at all. Raises Diverged for weights that are none."""
    in_force = training.in_force
    for state in (training.progress.best, weights(training.evaluated)):
        if reason := unsound(state, training.network.state_dict()):
            raise Diverged(f"the losses are numbers, and the weights are not: {reason}; lower train.learning_rate")
    warnings = health.after(job.variant, training.progress.curves, len(in_force.signed), in_force.first_turn)
    for warning in warnings:
        log(f"warning: {warning}")
    about = record.record(job, training, checkpoints.configuration, _before(job, training) + warnings)
    # Beside the checkpoint, which goes with all that a killed writer leaves.
    folder = checkpoints.folder / "finished"
    record.write(folder, training, about, checkpoints.hash)
    put_folder(folder, kept.folder_of(checkpoints.hash))


def hand_over(job: Job, run: Run, checkpoints: Checkpoints) -> None:
    """Put the kept run into the job's folder, where it is not there yet, and clear up after it."""
    recover(job.folder)
    if not record.is_of(job.folder, checkpoints.hash):
        finished = kept.folder_of(checkpoints.hash)
        # A kept run may be of the same pixels under another name.
        names = record.names(job) | record.named(run.crops.summary)
        kept.copy(finished, job.folder, checkpoints.folder / "copy", names)
    checkpoints.remove()


def _before(job, training):
    of_parameters = health.before(job.variant, load(job.variant).reads, job.params, training.steps_per_epoch)
    return of_parameters + health.of_the_crops(job.variant, job.params, training.run.crops)
