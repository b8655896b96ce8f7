"""From samples to the store: resumable, with the previous store in place until the new one is whole."""

import contextlib
import itertools
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from stages.crops.failures import Failures
from stages.crops.journal import Journal, place, scratch_name
from stages.crops.limit import first, spread
from stages.crops.outcome import Outcome
from stages.crops.parallel import Decoders, Task, cores
from stages.crops.rows import RowsFile
from stages.crops.store import CropsError
from stages.crops.summary import write_tables
from stages.datasets.division import Division
from stages.datasets.sample import Sample
from stages.files import put_folder, recover
from stages.locks import Held, locked

# Held-out splits first: what stands in them is known when train is written, and can be kept out of it.
ORDER = ("test", "val", "train")
# Of the crops of one task: handing them over costs next to nothing, and many workers still fit into memory.
TASK_BYTES = 4 << 20


def build(
    division: Division,
    root: Path,
    target: str | Path,
    *,
    about: dict,
    fingerprint: dict,
    max_failures: float = 0.02,
    drop_duplicates: bool = False,
    limit: int | None = None,
    workers: int | None = None,
    scratch: str | Path | None = None,
) -> dict:
    """Writes the store of a division to the folder target and returns its summary.

    about holds dataset, title, size, channels, flip and mean_std, and goes into the summary. fingerprint is of the
    source. drop_duplicates keeps out of train what stands in val or test with the same pixels; limit is the greatest
    number of training crops that are left after that, stratified. workers is the number of processes that decode, by
    default one for each core. scratch is the folder for unfinished work, by default .scratch in the repository: on the
    same disk as the store, so that the finished one is moved, not copied.

    Raises CropsError when more than the share max_failures of the pictures cannot be used, when a class is left
    without a picture, or when another process is making the crops of this folder; OSError when the disk is full.
    """
    scratch = Path(scratch or Path(os.environ.get("DVC_ROOT", ".")) / ".scratch")
    settings = {"about": about, "fingerprint": fingerprint, "drop_duplicates": drop_duplicates, "limit": limit}
    if limit and limit < len(division.samples["train"]):
        division = spread(division)
    folder = scratch / scratch_name(target, division, **settings)
    folder.mkdir(parents=True, exist_ok=True)
    lock = scratch / f"crops-{place(target)}.lock"
    try:
        with locked(lock, _say):
            recover(target)
            with _named(folder):
                outcomes = _crop(
                    division, root, folder, about, max_failures, drop_duplicates, limit, workers or cores()
                )
                division = first(division, len(outcomes["train"]))
                summary = write_tables(division, outcomes, folder, about, drop_duplicates)
                _check_classes(summary["counts"], root, limit)
                _onto_disk(folder)
            put_folder(folder, target)
            (Path(target) / "journal.jsonl").unlink()  # no part of the store; until here it spares making it again
            for left_over in scratch.glob(f"crops-{place(target)}-*"):  # with other settings, each as large as a store
                shutil.rmtree(left_over, ignore_errors=True)
            lock.unlink(missing_ok=True)
            return summary
    except Held as held:
        raise CropsError(f"another process is making the crops in {target} ({held} is locked)") from None


def _crop(
    division: Division,
    root: Path,
    folder: Path,
    about: dict,
    max_failures: float,
    drop_duplicates: bool,
    limit: int | None,
    workers: int,
) -> dict[str, list[Outcome]]:
    """Appends the crops that are not yet in folder and returns the outcomes of all images, by split."""
    size, channels = about["size"], about["channels"]
    most = {split: len(samples) for split, samples in division.samples.items()}
    most["train"] = min(limit or most["train"], most["train"])
    total = sum(most.values())
    failures = Failures(division.unusable, total + len(division.unusable), max_failures)
    per_task = max(1, min(256, TASK_BYTES // (size * size * channels)))
    journal = Journal(folder, (size, size, channels), drop_duplicates)
    with contextlib.closing(journal), Decoders(workers) as decoders:
        if journal.cut:
            _say("part of what was done before is made again: it is damaged, or the disk could not be read")
        if len(journal):
            _say(f"continuing after {len(journal):,} of {total:,} pictures")
        # Into a log, a line now and then is enough.
        interval = 0.2 if sys.stderr.isatty() else 10
        with tqdm(total=total, initial=len(journal), unit="image", mininterval=interval) as progress:
            for split in ORDER:
                samples, outcomes = division.samples[split], journal.so_far(split)
                failures.add(samples, outcomes)
                (folder / split).mkdir(exist_ok=True)
                path = folder / split / "images.npy"
                images = RowsFile(path, (size, size, channels), rows=journal.rows(split))
                with contextlib.closing(images):
                    tasks = _tasks(samples, root, len(outcomes), per_task) if images.rows < most[split] else ()
                    for crops, new in decoders.crop_all(tasks, size, channels):
                        new = _until(new, journal.kept(split, new), most[split] - images.rows)
                        cropped = [outcome for outcome in new if outcome.cropped]
                        images.append(crops[: len(cropped)][journal.kept(split, cropped)])
                        failures.add(samples[len(outcomes) :], new)
                        journal.add(split, new)
                        progress.update(len(new))
                        if images.rows == most[split]:
                            break
        return journal.outcomes


def _until(outcomes: list[Outcome], kept: list[bool], count: int) -> list[Outcome]:
    """The outcomes up to the one that is kept as the last of count, all where there are fewer."""
    reached = itertools.accumulate(kept)
    return outcomes[: next((at for at, number in enumerate(reached, 1) if number == count), None)]


def _tasks(samples: Sequence[Sample], root: Path, start: int, size: int) -> Iterator[Task]:
    """The pictures and boxes of the samples from start on, in tasks of a size."""
    for at in range(start, len(samples), size):
        part = samples[at : at + size]
        yield [(root / sample.path if sample.pixels is None else sample.pixels, sample.box) for sample in part]


def _check_classes(counts: dict[str, dict[str, int]], root: Path, limit: int | None) -> None:
    """Raises CropsError for a split in which a class has no picture left."""
    for split, of_classes in counts.items():
        empty = [name for name, count in of_classes.items() if not count]
        if empty:
            cure = f"; data.limit: {limit} may be too small" if limit and split == "train" else ""
            raise CropsError(
                f"no usable picture of class {', '.join(empty)} is left in the {split} split of {root}{cure}"
            )


def _onto_disk(folder: Path) -> None:
    """A power cut spares what takes the place of the previous store."""
    for path in folder.rglob("*.*"):
        with open(path, "r+b") as file:
            os.fsync(file.fileno())


@contextlib.contextmanager
def _named(folder: Path) -> Iterator[None]:
    """A full disk is an error without the name of a file; NumPy's is even without a number."""
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror or str(error), str(folder)) from error


def _say(line: str) -> None:
    print(line, file=sys.stderr)
