"""From samples to the store: resumable, with the previous store in place until the new one is whole."""

import contextlib
import os
import shutil
import sys
from collections import Counter
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from filelock import FileLock, Timeout
from tqdm import tqdm

from stages.crops.journal import Journal, scratch_name
from stages.crops.parallel import Decoders, cores
from stages.crops.store import RowsFile
from stages.crops.summary import write_tables

# Held-out splits first: what stands in them is known when train is written, and can be kept out of it.
ORDER = ("test", "val", "train")
TASK_BYTES = (
    4 << 20
)  # of the crops of one task: handing them over costs next to nothing, and many workers still fit into memory


class CropsError(Exception):
    """Crops that could not be made. The message is one line."""


def build(
    division, root, target, *, about, fingerprint, max_failures=0.02, drop_duplicates=False, workers=None, scratch=None
):
    """Writes the store of a `Division` to the folder target and returns its summary.

    about holds dataset, title, size, channels, flip and mean_std, and goes into the summary. drop_duplicates keeps
    out of train what stands in val or test with the same pixels. scratch is the folder for unfinished work, by
    default .scratch in the repository: on the same disk as the store, so that the finished one is moved, not copied.

    Raises CropsError when more than the share max_failures of the pictures cannot be used, when a class is left without a
    picture, or when another process is making the same crops.
    """
    images = [(sample.path, sample.box) for split in ORDER for sample in division.samples[split]]
    scratch = Path(scratch or Path(os.environ.get("DVC_ROOT", ".")) / ".scratch")
    settings = {key: about[key] for key in ("dataset", "size", "channels")}
    folder = scratch / scratch_name(fingerprint=fingerprint, images=images, drop=drop_duplicates, **settings)
    folder.mkdir(parents=True, exist_ok=True)
    recover(Path(target))
    lock = FileLock(f"{folder}.lock")
    try:
        with lock.acquire(timeout=0):
            outcomes = _crop(division, root, folder, about, max_failures, drop_duplicates, workers or cores())
            summary = write_tables(division, outcomes, folder, about, drop_duplicates)
            for split, counts in summary["counts"].items():
                if empty := [name for name, count in counts.items() if not count]:
                    raise CropsError(
                        f"no usable picture of class {', '.join(empty)} is left in the {split} split of {root}"
                    )
            (folder / "journal.jsonl").unlink()  # no part of the store
            replace(folder, target)
            sweep(scratch, lock)
            return summary
    except Timeout:
        raise CropsError(f"another process is making these crops ({lock.lock_file} is locked)") from None
    except BrokenProcessPool:
        cure = "the same command continues; give it fewer data.workers if memory is short"
        raise CropsError(f"a decoding process was killed from outside: {cure}") from None


def _crop(division, root, folder, about, max_failures, drop_duplicates, workers):
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
                samples, outcomes = division.samples[split], journal.of(split)
                dropped = held_out(journal.outcomes) if drop_duplicates and split == "train" else set()
                failures.add(samples, outcomes)
                start, rows = len(outcomes), sum(is_kept(outcome, dropped) for outcome in outcomes)
                (folder / split).mkdir(exist_ok=True)
                tasks = (
                    [(root / s.path if s.pixels is None else s.pixels, s.box) for s in samples[i : i + per_task]]
                    for i in range(start, len(samples), per_task)
                )
                with contextlib.closing(
                    RowsFile(folder / split / "images.npy", (size, size, channels), rows=rows)
                ) as file:
                    for crops, new in decoders.crop_all(tasks, size, channels):
                        decoded = [outcome for outcome in new if not isinstance(outcome, str)]
                        file.append(crops[[is_kept(outcome, dropped) for outcome in decoded]] if dropped else crops)
                        failures.add(samples[len(outcomes) :], new)
                        journal.add(split, new)
                        progress.update(len(new))
        return journal.outcomes


def held_out(outcomes):
    """The digests of all crops outside train."""
    return {outcome[0] for split in ("test", "val") for outcome in outcomes[split] if not isinstance(outcome, str)}


def is_kept(outcome, dropped):
    """Whether an outcome is a crop of the store: decoded, and not among the dropped digests."""
    return not isinstance(outcome, str) and outcome[0] not in dropped


class Failures:
    """Counts the pictures that cannot be used and stops as soon as their share of the whole set is bound to be too large."""

    def __init__(self, unusable, total, share):
        self.reasons, self.examples, self.total, self.share = Counter(), {}, total, share
        for _, path, reason in unusable:
            self._count(path, reason)
        self._check()

    def add(self, samples, outcomes):
        for sample, outcome in zip(samples, outcomes, strict=False):
            if isinstance(outcome, str):
                self._count(sample.path, outcome)
        self._check()

    def _count(self, path, reason):
        self.reasons[reason] += 1
        self.examples.setdefault(reason, path)

    def _check(self):
        if (count := self.reasons.total()) > self.share * self.total:
            listed = "; ".join(
                f"{reason} ({n}, such as {self.examples[reason]})" for reason, n in self.reasons.most_common()
            )
            allowed = f"more than data.max_failures = {self.share} allows"
            raise CropsError(f"already {count} of {self.total} pictures cannot be used, {allowed}: {listed}")


def replace(folder, target):
    """Puts a finished folder in the place of target, whose previous content is whole until then.

    A folder cannot be exchanged in one step everywhere: a process killed between the two renames leaves the previous content in
    .<name>-old, and the next `build` starts by taking it back.
    """
    target = Path(target)
    new, old = (target.with_name(f".{target.name}-{which}") for which in ("new", "old"))
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(new, ignore_errors=True)
    shutil.move(folder, new)
    if target.exists():
        target.rename(old)
    new.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def recover(target):
    """Takes a store back that an interrupted `replace` had moved aside."""
    old = target.with_name(f".{target.name}-old")
    if old.exists() and not target.exists():
        old.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def sweep(scratch, own):
    """Removes unfinished crops of other settings, unless a process is at work on them: each may be as large as the store."""
    for lock_file in scratch.glob("crops-*.lock"):
        lock = own if str(lock_file) == own.lock_file else FileLock(lock_file)
        with contextlib.suppress(Timeout), lock.acquire(timeout=0):
            shutil.rmtree(lock_file.with_suffix(""), ignore_errors=True)
            lock_file.unlink(missing_ok=True)
