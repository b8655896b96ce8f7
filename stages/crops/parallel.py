"""Decoding on all cores, in order, with a bounded number of crops in memory."""

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path

import numpy as np

from stages.crops.decode import Box, Pixels, crop
from stages.crops.opening import Unusable
from stages.crops.outcome import Outcome, digest
from stages.interruptions import hear, held_back

Task = list[tuple[Path | Pixels, Box | None]]  # pictures with their boxes, as `crop` takes them
Cropped = tuple[np.ndarray, list[Outcome]]


class Decoders:
    """Processes that decode; a context manager that ends them."""

    def __init__(self, workers: int):
        """Start that many processes; a single worker is this process itself."""
        self.workers, self._pool = workers, None
        if workers > 1:
            # Not fork: NumPy's threads run by now. The server forks children that have imported this module once.
            server = "forkserver" in multiprocessing.get_all_start_methods()
            context = multiprocessing.get_context("forkserver" if server else "spawn")
            if server:
                context.set_forkserver_preload([__name__])
            self._pool = ProcessPoolExecutor(workers, context, initializer=_start_worker)

    def __enter__(self) -> "Decoders":
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool:
            self._pool.shutdown(cancel_futures=True)

    def crop_all(self, tasks: Iterable[Task], size: int, channels: int) -> Iterator[Cropped]:
        """Yields (crops, outcomes) for each task, in their order: see `crop_task`.

        At most two tasks per worker are under way, whatever the number of tasks: that bounds the memory. Raises
        BrokenProcessPool when a worker was killed from outside.
        """
        if not self._pool:
            for task in tasks:
                yield crop_task(task, size, channels)
            return
        under_way: deque[Future] = deque()
        for task in tasks:
            with held_back():  # the first ones start the processes
                under_way.append(self._pool.submit(crop_task, task, size, channels))
            if len(under_way) == 2 * self.workers:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def crop_task(task: Task, size: int, channels: int) -> Cropped:
    """(crops, outcomes) of a task.

    crops is uint8 (kept, size, size, channels); outcomes has an entry for each picture, with a crop or without.
    """
    crops, outcomes = np.empty((len(task), size, size, channels), dtype=np.uint8), []
    kept = 0
    for image, box in task:
        try:
            crops[kept], treatments = crop(image, box, size, channels)
        except Unusable as reason:
            outcomes.append(Outcome(reason=str(reason)))
            continue
        outcomes.append(Outcome(digest(crops[kept].data), tuple(treatments)))
        kept += 1
    return crops[:kept], outcomes


def cores() -> int:
    """Cores that this process may use: a container or a batch system may grant fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start_worker() -> None:
    hear()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # A parent that is killed cannot shut its pool down, and the workers would wait for its next task for ever.
    if parent := multiprocessing.parent_process():
        parent.join()
    os._exit(1)
