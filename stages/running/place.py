"""The place of this process among those of one run, as torchrun, or another launcher of jobs, says it."""

import os

from stages.ending import Mistake

NUMBERS = ("RANK", "LOCAL_RANK", "WORLD_SIZE")
ADDRESS = ("MASTER_ADDR", "MASTER_PORT")


def is_one_of_several() -> bool:
    """Whether this process was started to share runs with others: by torchrun, or with all that torchrun would set.

    A launcher's `LOCAL_RANK` for a single process, or its `RANK` without one, is none of training's business. Raises
    Mistake where a process is said to be one of several and cannot find the others.
    """
    if "TORCHELASTIC_RUN_ID" in os.environ:
        return True
    if "LOCAL_RANK" not in os.environ or os.environ.get("WORLD_SIZE", "1") == "1":
        return False
    cure = "start the stage by torchrun (docs/long-runs.md), or unset LOCAL_RANK to train alone"
    if missing := [name for name in (*NUMBERS, *ADDRESS) if not os.environ.get(name)]:
        raise Mistake(f"LOCAL_RANK and WORLD_SIZE are set by a job launcher, and {', '.join(missing)} not: {cure}")
    for name in (*NUMBERS, "MASTER_PORT"):
        if not os.environ[name].isdecimal():
            raise Mistake(f"{name} is set to {os.environ[name]!r} by a job launcher, and no number: {cure}")
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    if rank >= size:
        raise Mistake(f"RANK is set to {rank} by a job launcher, and WORLD_SIZE to {size}: {cure}")
    return True
