"""From the samples that a reader yields to the three splits of a run."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from stages.datasets.carving import carve, limited
from stages.datasets.finder import OUTSIDE
from stages.datasets.labels import NO_LABEL, composed, unify
from stages.datasets.sample import NO_PICTURE, DataSet, DataSetError, Note, Sample

SPLITS = ("train", "val", "test")


@dataclass
class Division:
    """samples of each split and their labels, int64 (N,) indices into classes; others as (split or "", path, reason).

    unusable are those with a problem, not_chosen those that the parameters exclude. carved names the splits that the
    set itself does not have, with the share of train they took. notes are the reader's, each once.
    """

    classes: tuple[str, ...]
    samples: dict[str, list[Sample]]
    labels: dict[str, np.ndarray]
    unusable: list[tuple[str, str, str]]
    not_chosen: list[tuple[str, str, str]]
    carved: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def choose_classes(dataset: DataSet, wanted: int | str | Sequence[str], found: Collection[str]) -> tuple[str, ...]:
    """The class names of a run, in label order.

    wanted is 7, 8, "all" or a list of names (the parameter `data.classes`); found are the names that the reader came
    across, which are the classes of a set that has no fixed ones. Raises DataSetError for a name that the set does not
    have, and for one that is wanted twice.
    """
    everything = dataset.classes or tuple(sorted(found))
    if wanted == "all":
        return everything
    if isinstance(wanted, int):
        return dataset.subsets.get(wanted, everything)
    if dataset.classes is None:
        wanted = [composed(name) for name in wanted]
    known = {*everything, *found}
    for name in wanted:
        if name not in known:
            raise DataSetError(
                f"{dataset.title} has no class {name!r} (data.classes); it has {', '.join(sorted(known))}"
            )
    if len(set(wanted)) < len(wanted):
        raise DataSetError(f"data.classes: {wanted} names a class twice")
    return tuple(wanted)


def divide(
    dataset: DataSet,
    stream: Iterable[Sample | Note],
    root: str | Path,
    *,
    classes: int | str | Sequence[str] = 7,
    limit: int | None = None,
    test_share: float = 0.15,
    test_of_val: float = 0.0,
    soft_labels: bool = False,
    outside: bool = False,
) -> Division:
    """Chooses the classes, carves the splits that the set lacks, limits train.

    A missing val or test split is carved out of train: stratified by class, seeded, and by subject where the samples
    name theirs, so that no person stands on both sides. With test_of_val above 0 a missing test split is that share of
    the set's own val: where that is balanced, or better labelled, so is the test. limit is the greatest number of
    training images, stratified. soft_labels keeps the samples' distributions, over the chosen classes; without it they
    are dropped. outside: what a list names outside of the set's folder is read too. Raises DataSetError for an empty
    split or class, naming the root and the parameter that mends it.
    """
    items = list(stream)
    samples = [item for item in items if isinstance(item, Sample)]
    notes = list(dict.fromkeys(item.text for item in items if isinstance(item, Note)))
    listed = set() if isinstance(classes, int | str) else set(map(composed, classes))
    for sample in samples:
        if sample.problem == OUTSIDE and outside:
            sample.problem = None
        elif sample.problem and sample.problem.startswith(NO_LABEL):
            if sample.label in listed:
                sample.problem = None  # a class may be called None where somebody says so
            else:
                sample.label = None
    if dataset.classes is None:
        notes += unify(samples, listed)
    names = choose_classes(dataset, classes, {sample.label for sample in samples if sample.label})
    index = {name: label for label, name in enumerate(names)}
    kept: dict[str | None, list[Sample]] = {split: [] for split in (None, *SPLITS)}
    unusable, not_chosen = [], []
    for sample in samples:
        if sample.problem in NO_PICTURE:
            not_chosen.append((sample.split or "", sample.path, sample.problem))
        elif sample.problem:
            unusable.append((sample.split or "", sample.path, sample.problem))
        elif sample.label not in index:
            not_chosen.append((sample.split or "", sample.path, f"class {sample.label}"))
        else:
            kept[sample.split].append(sample)

    if not any(kept.values()):
        reasons = _reasons(unusable + not_chosen)
        raise DataSetError(f"no usable picture in {root}{reasons}; expected {dataset.layout}")
    if len(names) < 2:
        raise DataSetError(f"one class only, {names[0]!r}, in {root}; expected {dataset.layout}")
    for split in SPLITS[1:]:
        own = [row for row in unusable + not_chosen if row[0] == split and row[2] not in NO_PICTURE]
        if own and not kept[split]:
            raise DataSetError(f"no usable picture in the {split} split of {root}{_reasons(own)}")
    pool = kept.pop(None) + kept["train"]
    if test_of_val and kept["val"] and not kept["test"]:
        every = len(kept["val"])
        kept["val"], parts = carve(kept["val"], index, ["test"], test_of_val, "data.test_of_val")
        kept.update(parts)
        notes.append(
            f"the set has no test split: {len(kept['test']):,} of the {every:,} pictures of val are it "
            f"(data.test_of_val: {test_of_val:g})"
        )
    carved = {split: test_share for split in ("test", "val") if pool and test_share and not kept[split]}
    if carved:
        if 0 < (nobody := sum(not sample.subject for sample in pool)) < len(pool):
            notes.append(f"{nobody:,} of {len(pool):,} pictures name no person: the splits are carved without persons")
        pool, parts = carve(pool, index, list(carved), test_share)
        kept.update(parts)
    if limit:
        pool, beyond = limited(pool, index, limit)
        not_chosen += [("train", sample.path, "beyond the limit") for sample in beyond]
    kept["train"] = pool
    for sample in (sample for split in SPLITS for sample in kept[split]):
        sample.soft = _soft(sample, dataset, names) if soft_labels else None
    labels = {
        split: np.array([index[sample.label or ""] for sample in kept[split]], dtype=np.int64) for split in SPLITS
    }
    _check(names, labels, root, dataset.layout)
    return Division(names, {split: kept[split] for split in SPLITS}, labels, unusable, not_chosen, carved, notes)


def _reasons(rows: Sequence[tuple[str, str, str]]) -> str:
    """The reasons of what was left out, each with its number and an example, and what mends them."""
    examples: dict[str, str] = {}
    for _, path, reason in rows:
        examples.setdefault(reason, path)
    counts = Counter(reason for *_, reason in rows).most_common(3)
    listed = ", ".join(f"{reason} ({count}, such as {examples[reason]})" for reason, count in counts)
    cure = "; paths start in the set's folder; `data.outside: true` reads others too" if OUTSIDE in examples else ""
    return f": {listed}{cure}" if listed else ""


def _soft(sample: Sample, dataset: DataSet, names: Sequence[str]) -> tuple[float, ...] | None:
    """The sample's distribution over the chosen classes, None where the set has none."""
    if sample.soft is None:
        return None
    every = dataset.classes or ()
    shares = [sample.soft[every.index(name)] for name in names]
    return tuple(share / sum(shares) for share in shares)


def _check(names: Sequence[str], labels: dict[str, np.ndarray], root: str | Path, layout: str) -> None:
    """Raises DataSetError when a split or a class of it is empty."""
    for split in SPLITS:
        if not len(labels[split]):
            cure = "" if split == "train" else "data.test_share above 0 carves one out of train; "
            raise DataSetError(f"no {split} split in {root}; {cure}expected {layout}")
        counts = np.bincount(labels[split], minlength=len(names))
        if empty := [name for name, count in zip(names, counts, strict=True) if not count]:
            cure = f"name the classes to be read, without it, in data.classes, or add pictures to {split}"
            raise DataSetError(f"no picture of class {', '.join(empty)} in the {split} split of {root}: {cure}")
