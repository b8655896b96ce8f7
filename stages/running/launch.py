"""The processes of one run on several devices: torchrun starts them, and each takes its place."""

import ctypes
import logging
import os
import signal
import sys
import tempfile
import uuid
from pathlib import Path

import torch
import torch.distributed as dist

from stages.ending import LAST_WORD, this_stage
from stages.running.place import is_one_of_several
from stages.training.processes import Processes

PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>


def launch(processes: int, device: str, *command: str) -> None:
    """Run `python -m <command>` on so many processes of this machine to their end. Being interrupted ends all of them,
    and what the same command does then, which the first of them knows, this process says.

    Raises SystemExit where they cannot be launched, and, without a word, where one of them ended in an error: that one
    has said why.
    """
    if ":" in device:
        raise SystemExit(
            f"params.yaml: machine.device: {device!r} is one device, for {processes} processes; "
            "choose auto, cuda or cpu"
        )
    gpus = torch.cuda.device_count()
    if _on_gpus(device) and processes > gpus:
        raise SystemExit(f"params.yaml: train.processes: {processes} are more than the {gpus} GPUs of this machine")
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    # torchrun sets it too, but says so at length; each process then takes `machine.threads`.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id=str(uuid.uuid4()),
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        monitor_interval=0.2,
    )
    logging.disable(logging.CRITICAL)  # what ends its processes, they have said themselves
    with tempfile.TemporaryDirectory() as folder:
        word = Path(folder) / "again"
        os.environ[LAST_WORD] = str(word)
        try:
            elastic_launch(config, sys.executable)("-m", *command)
        except ChildFailedError:
            raise SystemExit(1) from None
        except SignalException:
            this_stage(again=word.read_text(encoding="utf-8") if word.exists() else None)
            raise KeyboardInterrupt from None
        finally:
            del os.environ[LAST_WORD]
            logging.disable(logging.NOTSET)


def join(device: str) -> Processes:
    """Take the place that the environment gives this process, or be the only one.

    Raises SystemExit where the others cannot be reached.
    """
    if not is_one_of_several():
        return Processes()
    end_with_the_launcher()
    if _on_gpus(device):
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    rank, size, where = (os.environ[name] for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR"))
    if "TORCHELASTIC_RUN_ID" not in os.environ:  # torchrun has seen to it that all are there
        print(f"process {rank} of {size}, of a job launcher: waiting for the others at {where}", file=sys.stderr)
    try:
        dist.init_process_group("nccl" if _on_gpus(device) else "gloo")
    except dist.DistError as error:
        line = str(error).splitlines()[0]
        raise SystemExit(f"process {rank} of {size} does not reach the others at {where}: {line}") from None
    return Processes(dist.get_rank(), dist.get_world_size())


def end_with_the_launcher() -> None:
    """After a kill -9 of the launcher, which can tell nobody, this process ends as if it had been stopped (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _on_gpus(device: str) -> bool:
    return device != "cpu" and torch.cuda.is_available()


def leave(processes: Processes) -> None:
    """Leave the group of processes, if there is one."""
    if processes.world > 1:
        dist.destroy_process_group()
