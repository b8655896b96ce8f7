"""How fast `prepare` makes crops, against the plain loop, on pictures of AffectNet's typical size.

    python benchmarks/crops.py           speed per core, by picture size and crop size, and where the time goes
    python benchmarks/crops.py --memory  peak memory of the whole build at 1x and 8x the pictures
    python benchmarks/crops.py --store   time to open a store of 280,000 crops of 112 px

The plain loop is Pillow's open, convert, crop, resize for each picture and np.stack at the end. Both loops run in
turn on the same pictures and count CPU time, which is time per core and does not see what else the machine does;
shown are medians over the repeats, and their range.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
from photographs import write_pictures
from PIL import Image
from random_crops import write_crops

from stages.crops.build import build
from stages.crops.decode import crop
from stages.crops.parallel import crop_task
from stages.crops.rows import RowsFile
from stages.crops.store import open_crops
from stages.datasets import SETS
from stages.datasets.division import divide


def plain(pictures, size):
    images = []
    for path, (x, y, width, height) in pictures:
        images.append(
            np.asarray(Image.open(path).convert("RGB").crop((x, y, x + width, y + height)).resize((size, size)))
        )
    return np.stack(images)


def ours(pictures, size):
    return crop_task(pictures, size, 3)[0]


def cpu(function, *arguments):
    start = time.process_time()
    function(*arguments)
    return time.process_time() - start


def compare(pictures, size, repeats):
    """A dict of one line of the table."""
    first, second = plain(pictures, size), ours(pictures, size)
    difference = np.abs(first.astype(int) - second)
    pairs = []
    for _ in range(repeats):
        # Picture by picture in turn: what slows the machine down for a while slows both.
        times = [(cpu(plain, [picture], size), cpu(ours, [picture], size)) for picture in pictures]
        pairs.append(tuple(map(sum, zip(*times, strict=True))))
    ratios = sorted(a / b for a, b in pairs)
    return {
        "crop": size,
        "plain": len(pictures) / median(a for a, _ in pairs),
        "ours": len(pictures) / median(b for _, b in pairs),
        "ratio": median(ratios),
        "lowest": ratios[0],
        "highest": ratios[-1],
        "mean_difference": difference.mean(),
        "worst_picture": difference.mean(axis=(1, 2, 3)).max(),
    }


def where_time_goes(pictures, size, repeats):
    """Shares of the CPU time of `ours`, found by leaving out one step after the other; and the floor that no JPEG
    decoder of this kind goes below.
    """

    def opened():
        for path, _ in pictures:
            Image.open(path).close()

    def entropy():
        for path, _ in pictures:
            with Image.open(path) as picture:
                picture.draft("RGB", (picture.width // 8, picture.height // 8))
                picture.load()

    def cropped():
        return [crop(path, box, size, 3)[0] for path, box in pictures]

    crops = cropped()

    def resized():
        for _, box in pictures:
            side = max(size, box[2] // max(scale for scale in (1, 2, 4, 8) if scale == 1 or box[2] >= scale * size))
            Image.new("RGB", (side, side)).resize((size, size), Image.Resampling.BICUBIC)

    def digested():
        for pixels in crops:
            hashlib.blake2b(pixels, digest_size=16).digest()

    times = {function.__name__: [] for function in (opened, entropy, cropped, resized, digested)}
    for _ in range(repeats):
        for function in (opened, entropy, cropped, resized, digested):
            times[function.__name__].append(cpu(function))
    t = {name: median(values) for name, values in times.items()}
    total = t["cropped"] + t["digested"]
    return {
        "opening and headers": t["opened"] / total,
        "decoding, cutting": (t["cropped"] - t["opened"] - t["resized"]) / total,
        "resizing": t["resized"] / total,
        "digest": t["digested"] / total,
        "floor: Huffman decoding of whole pictures": (t["entropy"] - t["opened"]) / total,
    }


def speed(arguments):
    results = []
    generator = np.random.default_rng(1)
    groups = {str(side): [side] * max(8, arguments.pictures * 300 // side) for side in (300, 425, 640, 1024)}
    # AffectNet's pictures: median about 425 px, some beyond 1,000.
    groups["mixed"] = np.clip(425 * np.exp(generator.normal(0, 0.5, arguments.pictures)), 130, 2500)
    print("picture  crop   plain/s    ours/s   ratio (range)          mean |difference|, worst picture (of 255)")
    with tempfile.TemporaryDirectory() as folder:
        for name, sides in groups.items():
            place = Path(folder) / name
            place.mkdir()
            pictures = write_pictures(place, sides)
            for size in (64, 112):
                row = {"picture": name, **compare(pictures, size, arguments.repeats)}
                results.append(row)
                spread = f"({row['lowest']:.2f} to {row['highest']:.2f})"
                print(
                    f"{name:>7}{size:>6}{row['plain']:>10.0f}{row['ours']:>10.0f}{row['ratio']:>8.2f} {spread}"
                    f"{row['mean_difference']:>14.2f}{row['worst_picture']:>8.2f}"
                )
        shares = where_time_goes(pictures, 112, arguments.repeats)
    print("per CPU second, one core. Mixed pictures to 112 px, shares of our time:")
    print("\n".join(f"  {share:>5.0%}  {name}" for name, share in shares.items()))
    if arguments.json:
        Path(arguments.json).write_text(json.dumps({"speed": results, "shares": shares}, indent=2) + "\n")


def build_many(folder, copies):
    """Builds a store from the pictures in folder, each listed copies times; run in a process of its own by `memory`."""
    root = Path(folder)
    dataset = SETS["csv"]
    division = divide(
        dataset,
        (sample for _ in range(copies) for sample in dataset.samples(root)),
        root,
        classes="all",
        test_share=0.15,
    )
    about = {"dataset": "csv", "title": dataset.title, "size": 112, "channels": 3, "flip": True, "mean_std": None}
    build(division, root, root / "crops", about=about, fingerprint={}, scratch=root / ".scratch", workers=2)


def memory(arguments):
    """Peak of the memory of all processes of a build, sampled fifty times a second.

    With the number of images, only the list of pictures may grow.
    """
    with tempfile.TemporaryDirectory() as folder:
        pictures = write_pictures(folder, [425] * 40)
        rows = [f"{path.name},{'ab'[i % 2]},{' '.join(map(str, box))}" for i, (path, box) in enumerate(pictures)]
        (Path(folder) / "labels.csv").write_text("path,label,box\n" + "\n".join(rows * 100) + "\n")
        for copies in (1, 8):
            command = [sys.executable, __file__, "--build", folder, "--copies", str(copies)]
            process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
            peak = 0
            while process.poll() is None:
                own = [pid for pid in os.listdir("/proc") if pid.isdigit() and session(pid) == process.pid]
                peak = max(peak, sum(map(resident, own)))
                time.sleep(0.02)
            images = open_crops(Path(folder) / "crops")
            count = sum(len(images[split]) for split in images.splits)
            crops = f"{count:>7,} images, {count * 112 * 112 * 3 / 2**20:>5.0f} MiB of crops"
            print(f"{crops}: peak {peak / 2**20:.0f} MiB over all processes")


def session(pid):
    try:
        return os.getsid(int(pid))
    except (ProcessLookupError, PermissionError):
        return None


def resident(pid):
    """Bytes of private memory: file pages and pages shared with the process's siblings are not its own."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return 1024 * sum(
        int(line.split()[1]) for line in text.splitlines() if line.startswith(("Private_Dirty:", "Private_Clean:"))
    )


