"""What training the seeds of a variant side by side is worth: one stage, against one training after another.

    python -m benchmarks.side_by_side [--variant baseline] [--seeds 6] [--epochs 8] [--side-by-side N]

Side by side: `python -m stages.train` on all seeds, as `dvc repro` runs it, one thread each. One after another:
`python -m stages.train --only <seed>` for each, each on all cores. Both in a folder of their own, on random crops as
many and as large as the drawn faces' (751 and 206 of 48 px), start-up and writing included, with nothing kept from
before. Prints the two times and their ratio; writes reports/benchmarks/side-by-side-<device>.json.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from benchmarks.random_crops import write_crops
from stages.params import read
from stages.training.device import choose

ROOT = Path(__file__).parents[1]
CROPS = {"train": 751, "val": 206, "test": 70}
SIDE, CLASSES = 48, 7


def prepare(folder: Path, arguments: argparse.Namespace, threads: int) -> Path:
    """Write params.yaml, with so many threads to a training, and crops."""
    yaml = YAML()
    params = yaml.load(ROOT / "params.yaml")
    params["seeds"] = list(range(arguments.seeds))
    params["train"]["epochs"] = arguments.epochs
    params["machine"]["threads"] = threads
    params["machine"]["side_by_side"] = arguments.side_by_side
    folder.mkdir()
    yaml.dump(params, folder / "params.yaml")
    write_crops(folder / "data" / "crops", CROPS, SIDE, CLASSES)
    return folder


def train(folder: Path, variant: str, *arguments: str) -> float:
    """The seconds that the stage takes in the folder. Raises CalledProcessError where it fails."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    environment.pop("DVC_ROOT", None)
    command = [sys.executable, "-m", "stages.train", "--variant", variant, *arguments]
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, check=True)
    return time.perf_counter() - started


def measure(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Both ways, and how much less the first takes."""
    cores = len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    beside = train(prepare(folder / "beside", arguments, 1), arguments.variant)
    turns = prepare(folder / "turns", arguments, cores)
    after = [train(turns, arguments.variant, "--only", str(seed)) for seed in range(arguments.seeds)]
    device = choose(read(turns / "params.yaml").machine.device)
    return vars(arguments) | {
        "device": device.hardware,
        "precision": str(device.precision),
        "cores": cores,
        "load_before": load,
        "side_by_side_seconds": beside,
        "one_after_another_seconds": after,
        "ratio": sum(after) / beside,
    }


def main() -> None:
    params = read(ROOT / "params.yaml")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--variant", default="baseline")
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--epochs", type=int, default=params.train.epochs)
    parser.add_argument("--side-by-side", type=int, help="seeds at once (default: as the machine has cores, or GPUs)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = measure(arguments, Path(folder))
    beside, after = report["side_by_side_seconds"], report["one_after_another_seconds"]
    print(f"{arguments.seeds} seeds of {arguments.variant}, {arguments.epochs} epochs, on {report['device']}")
    print(f"side by side: {beside:.1f} s")
    each = ", ".join(f"{took:.1f}" for took in after)
    print(f"one after another on {report['cores']} threads: {sum(after):.1f} s ({each})")
    print(f"ratio: {report['ratio']:.2f}")
    slug = re.sub(r"\W+", "-", report["device"].lower()).strip("-")
    out = ROOT / "reports" / "benchmarks" / f"side-by-side-{slug}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(report, indent=1) + "\n")
    print(f"written to {out.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
