"""Algorithm 1 at half of the channels of each site: does it take all of them to turn at once?"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stages.variants import periodic

if TYPE_CHECKING:
    from stages.params import Params

READS = periodic.READS
unit = periodic.unit
attach = periodic.attach


def settle(params: "Params", rates: Sequence[float], seed: int) -> "Params":
    """`periodic.share` 1/2."""
    return params.model_copy(update={"periodic": params.periodic.model_copy(update={"share": 0.5})})
