"""From samples to the store: resumable, with the previous store in place until the new one is whole."""

import contextlib
import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from filelock import FileLock, Timeout
from tqdm import tqdm

from stages.crops.journal import Journal, scratch_name, scratch_names
from stages.crops.outcome import Outcome
from stages.crops.parallel import Decoders, Task, cores
from stages.crops.store import RowsFile
from stages.crops.summary import write_tables
from stages.datasets.division import Division
from stages.datasets.sample import Sample
from stages.files import put_folder, recover

# Held-out splits first: what stands in them is known when train is written, and can be kept out of it.
ORDER = ("test", "val", "train")
# Of the crops of one task: handing them over costs next to nothing, and many workers still fit into memory.
TASK_BYTES = 4 << 20


class CropsError(Exception):
    """Crops that could not be made. The message is one line."""


def build(
    division: Division,
    root: Path,
    target: str | Path,
    *,
    about: dict,
    fingerprint: dict,
    max_failures: float = 0.02,
    drop_duplicates: bool = False,
    workers: int | None = None,
    scratch: str | Path | None = None,
) -> dict:
    """Writes the store of a division to the folder target and returns its summary.

    about holds dataset, title, size, channels, flip and mean_std, and goes into the summary. fingerprint is of the
    source. drop_duplicates keeps out of train what stands in val or test with the same pixels. workers is the number
    of processes that decode, by default one for each core. scratch is the folder for unfinished work, by default
    .scratch in the repository: on the same disk as the store, so that the finished one is moved, not copied.

    Raises CropsError when more than the share max_failures of the pictures cannot be used, when a class is left
    without a picture, or when another process is making the same crops; OSError when the disk is full.
    """
    images = [(sample.path, sample.box) for split in ORDER for sample in division.samples[split]]
    scratch = Path(scratch or Path(os.environ.get("DVC_ROOT", ".")) / ".scratch")
    settings = {key: about[key] for key in ("dataset", "size", "channels")}
    folder = scratch / scratch_name(target, fingerprint=fingerprint, images=images, drop=drop_duplicates, **settings)
    folder.mkdir(parents=True, exist_ok=True)
    recover(target)
    lock = FileLock(f"{folder}.lock")
    try:
        with lock.acquire(timeout=0):
            outcomes = _crop(division, root, folder, about, max_failures, drop_duplicates, workers or cores())
            summary = write_tables(division, outcomes, folder, about, drop_duplicates)
            _check_classes(summary["counts"], root)
            (folder / "journal.jsonl").unlink()  # no part of the store
            put_folder(folder, target)
            sweep(scratch, target, lock)
            return summary
    except Timeout:
        raise CropsError(f"another process is making these crops ({lock.lock_file} is locked)") from None
    except BrokenProcessPool:
        cure = "the same command continues; give it fewer machine.workers if memory is short"
        raise CropsError(f"a decoding process was killed from outside: {cure}") from None


