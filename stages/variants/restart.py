"""No noise: a learning rate that restarts where Algorithm 1 would turn the sign. Is it any shock?"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stages.variants import baseline

if TYPE_CHECKING:
    from stages.params import Params

READS = ("interval",)
attach = baseline.attach


def settle(params: "Params", rates: Sequence[float], seed: int) -> "Params":
    """`train.schedule` restarts, its `train.period` the `interval`, in epochs."""
    train = params.train.model_copy(update={"schedule": "restarts", "period": params.interval})
    return params.model_copy(update={"train": train})
