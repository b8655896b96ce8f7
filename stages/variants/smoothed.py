"""The baseline with smoothed labels (Szegedy et al. 2016), a regulariser known to help: a ledger should find it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stages.variants import baseline

if TYPE_CHECKING:
    from stages.params import Params

READS = baseline.READS
attach = baseline.attach


def settle(params: "Params", rates: Sequence[float], seed: int) -> "Params":
    """`train.label_smoothing` 0.1."""
    return params.model_copy(update={"train": params.train.model_copy(update={"label_smoothing": 0.1})})
