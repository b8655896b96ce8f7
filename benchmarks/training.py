"""How fast is training here? Ours against the plain loop that a user would otherwise write, whole epochs with all.

    python -m benchmarks.training [--size 64] [--batch-size 64] [--images 2048] [--rounds 5] [--threads 1] [...]

The plain loop is torchvision's reference training in short: a DataLoader with all cores, per-image transforms,
ToTensor, Normalize, the same network, Adam and batch; in bfloat16 autocast on a GPU, in float32 on a CPU. All
contenders train one epoch in turn, round after round, so that a machine that slows down slows all of them; medians and
spread are over the rounds. One round is a warm-up. Each contender's memory is that of one more epoch in a process of
its own. "Not deterministic" shows what `train.deterministic` costs, "oneDNN's own convolutions" what small convolutions
as matrix products (`stages/training/convolution.py`) are worth.
Writes reports/benchmarks/training-<device>-<size>px-batch<n>.json.
"""

import argparse
import json
import multiprocessing
import platform
import re
import statistics
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import torch

from benchmarks.measures import flops_per_image, peak_flops, peak_memory, seconds
from benchmarks.plain_loop import plain_epochs
from benchmarks.random_crops import write_crops
from stages.crops.store import open_crops
from stages.params import Params, read
from stages.training import network
from stages.training.device import Device, choose
from stages.training.loop import Run, Training
from stages.training.schedule import rates
from stages.variants import load

PLAIN = "plain loop"
CLASSES = 7
HELD_OUT = {"val": 64, "test": 64}


class Ours(NamedTuple):
    """One of our contenders: `train.deterministic`, and small convolutions as matrix products, as by default or not."""

    variant: str
    deterministic: bool = True
    matrix_products: bool = True


OURS = {name: Ours(name) for name in ("baseline", "dropout", "periodic", "dynamic", "gaussian")} | {
    "baseline, not deterministic": Ours("baseline", deterministic=False),
    "baseline, oneDNN's own convolutions": Ours("baseline", matrix_products=False),
}


def our_epochs(ours: Ours, crops: Path, params: Params, device: Device, compiled: bool) -> Iterator[dict]:
    """Our loop with a variant; yields after each epoch."""
    variant, opened = load(ours.variant), open_crops(crops)
    params = variant.settle(params, rates(params.train, len(opened["train"])), seed=0)
    attach = partial(variant.attach, params=params)
    run = Run(attach, variant.unit(params), params.train, 0, opened, device, compiled)
    gains = network.gains_by_products if ours.matrix_products else lambda device: False
    with patch.object(network, "gains_by_products", gains):
        training = Training(run)
    yield from training.epochs()


def is_deterministic(name: str) -> bool:
    """Whether a contender computes the same bits each time; the plain loop does not ask for it."""
    return name in OURS and OURS[name].deterministic


def contender(name: str, arguments: argparse.Namespace, crops: Path) -> tuple[Device, Iterator]:
    """`(device, epochs)` of a contender, on the crops in the folder; each `next(epochs)` trains one."""
    torch.set_num_threads(arguments.threads)
    params = parameters(arguments)
    device = choose(arguments.device, deterministic=is_deterministic(name))
    if name == PLAIN:
        train = open_crops(crops)["train"]
        images = np.load(crops / "train" / "images.npy", mmap_mode="c")
        return device, plain_epochs(images, train.labels, CLASSES, params.train, device, arguments.cores)
    return device, our_epochs(OURS[name], crops, params, device, compiles(arguments))


def compiles(arguments: argparse.Namespace) -> bool:
    """Whether ours is compiled: where asked for, or on a GPU."""
    on_gpu = torch.cuda.is_available() and arguments.device != "cpu"
    return arguments.compile == "on" or (arguments.compile is None and on_gpu)


def parameters(arguments: argparse.Namespace) -> Params:
    """Those of params.yaml, for as many epochs as there are rounds, with a sign that turns."""
    params = read()
    endless = {"epochs": arguments.rounds + 1, "images": None, "batch_size": arguments.batch_size}
    return params.model_copy(update={"train": params.train.model_copy(update=endless), "interval": 2})


