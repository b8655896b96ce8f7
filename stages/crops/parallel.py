"""Decoding on all cores, in order, with a bounded number of crops in memory."""

import hashlib
import multiprocessing
import os
import signal
import threading
from collections import deque
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from stages.crops.decode import Unusable, crop


class Decoders:
    """Processes that decode; a context manager that ends them."""

    def __init__(self, workers):
        self.workers, self._pool = workers, None
        if workers > 1:
            # Not fork: NumPy's threads run by now. The server forks children that have imported this module once.
            server = "forkserver" in multiprocessing.get_all_start_methods()
            context = multiprocessing.get_context("forkserver" if server else "spawn")
            if server:
                context.set_forkserver_preload([__name__])
            self._pool = ProcessPoolExecutor(workers, context, initializer=_start_worker)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._pool:
            self._pool.shutdown(cancel_futures=True)

    def crop_all(self, tasks, size, channels):
        """Yields (crops, outcomes) for each task, in their order: see `crop_task`.

        At most two tasks per worker are under way, whatever the number of tasks: that bounds the memory.
        """
        if not self._pool:
            for task in tasks:
                yield crop_task(task, size, channels)
            return
        under_way = deque()
        for task in tasks:
            under_way.append(self._pool.submit(crop_task, task, size, channels))
            if len(under_way) == 2 * self.workers:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def crop_task(task, size, channels):
    """(crops, outcomes) of a task, a list of (image, box) as `crop` takes them.

    crops is uint8 (kept, size, size, channels). outcomes has an entry for each image: (16-byte digest of its crop's
    pixels, names of treatments), or the reason why there is no crop.
    """
    crops, outcomes = np.empty((len(task), size, size, channels), dtype=np.uint8), []
    kept = 0
    for image, box in task:
        try:
            crops[kept], treatments = crop(image, box, size, channels)
        except Unusable as reason:
            outcomes.append(str(reason))
            continue
        outcomes.append((hashlib.blake2b(crops[kept], digest_size=16).digest(), treatments))
        kept += 1
    return crops[:kept], outcomes


def cores():
    """Cores that this process may use: a container or a batch system may grant fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start_worker():
    # Ctrl-C reaches the whole process group: the parent alone decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent():
    # A parent that is killed cannot shut its pool down, and the workers would wait for its next task for ever.
    multiprocessing.parent_process().join()
    os._exit(1)