def _crop(
    division: Division,
    root: Path,
    folder: Path,
    about: dict,
    max_failures: float,
    drop_duplicates: bool,
    workers: int,
) -> dict[str, list[Outcome]]:
    """Appends the crops that are not yet in folder and returns the outcomes of all images, by split."""
    size, channels = about["size"], about["channels"]
    total = sum(map(len, division.samples.values()))
    failures = Failures(division.unusable, total + len(division.unusable), max_failures)
    per_task = max(1, min(256, TASK_BYTES // (size * size * channels)))
    with contextlib.closing(Journal(folder)) as journal, Decoders(workers) as decoders:
        if len(journal):
            print(f"continuing after {len(journal):,} of {total:,} pictures", file=sys.stderr)
        # Into a log, a line now and then is enough.
        interval = 0.2 if sys.stderr.isatty() else 10
        with tqdm(total=total, initial=len(journal), unit="image", mininterval=interval) as progress:
            for split in ORDER:
                samples, outcomes = division.samples[split], journal.so_far(split)
                dropped = held_out(journal.outcomes) if drop_duplicates and split == "train" else set()
                failures.add(samples, outcomes)
                rows = sum(is_kept(outcome, dropped) for outcome in outcomes)
                (folder / split).mkdir(exist_ok=True)
                images = RowsFile(folder / split / "images.npy", (size, size, channels), rows=rows)
                with contextlib.closing(images):
                    tasks = _tasks(samples, root, len(outcomes), per_task)
                    for crops, new in decoders.crop_all(tasks, size, channels):
                        cropped = [outcome for outcome in new if outcome.cropped]
                        images.append(crops[[is_kept(outcome, dropped) for outcome in cropped]] if dropped else crops)
                        failures.add(samples[len(outcomes) :], new)
                        journal.add(split, new)
                        progress.update(len(new))
        return journal.outcomes


def _tasks(samples: Sequence[Sample], root: Path, start: int, size: int) -> Iterator[Task]:
    """The pictures and boxes of the samples from start on, in tasks of a size."""
    for first in range(start, len(samples), size):
        part = samples[first : first + size]
        yield [(root / sample.path if sample.pixels is None else sample.pixels, sample.box) for sample in part]


def held_out(outcomes: dict[str, list[Outcome]]) -> set[bytes]:
    """The digests of all crops outside train."""
    return {outcome.digest for split in ("test", "val") for outcome in outcomes[split] if outcome.cropped}


def is_kept(outcome: Outcome, dropped: set[bytes]) -> bool:
    """Whether an outcome is a crop of the store: decoded, and not among the dropped digests."""
    return outcome.cropped and outcome.digest not in dropped


def _check_classes(counts: dict[str, dict[str, int]], root: Path) -> None:
    """Raises CropsError for a split in which a class has no picture left."""
    for split, of_classes in counts.items():
        empty = [name for name, count in of_classes.items() if not count]
        if empty:
            names = ", ".join(empty)
            raise CropsError(f"no usable picture of class {names} is left in the {split} split of {root}")


class Failures:
    """Counts the pictures that cannot be used, and stops when their share of the set is bound to be too large."""

    def __init__(self, unusable: Iterable[tuple[str, str, str]], total: int, share: float):
        """unusable are (split, path, reason) of pictures known beforehand, of total. Raises CropsError as `add`."""
        self.reasons: Counter[str] = Counter()
        self.examples: dict[str, str] = {}
        self.total, self.share = total, share
        for _, path, reason in unusable:
            self._count(path, reason)
        self._check()

    def add(self, samples: Iterable[Sample], outcomes: Iterable[Outcome]) -> None:
        """Counts the next outcomes, of as many samples or more. Raises CropsError when there are too many failures."""
        for sample, outcome in zip(samples, outcomes, strict=False):
            if not outcome.cropped:
                self._count(sample.path, outcome.reason)
        self._check()

    def _count(self, path: str, reason: str) -> None:
        self.reasons[reason] += 1
        self.examples.setdefault(reason, path)

    def _check(self) -> None:
        count = self.reasons.total()
        if count > self.share * self.total:
            listed = "; ".join(
                f"{reason} ({n}, such as {self.examples[reason]})" for reason, n in self.reasons.most_common()
            )
            allowed = f"more than data.max_failures = {self.share} allows"
            raise CropsError(f"already {count} of {self.total} pictures cannot be used, {allowed}: {listed}")


def sweep(scratch: Path, target: str | Path, own: FileLock) -> None:
    """Removes unfinished crops of the same store with other settings, unless a process is at work on them.

    Each may be as large as the store.
    """
    for lock_file in scratch.glob(f"{scratch_names(target)}.lock"):
        lock = own if str(lock_file) == own.lock_file else FileLock(lock_file)
        with contextlib.suppress(Timeout), lock.acquire(timeout=0):
            shutil.rmtree(lock_file.with_suffix(""), ignore_errors=True)
            lock_file.unlink(missing_ok=True)
