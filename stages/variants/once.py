"""The first turn of Algorithm 1 and no other: is it the period, or one rewriting of the weights?"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from noise.periodic import turns
from stages.variants import periodic

if TYPE_CHECKING:
    from stages.params import Params

READS = periodic.READS
unit = periodic.unit
attach = periodic.attach


def settle(params: "Params", rates: Sequence[float], seed: int) -> "Params":
    """`periodic.turns` is the first of the run's turns; a run without any stays one."""
    return turning_at(params, turns(periodic.turning(params), length(params, rates))[:1])


def length(params: "Params", rates: Sequence[float]) -> int:
    """Of the run, in the unit of its turns."""
    return params.train.epochs if periodic.unit(params) == "epoch" else len(rates)


def turning_at(params: "Params", steps: list[int]) -> "Params":
    """The parameters with `periodic.turns`; as they are where there is no step to turn at."""
    section = params.periodic.model_copy(update={"turns": steps})
    return params.model_copy(update={"periodic": section}) if steps else params
