"""When too many pictures cannot be used: the stage stops, and says why and which."""

from collections import Counter
from collections.abc import Iterable

from stages.crops.outcome import Outcome
from stages.crops.store import CropsError
from stages.crops.summary import legible
from stages.datasets.sample import Sample


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
                f"{reason} ({n}, such as {legible(self.examples[reason])})" for reason, n in self.reasons.most_common()
            )
            allowed = f"more than data.max_failures = {self.share} allows"
            raise CropsError(f"already {count} of {self.total} pictures cannot be used, {allowed}: {listed}")