def store(arguments):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        write_crops(folder, {"train": 1, "val": 1, "test": 1}, side=112, classes=1)
        RowsFile(folder / "train/images.npy", (112, 112, 3)).close()
        count = 280_000
        with open(folder / "train/images.npy", "r+b") as file:  # sparse: opening reads no image
            header = {"descr": "|u1", "fortran_order": False, "shape": (count, 112, 112, 3)}
            np.lib.format.write_array_header_1_0(file, header)
            file.truncate(file.tell() + count * 112 * 112 * 3)
        np.save(folder / "train/labels.npy", np.zeros(count, np.int64))
        summary = json.loads((folder / "summary.json").read_text())
        summary["counts"]["train"] = {"class 0": count}
        (folder / "summary.json").write_text(json.dumps(summary | {"treated": {"flat": count}}))
        start = time.perf_counter()
        shape = open_crops(folder)["train"].images.shape
        print(f"{shape} opened in {1000 * (time.perf_counter() - start):.1f} ms")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--store", action="store_true")
    parser.add_argument("--pictures", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--json", help="write the table there as well")
    parser.add_argument("--build", help=argparse.SUPPRESS)
    parser.add_argument("--copies", type=int, default=1, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.build:
        build_many(chosen.build, chosen.copies)
    else:
        (memory if chosen.memory else store if chosen.store else speed)(chosen)
