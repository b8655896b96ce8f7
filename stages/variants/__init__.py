"""The variants that are compared: what each attaches to the network, and which parts of params.yaml it reads.

A new variant is one function and one entry here, and one stage in dvc.yaml.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

import noise
from stages.params import Params


@dataclass(frozen=True)
class Variant:
    """`attach(network, params)` puts the variant's modules into the network and returns the names of the sites.

    `reads` are the parts of params.yaml, beside `train`, that decide what it trains. `flips` says whether it is meant to flip signs.
    """

    attach: Callable[[nn.Module, Params], list[str]]
    reads: tuple[str, ...] = ()
    flips: bool = False


def nothing(network, params):
    return []


def dropout(network, params):
    return noise.attach_dropout(network, p=params.dropout.p, sites=params.dropout.sites)


def periodic(network, params):
    return noise.attach_periodic(network, interval=params.interval, sites=params.periodic.sites)


def dynamic(network, params):
    return noise.attach_dynamic(
        network,
        start=params.dynamic.start,
        sites=params.dynamic.sites,
        **params.dynamic.model_dump(exclude={"start", "sites"}),
    )


def dropout_periodic(network, params):
    # The flip comes right after BatchNorm, as in Algorithm 1, and dropout after it.
    return periodic(network, params) + dropout(network, params)


VARIANTS = {
    "baseline": Variant(nothing),
    "dropout": Variant(dropout, reads=("dropout",)),
    "periodic": Variant(periodic, reads=("interval", "periodic"), flips=True),
    "dynamic": Variant(dynamic, reads=("dynamic",), flips=True),
    "dropout-periodic": Variant(dropout_periodic, reads=("interval", "periodic", "dropout"), flips=True),
}
