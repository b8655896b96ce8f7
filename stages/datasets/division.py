"""From the samples that a reader yields to the three splits of a run."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from stages.datasets.sample import NO_PICTURE, DataSet, DataSetError, Note, Sample

SPLITS = ("train", "val", "test")
SEED = 0  # of the carving: a set's own splits do not depend on the seeds of training, neither do the carved ones


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
    known = {*everything, *found}
    for name in wanted:
        if name not in known:
            raise DataSetError(f"{dataset.title} has no class {name!r}; it has {', '.join(sorted(known))}")
    if len(set(wanted)) < len(wanted):
        raise DataSetError(f"classes: {wanted} names a class twice")
    return tuple(wanted)


def divide(
    dataset: DataSet,
    stream: Iterable[Sample | Note],
    root: str | Path,
    *,
    classes: int | str | Sequence[str] = 7,
    limit: int | None = None,
    test_share: float = 0.15,
    soft_labels: bool = False,
) -> Division:
    """Chooses the classes, carves the splits that the set lacks, limits train.

    A missing val or test split is carved out of train: stratified by class, seeded, and by subject where the samples
    name theirs, so that no person stands on both sides. limit is the greatest number of training images, stratified.
    soft_labels keeps the samples' distributions, over the chosen classes; without it they are dropped. Raises
    DataSetError for an empty split or class, naming the root and the layout expected there.
    """
    items = list(stream)
    samples = [item for item in items if isinstance(item, Sample)]
    notes = list(dict.fromkeys(item.text for item in items if isinstance(item, Note)))
    found = {sample.label for sample in samples if sample.label is not None}
    names = choose_classes(dataset, classes, found)
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
        counts = Counter(reason for *_, reason in unusable + not_chosen).most_common(3)
        reasons = ", ".join(f"{reason} ({count})" for reason, count in counts)
        raise DataSetError(f"no usable picture in {root}{reasons and f': {reasons}'}; expected {dataset.layout}")
    pool = kept.pop(None) + kept["train"]
    carved = {split: test_share for split in ("test", "val") if pool and test_share and not kept[split]}
    count = round(test_share * len(pool))
    for split in carved:
        pool, kept[split] = _split(pool, index, len(pool) - count)
    if limit and limit < len(pool):
        pool, beyond = _split(pool, index, limit, by_subject=False)
        not_chosen += [("train", sample.path, "beyond the limit") for sample in beyond]
    kept["train"] = pool
    for sample in (sample for split in SPLITS for sample in kept[split]):
        sample.soft = _soft(sample, dataset, names) if soft_labels else None
    labels = {
        split: np.array([index[sample.label or ""] for sample in kept[split]], dtype=np.int64) for split in SPLITS
    }
    check(names, labels, f"{root}; expected {dataset.layout}")
    return Division(names, {split: kept[split] for split in SPLITS}, labels, unusable, not_chosen, carved, notes)


def _soft(sample: Sample, dataset: DataSet, names: Sequence[str]) -> tuple[float, ...] | None:
    """The sample's distribution over the chosen classes, None where the set has none."""
    if sample.soft is None:
        return None
    every = dataset.classes or ()
    shares = [sample.soft[every.index(name)] for name in names]
    return tuple(share / sum(shares) for share in shares)


def check(names: Sequence[str], labels: dict[str, np.ndarray], where: str) -> None:
    """Raises DataSetError when a split or a class of it is empty; where ends the message."""
    for split in SPLITS:
        if not len(labels[split]):
            raise DataSetError(f"no {split} split in {where}")
        counts = np.bincount(labels[split], minlength=len(names))
        if empty := [name for name, count in zip(names, counts, strict=True) if not count]:
            raise DataSetError(f"no picture of class {', '.join(empty)} in the {split} split of {where}")


def _split(
    samples: list[Sample], index: dict[str, int], count: int, by_subject: bool = True
) -> tuple[list[Sample], list[Sample]]:
    """(about count of the samples, the others), both in their order, with the same shares of classes."""
    # Imported here because it costs a second that most sets need not pay.
    from sklearn.model_selection import StratifiedGroupKFold, train_test_split

    labels = [index[sample.label or ""] for sample in samples]
    try:
        if by_subject and all(sample.subject for sample in samples):
            folds = StratifiedGroupKFold(
                max(2, round(len(samples) / (len(samples) - count))), shuffle=True, random_state=SEED
            )
            first, second = next(folds.split(samples, labels, [sample.subject for sample in samples]))
        else:
            first, second = train_test_split(
                np.arange(len(samples)), train_size=count, stratify=labels, random_state=SEED
            )
    except ValueError as error:
        raise DataSetError(
            f"cannot take {count} of {len(samples)} pictures of {len(index)} classes: {error}".replace("\n", " ")
        ) from None
    return [samples[i] for i in sorted(first)], [samples[i] for i in sorted(second)]
