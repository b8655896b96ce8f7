"""One name for a class that a set without fixed classes spells in several ways."""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable

from stages.datasets.sample import DataSetError, Sample

# What programs write where a value is missing: pandas' own list, and its words in other case.
_MISSING = {
    "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA", "None", "n/a", "<na>",
}  # fmt: skip
NO_LABEL = "no label"
_SHOWN = 6


def is_missing(cell: str) -> bool:
    """Whether a label is one of the words that programs write for a missing value."""
    return cell in _MISSING or cell.lower().lstrip("+-") in ("nan", "null")


def unify(samples: Iterable[Sample], wanted: Collection[str]) -> list[str]:
    """Gives the samples of one class one label, and returns lines that say so.

    Labels are stripped and in Unicode's composed form (NFC). Those that differ by case, or as numbers do ("1", "01",
    "1.0"), are one class: spelt as in `wanted`, else as in train, else as in most samples. Where all of them are
    wanted, they stay apart. Raises DataSetError where one split has two spellings: nobody knows what is meant.
    """
    spellings: dict[str, dict[str, Counter[str]]] = {}  # {what they have in common: {label: counts by split}}
    written: dict[str, set[str]] = {}
    labelled = [sample for sample in samples if sample.label is not None]
    for sample in labelled:
        label = composed(sample.label or "")
        written.setdefault(label, set()).add(sample.label or "")
        sample.label = label
        of_class = spellings.setdefault(_common(label), {})
        of_class.setdefault(label, Counter())[sample.split or "train"] += 1

    same = [
        f"{label!r} (also as {', '.join(map(ascii, sorted(others - {label})))})"
        for label, others in written.items()
        if others - {label}
    ]
    names: dict[str, str] = {}
    for of_class in spellings.values():
        if len(of_class) == 1 or set(of_class) <= set(wanted):
            continue
        by_split = Counter(split for counts in of_class.values() for split in counts)
        if twice := [split for split, count in by_split.items() if count > 1]:
            counts = ", ".join(f"{label!r} ({of_class[label][twice[0]]:,})" for label in sorted(of_class))
            cure = "mend them, or list all of them in data.classes where they are different classes"
            raise DataSetError(f"labels that are spelt in several ways in {twice[0]}: {counts}; {cure}")
        chosen = max(of_class, key=lambda label: (label in wanted, of_class[label]["train"], of_class[label].total()))
        names |= dict.fromkeys(of_class, chosen)
        others = [f"{label!r} in {', '.join(sorted(counts))}" for label, counts in of_class.items() if label != chosen]
        same.append(f"{chosen!r} ({', '.join(others)})")
    for sample in labelled:
        sample.label = names.get(sample.label or "", sample.label)
    more = [f"{len(same) - _SHOWN} more classes"] if len(same) > _SHOWN else []
    return [f"spelt in several ways, and read as one class: {', '.join(same[:_SHOWN] + more)}"] if same else []


def composed(label: str) -> str:
    """A label as it is compared: letters in one form (NFC), without blanks around it."""
    return unicodedata.normalize("NFC", label).strip()


def _common(label: str) -> str:
    """What all spellings of a class have in common: letters without case, numbers without idle zeros."""
    if number := re.fullmatch(r"([+-]?)([0-9]+)(?:\.([0-9]*))?", label):
        sign, whole, fraction = number[1], number[2].lstrip("0") or "0", (number[3] or "").rstrip("0")
        value = f"{whole}.{fraction}" if fraction else whole
        return f"-{value}" if sign == "-" and value != "0" else value
    return composed(label.casefold())
