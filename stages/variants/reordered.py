"""The baseline with its images in another order, nothing else: whatever a ledger finds between the two is luck."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stages.variants import baseline

if TYPE_CHECKING:
    from stages.params import Params

READS = baseline.READS
attach = baseline.attach


def settle(params: "Params", rates: Sequence[float], seed: int) -> "Params":
    """Another `train.order` than that of all other variants."""
    train = params.train.model_copy(update={"order": params.train.order + 1})
    return params.model_copy(update={"train": train})
