"""How fast is training here? Ours against the plain loop that a user would otherwise write, whole epochs with data and augmentation.

    python -m benchmarks.training [--size 64] [--batch-size 64] [--images 2048] [--rounds 5] [--device auto] [--compile on]

The plain loop is torchvision's reference training in short: a DataLoader with all cores, per-image transforms, ToTensor, Normalize,
the same network, Adam and batch; in bfloat16 autocast on a GPU, in float32 on a CPU. All contenders train one epoch in turn, round
after round, so that a machine that slows down slows all of them; medians and spread are over the rounds. One round is a warm-up.
Each contender's memory is that of one more epoch in a process of its own. "Not deterministic" shows what `train.deterministic` costs.
Writes reports/benchmarks/training-<device>-<size>px-batch<n>.json.
"""

import argparse
import json
import multiprocessing
import platform
import re
import statistics
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmarks.measures import flops_per_image, hardware, peak_flops, peak_memory, seconds
from benchmarks.plain_loop import plain_epochs
from stages.params import read
from stages.running.checkpoints import Checkpoints
from stages.training.batches import Batches
from stages.training.device import choose
from stages.training.loop import Training
from stages.training.network import prepare

PLAIN = "plain loop"
# Name in the table: variant, and whether train.deterministic is on (the default).
OURS = {name: (name, True) for name in ("baseline", "dropout", "periodic", "dynamic")} | {
    "baseline, not deterministic": ("baseline", False)
}
CLASSES = 7


@dataclass
class Held:
    """The part of the store that `Batches` reads."""

    images: np.memmap
    labels: np.ndarray
    soft: None = None


def our_epochs(variant, train, val, params, device):
    """Our loop with a variant; yields after each epoch."""
    network, _ = prepare(variant, 0, params, CLASSES, device)
    never = Checkpoints({"benchmark": variant}, root=tempfile.gettempdir())
    yield from Training(
        network, train, val, params, 0, device, [str(label) for label in range(CLASSES)], never
    ).epochs()


def is_deterministic(name):
    """Whether a contender computes the same bits each time; the plain loop does not ask for it."""
    return name in OURS and OURS[name][1]


def contender(name, arguments, folder):
    """`(device, epochs)` of a contender, from the files in the folder; each `next(epochs)` trains one."""
    params = parameters(arguments)
    device = choose(arguments.device, deterministic=is_deterministic(name))
    images, labels = np.load(folder / "train.npy", mmap_mode="c"), np.load(folder / "labels.npy")
    if name == PLAIN:
        return device, plain_epochs(images, labels, CLASSES, params.train, device, arguments.cores)
    summary = {"flip": True, "mean": [0.5] * 3, "std": [0.25] * 3}
    train = Batches(Held(images, labels), summary, device.device)
    val = Batches(Held(images[:64], labels[:64]), summary, device.device)
    return device, our_epochs(OURS[name][0], train, val, params, device)


def parameters(arguments):
    params = read()
    compiled = arguments.compile or ("on" if torch.cuda.is_available() and arguments.device != "cpu" else "off")
    endless = {
        "epochs": arguments.rounds + 1,
        "batch_size": arguments.batch_size,
        "checkpoint_seconds": 1e9,
        "compile": compiled,
    }
    return params.model_copy(update={"train": params.train.model_copy(update=endless), "interval": 2})


def memory(name, arguments, folder):
    """The most bytes that one epoch of a contender takes, in a process of its own."""
    device, epochs = contender(name, arguments, folder)
    next(epochs)
    return peak_memory(device)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=64, help="side of an image in pixels")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--images", type=int, default=2048, help="images in an epoch")
    parser.add_argument("--rounds", type=int, default=5, help="counted epochs of each contender")
    parser.add_argument(
        "--cores", type=int, default=torch.get_num_threads(), help="workers of the plain loop's DataLoader"
    )
    parser.add_argument("--device", default="auto")
    parser.add_argument(
        "--compile", choices=["on", "off"], help="torch.compile for ours; default: on for a GPU, as in a long run"
    )
    arguments = parser.parse_args()

    device, params = choose(arguments.device), parameters(arguments)
    rng = np.random.default_rng(0)
    steps = arguments.images // arguments.batch_size
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        np.save(
            folder / "train.npy",
            rng.integers(0, 256, (arguments.images, arguments.size, arguments.size, 3), dtype=np.uint8),
        )
        np.save(folder / "labels.npy", rng.integers(0, CLASSES, arguments.images))
        names = [PLAIN, *OURS]
        contenders = {name: contender(name, arguments, folder)[1] for name in names}
        times = {name: [] for name in names}
        for number in range(arguments.rounds + 1):
            for name, epochs in contenders.items():
                choose(arguments.device, deterministic=is_deterministic(name))  # a setting of the whole process
                times[name].append(seconds(partial(next, epochs), device))
                print(f"round {number}, {name}: {times[name][-1]:.2f} s", flush=True)
        del contenders, epochs  # their memory is not that of the runs alone
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), max_tasks_per_child=1) as alone:
            taken = {name: alone.submit(memory, name, arguments, folder).result() for name in names}

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
        "device": hardware(device),
        "precision": str(device.precision),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "network": params.train.network,
        "measured_peak_tflops": highest / 1e12,
        "compile": params.train.compile,
        "results": rows,
    }
    print(table(report))
    slug = re.sub(r"\W+", "-", device.name.lower()).strip("-")
    out = Path("reports/benchmarks") / f"training-{slug}-{arguments.size}px-batch{arguments.batch_size}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(report, indent=1) + "\n")
    print(f"\nwritten to {out}")


def table(report):
    """The report as Markdown."""
    lines = [
        f"{report['network']}, {report['size']} px, batch {report['batch_size']}, {report['precision']} on {report['device']}; "
        f"measured peak {report['measured_peak_tflops']:.2f} TFLOP/s",
        "",
        "| | images/s (min to max) | ms a step | times the plain loop | step over baseline's | share of peak | memory, MB |",
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
