"""Parts of a split, with its shares of the classes: the splits that a set lacks, and a limited train."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from stages.datasets.sample import DataSetError, Sample
from stages.stratified import stratified

SEED = 0  # a set's own splits do not depend on the seeds of training, neither do the carved ones
_TRIED = 50_000  # pictures up to which a refusal looks for a share that would do


def carve(
    pool: list[Sample], index: dict[str, int], splits: Sequence[str], share: float, name: str = "data.test_share"
) -> tuple[list[Sample], dict[str, list[Sample]]]:
    """(what stays in the pool, {split: what it gets}), each split the share of it, by subject where all name theirs.

    index is {class: label}; name is what the parameter with the share is called. Raises DataSetError where a class
    would be missing in one of them, naming a share that would do, or the class.
    """
    try:
        return _carve(pool, index, splits, share)
    except ValueError:
        raise DataSetError(_cure(pool, index, splits, share, name)) from None


def limited(samples: list[Sample], index: dict[str, int], limit: int) -> tuple[list[Sample], list[Sample]]:
    """(at most limit of the training pictures, the others), with the same shares of the classes.

    Raises DataSetError where no picture of some class would be left.
    """
    if limit >= len(samples):
        return samples, []
    labels = np.array([index[sample.label or ""] for sample in samples])
    if limit < (least := len(set(labels.tolist()))):
        raise DataSetError(
            f"data.limit: {limit} leaves some of {least} classes without a training picture; it must be {least} or more"
        )
    kept = set(stratified(labels, limit, SEED).tolist())
    return [samples[i] for i in sorted(kept)], [sample for i, sample in enumerate(samples) if i not in kept]


def _carve(
    pool: list[Sample], index: dict[str, int], splits: Sequence[str], share: float
) -> tuple[list[Sample], dict[str, list[Sample]]]:
    """Raises ValueError where a class would be missing in one of them."""
    count, parts = round(share * len(pool)), {}
    every = {sample.label for sample in pool}
    for split in splits:
        if not 0 < count < len(pool):
            raise ValueError("nothing to carve")
        pool, parts[split] = _split(pool, index, len(pool) - count)
    if any({sample.label for sample in part} != every for part in (pool, *parts.values())):
        raise ValueError("a class is missing")
    return pool, parts


def _cure(pool: list[Sample], index: dict[str, int], splits: Sequence[str], share: float, parameter: str) -> str:
    parts = len(splits) + 1
    lacks = f"the set has no {' and no '.join(splits)} split, and {parameter}: {share:g} of {len(pool):,} pictures"
    people = all(sample.subject for sample in pool)
    units = Counter(label for label, _ in {(sample.label or "", sample.subject or id(sample)) for sample in pool})
    for name in index:
        if 0 < units[name] < parts:
            members = [sample.path for sample in pool if sample.label == name]
            paths = ", ".join(members[:3] + ["..."] * (len(members) > 3))
            owned = f" person{'s' * (units[name] > 1)}" * people
            return (
                f"{lacks} cannot give each split one of class {name}, which has {units[name]}{owned} ({paths}): "
                f"name the classes to be read, without it, in data.classes, or add pictures"
            )
    hundredths = range(5, 70, 5) if people else range(1, 67)  # dividing people takes much longer
    tried = sorted((hundredth / 100 for hundredth in hundredths), key=lambda other: abs(other - share))
    for other in tried if len(pool) <= _TRIED else ():
        try:
            _carve(pool, index, splits, other)
        except ValueError:
            continue
        return f"{lacks} cannot give it each of the {len(index)} classes; {parameter}: {other:g} would do"
    return f"{lacks} cannot give it each of the {len(index)} classes; fewer classes (data.classes) may do"


def _split(samples: list[Sample], index: dict[str, int], count: int) -> tuple[list[Sample], list[Sample]]:
    """(about count of the samples, the others), both in their order, with the same shares of classes.

    Raises ValueError where that cannot be.
    """
    # Imported here because it costs a second that most sets need not pay.
    from sklearn.model_selection import StratifiedGroupKFold, train_test_split

    labels = [index[sample.label or ""] for sample in samples]
    if all(sample.subject for sample in samples):
        folds = StratifiedGroupKFold(
            max(2, round(len(samples) / (len(samples) - count))), shuffle=True, random_state=SEED
        )
        first, second = next(folds.split(samples, labels, [sample.subject for sample in samples]))
    else:
        first, second = train_test_split(np.arange(len(samples)), train_size=count, stratify=labels, random_state=SEED)
    return [samples[i] for i in sorted(first)], [samples[i] for i in sorted(second)]