def memory(name: str, arguments: argparse.Namespace, crops: Path) -> int:
    """The most bytes that one epoch of a contender takes, in a process of its own."""
    device, epochs = contender(name, arguments, crops)
    next(epochs)
    return peak_memory(device)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=64, help="side of an image in pixels")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--images", type=int, default=2048, help="images in an epoch")
    parser.add_argument("--rounds", type=int, default=5, help="counted epochs of each contender")
    parser.add_argument(
        "--cores", type=int, default=torch.get_num_threads(), help="workers of the plain loop's DataLoader"
    )
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of each contender on a CPU")
    parser.add_argument("--device", default="auto")
    parser.add_argument(
        "--compile", choices=["on", "off"], help="torch.compile for ours; default: on for a GPU, as in a long run"
    )
    parser.add_argument(
        "--only", nargs="+", choices=list(OURS), default=list(OURS), metavar="CONTENDER", help="beside the plain loop"
    )
    arguments = parser.parse_args()

    device, params = choose(arguments.device), parameters(arguments)
    steps = arguments.images // arguments.batch_size
    with tempfile.TemporaryDirectory() as folder:
        crops = Path(folder)
        write_crops(crops, {"train": arguments.images} | HELD_OUT, arguments.size, CLASSES)
        names = [PLAIN, *dict.fromkeys(["baseline", *arguments.only])]
        contenders = {name: contender(name, arguments, crops)[1] for name in names}
        times = {name: [] for name in names}
        for number in range(arguments.rounds + 1):
            for name, epochs in contenders.items():
                choose(arguments.device, deterministic=is_deterministic(name))  # a setting of the whole process
                times[name].append(seconds(partial(next, epochs), device))
                print(f"round {number}, {name}: {times[name][-1]:.2f} s", flush=True)
        del contenders, epochs  # their memory is not that of the runs alone
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), max_tasks_per_child=1) as alone:
            taken = {name: alone.submit(memory, name, arguments, crops).result() for name in names}

    highest, work = peak_flops(device), flops_per_image(params.train.network, CLASSES, arguments.size, device)
    rows = []
    for name, measured in times.items():
        counted = measured[1:]
        rates = [steps * arguments.batch_size / took for took in counted]
        against = [plain / took for plain, took in zip(times[PLAIN][1:], counted)]
        beside = [took / baseline for took, baseline in zip(counted, times["baseline"][1:])]
        rows.append(
            {
                "contender": name,
                "images_per_second": statistics.median(rates),
                "images_per_second_range": [min(rates), max(rates)],
                "step_ms": 1000 * statistics.median(counted) / steps,
                "times_plain": statistics.median(against),
                "step_over_baseline": statistics.median(beside),
                "share_of_peak": work * statistics.median(rates) / highest,
                "peak_memory_mb": taken[name] / 2**20,
            }
        )
    report = vars(arguments) | {
        "device": device.hardware,
        "precision": str(device.precision),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "network": params.train.network,
        "measured_peak_tflops": highest / 1e12,
        "compile": compiles(arguments),
        "results": rows,
    }
    print(table(report))
    threads = f" {device.threads} threads" if device.threads else ""
    slug = re.sub(r"\W+", "-", f"{device.hardware}{threads}".lower()).strip("-")
    out = Path("reports/benchmarks") / f"training-{slug}-{arguments.size}px-batch{arguments.batch_size}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(report, indent=1) + "\n")
    print(f"\nwritten to {out}")


def table(report: dict[str, Any]) -> str:
    """The report as Markdown."""
    lines = [
        f"{report['network']}, {report['size']} px, batch {report['batch_size']}, {report['precision']} "
        f"on {report['device']}, {report['threads']} threads; "
        f"measured peak {report['measured_peak_tflops']:.2f} TFLOP/s",
        "",
        "| | images/s (min to max) | ms a step | times the plain loop | step over baseline's | share of peak "
        "| memory, MB |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for row in report["results"]:
        low, high = row["images_per_second_range"]
        lines.append(
            f"| {row['contender']} | {row['images_per_second']:.0f} ({low:.0f} to {high:.0f}) | {row['step_ms']:.1f} "
            f"| {row['times_plain']:.2f} | {row['step_over_baseline']:.2f} | {row['share_of_peak']:.1%} "
            f"| {row['peak_memory_mb']:.0f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
