"""The baseline with shifted and rotated images, a regulariser known to help: a ledger should find it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stages.variants import baseline

if TYPE_CHECKING:
    from stages.params import Params

READS = baseline.READS
attach = baseline.attach


def settle(params: "Params", rates: Sequence[float], seed: int) -> "Params":
    """`train.augment`: shifts of up to 4 pixels, rotations of up to 10 degrees."""
    augment = params.train.augment.model_copy(update={"shift": 4, "rotate": 10.0})
    return params.model_copy(update={"train": params.train.model_copy(update={"augment": augment})})
